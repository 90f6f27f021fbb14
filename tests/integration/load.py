"""Clients that come and go all the time, and remember which of them failed and when they had begun."""
import socket
import threading
import time

from clients import REQUEST
from test_gateway import context


class Load:
    def __init__(self, port, cert, clients=4):
        self.port, self.context = port, context(cert, None)
        self.served, self.failures = 0, []  # of a failure: when that connection was begun, and what came
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._come_and_go, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"

    def _come_and_go(self):
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                with self.context.wrap_socket(raw, server_hostname="gw.example.test") as connection:
                    connection.sendall(REQUEST)
                    answer = b""
                    while b"hello\n" not in answer:
                        more = connection.recv(4096)
                        if not more:
                            raise OSError(f"ended after {answer!r}")
                        answer += more
                self.served += 1
            except OSError as error:
                self.failures.append((begun, repr(error)))
