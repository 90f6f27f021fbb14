#!/usr/bin/python3
"""What a change of the trust store costs those who are being served, while all connected peers are judged again.

  rejudge.py BUILD [COUNT]     BUILD: a folder built without sanitizers; COUNT peers (10,000)

One worker in front of an HTTP backend. One more peer asks again and again over its one connection: printed is the longest that it
waited for an answer, before the change and from the change until it has settled.
"""
import os
import resource
import socket
import ssl
import sys
import tempfile
import threading
import time

if len(sys.argv) < 2:
    sys.exit(__doc__)
os.environ["CERTGATE_BUILD"] = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from conftest import Gateway  # noqa: E402
from http_backend import HttpBackend  # noqa: E402
from pki import Pki, to_pem  # noqa: E402

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def ask(conn):
    conn.sendall(REQUEST)
    got = b""
    while b"\r\n\r\n" not in got or not got.endswith(b"}"):
        more = conn.recv(65536)
        assert more, "the connection ended"
        got += more


class Asking(threading.Thread):
    """Asks until it is told to stop; .waits holds how long each answer took, in seconds."""

    def __init__(self, conn):
        super().__init__(daemon=True)
        self.conn, self.stopped, self.waits = conn, threading.Event(), []

    def run(self):
        while not self.stopped.is_set():
            start = time.monotonic()
            ask(self.conn)
            self.waits.append(time.monotonic() - start)

    def stop(self):
        self.stopped.set()
        self.join()
        return max(self.waits) * 1000, len(self.waits)


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        pki, backend = Pki(os.path.join(folder, "pki")), HttpBackend()
        settings = {"web": {"level": "medium", "mode": "http", "max-per-source": COUNT + 100,
                            "max-connections": COUNT + 100, "request-timeout": "10m"}}
        gateway = Gateway(folder, pki, pki.identity(), backend, settings)
        contexts = []
        for n in range(min(COUNT, 4000)):  # peers differ, so that no verdict is simply remembered
            cert, context = pki.leaf(f"peer{n}"), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.load_cert_chain(cert.chain_file, cert.key_file)
            contexts.append(context)
        try:
            connect = lambda n: contexts[n % len(contexts)].wrap_socket(socket.create_connection(("127.0.0.1", gateway.ports["web"])))
            held = [connect(n) for n in range(COUNT)]
            one, worker = connect(0), gateway.worker_pids()[0]
            ask(one)
            before = Asking(one)
            before.start()
            time.sleep(2)
            quiet, _ = before.stop()
            with open(os.path.join(gateway.tcs, "more.pem"), "wb") as f:
                f.write(to_pem(Pki(os.path.join(folder, "other"), label="Other").root_der))
            during, used = Asking(one), cpu(worker)
            during.start()
            start = time.monotonic()
            gateway.reload(2)
            in_force = time.monotonic() - start
            time.sleep(4)
            worst, answers = during.stop()
            print(f"{len(held)} peers: the longest wait was {quiet:.1f} ms before, {worst:.1f} ms with the change ({answers} answers); "
                  f"in force after {in_force * 1000:.0f} ms, {cpu(worker) - used:.2f} s of CPU")
        finally:
            gateway.stop()
            backend.close()


main()
