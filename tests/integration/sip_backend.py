"""A plaintext SIP server over TCP: answers requests with 200, remembers them, and can call over a peer's flow."""
import socket
import threading


def message(line, *fields, body=b""):
    head = "\r\n".join((line,) + fields + (f"Content-Length: {len(body)}",)) + "\r\n\r\n"
    return head.encode("latin-1") + body


def request(method, uri, sender, to="sip:desk@gw.example.test", via="SIP/2.0/TLS peer.example.test;branch=z9hG4bK1",
            number=1, body=b"", extra=()):
    return message(f"{method} {uri} SIP/2.0", f"Via: {via}", "Max-Forwards: 70", f"From: {sender}",
                   f"To: <{to}>", "Call-ID: 1@peer.example.test", f"CSeq: {number} {method}", *extra, body=body)


def read_message(stream):
    """(first line, {lower-case name: [values]}, body), or None at the end."""
    line = b"\r\n"
    while line == b"\r\n":
        line = stream.readline()
    if not line:
        return None
    fields = {}
    while True:
        text = stream.readline().decode("latin-1").rstrip("\r\n")
        if not text:
            break
        name, _, value = text.partition(":")
        fields.setdefault(name.strip().lower(), []).append(value.strip())
    body = stream.read(int(fields.get("content-length", fields.get("l", ["0"]))[0]))
    return line.decode("latin-1").rstrip("\r\n"), fields, body


class SipBackend:
    """With once=True it closes each connection after its first answer, for clients that wait for the end."""

    def __init__(self, once=False):
        self.once = once
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.messages = []
        self.flows = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.flows.append(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with conn, conn.makefile("rb") as stream:
            try:
                while True:
                    got = read_message(stream)
                    if got is None:
                        return
                    self.messages.append(got)
                    line, fields, _ = got
                    if line.startswith("SIP/2.0") or line.startswith("ACK"):
                        continue
                    copied = [f"{name.title()}: {value}" for name in ("via", "from", "to", "call-id", "cseq")
                              for value in fields.get(name, [])]
                    conn.sendall(message("SIP/2.0 200 OK", *copied))
                    if self.once:
                        return
            except (OSError, ValueError):
                return

    def close(self):
        self.listener.close()
