"""A plaintext HTTP/1.1 backend that says what it received, keeps connections, and tunnels after an upgrade."""
import json
import socket
import threading


class HttpBackend:
    """Answers every request with what it was, as JSON; the path may ask for other behaviour.

    /chunked answers in chunks, /until-close without a length, /bad with two lengths, /hang never.
    An upgrade request is answered 101, and then bytes come back as they are; but /no/… is answered as others.
    """

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.requests = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    @staticmethod
    def _head(stream):
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return None
        fields = []
        while True:
            text = stream.readline().decode("latin-1").rstrip("\r\n")
            if not text:
                return line, fields
            name, _, value = text.partition(":")
            fields.append((name, value.strip()))

    @staticmethod
    def _body(stream, fields):
        named = {name.lower(): value for name, value in fields}
        if named.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(stream.readline().split(b";")[0], 16)
                body += stream.read(size)
                stream.readline()
                if size == 0:
                    return body
        return stream.read(int(named.get("content-length", "0")))

    def _serve(self, conn):
        with conn, conn.makefile("rb") as stream:
            try:
                while True:
                    head = self._head(stream)
                    if head is None or not self._answer(conn, stream, *head):
                        return
            except (OSError, ValueError):
                return

    def _answer(self, conn, stream, line, fields):
        method, path, _ = line.split(" ")
        named = {name.lower(): value for name, value in fields}
        if named.get("expect") == "100-continue":
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(stream, fields)
        self.requests.append((line, fields, body))
        if "upgrade" in named and not path.startswith("/no/"):
            conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            while True:
                more = stream.read1(65536)
                if not more:
                    return False
                conn.sendall(more)
        if path == "/hang":
            return bool(stream.read(1)) and False
        text = json.dumps({"line": line, "fields": fields, "body": body.decode("latin-1")}).encode()
        if method == "HEAD":
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text))
        elif path == "/chunked":
            conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(text), 7):
                conn.sendall(b"%x\r\n%s\r\n" % (len(text[at:at + 7]), text[at:at + 7]))
            conn.sendall(b"0\r\n\r\n")
        elif path == "/until-close":
            conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + text)
            return False
        elif path == "/bad":
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
        else:
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
        return True

    def close(self):
        self.listener.close()
