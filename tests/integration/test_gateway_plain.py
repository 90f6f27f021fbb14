"""Listeners without TLS beside others: what lines make of them, and how an end is told where nothing says close_notify."""
import socket
import struct
import threading

import pytest

from http_backend import HttpBackend
from ports import free_port
from sip_backend import SipBackend, read_message, request
from test_gateway_http import UPGRADE


@pytest.fixture(scope="module")
def web():
    backend = HttpBackend()
    yield backend
    backend.close()


class Plain:
    """One connection without TLS that requests are written to as bytes."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.settimeout(30)
        self.stream = self.sock.makefile("rb")
        self.peer = "{}:{}".format(*self.sock.getsockname())

    def ask(self, raw):
        """The status, after the whole head of the answer."""
        self.sock.sendall(raw.encode())
        status = self.stream.readline()
        while self.stream.readline().strip():
            pass
        return int(status.split()[1])

    def upgrade(self, path):
        return self.ask(UPGRADE.format(path=path, connection="Upgrade", upgrade="websocket"))

    def echoes(self):
        self.sock.sendall(b"x")
        return self.stream.read(1) == b"x"

    def end(self):
        """What came until the end, and how that was told: "end" or "reset"."""
        got = b""
        while True:
            try:
                more = self.stream.read1(65536)
            except ConnectionResetError:
                return got, "reset"
            if not more:
                return got, "end"
            got += more

    def close(self):
        self.stream.close()
        self.sock.close()


def both(plain, **more):
    """An interface with a port for TLS and one without."""
    return {"service-security": "unsecure+secure", "listen-plain": [f"127.0.0.1:{plain}"], **more}


def line(security, interface="web", **more):
    rest = " ".join(f'{name} = "{value}"' for name, value in more.items())
    return f'line "{security}" {{ interface = "{interface}" path = "/{security}" security = "{security}" {rest} }}'


@pytest.mark.parametrize("security,status,reason", [
    ("unsecured", 101, None), ("medium", 403, "handshake-failed"), ("high", 403, "certificate-missing")])
def test_a_line_without_tls_is_one_of_security_unsecured(gateway_of, web, security, status, reason):
    """Medium is TLS without a certificate, high one with a certificate."""
    port = free_port()
    gateway = gateway_of({"web": both(port, level="low", mode="http")}, backend=web, blocks=[line(security)])
    peer = Plain(port)
    assert peer.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == 200
    peer.close()
    peer = Plain(port)
    assert peer.upgrade("/" + security) == status
    assert reason or peer.echoes()
    peer.close()
    record = gateway.record_of(peer.peer)
    assert (record["verdict"], record["reason"]) == ("reject" if reason else "accept", reason)
    assert (record["class"], record["tls"]) == (security, None)


def test_a_line_without_tls_outlives_a_reload_that_does_not_concern_it(gateway_of, web):
    port = free_port()
    interface = {"level": "low", "mode": "http", "live": "close"}
    gateway = gateway_of({"web": both(port, **interface)}, backend=web, blocks=[line("unsecured")])
    peer = Plain(port)
    assert peer.upgrade("/unsecured") == 101
    gateway.configure({"web": both(port, **{**interface, "level": "medium"})})
    gateway.reload(2)
    later = Plain(port)  # behind it every connection that was there has been looked at
    assert later.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == 200
    later.close()
    assert peer.echoes()
    assert not [r for r in gateway.records() if r.get("live")]
    peer.close()


def test_a_line_that_wants_tls_from_now_on_ends_without_it(gateway_of, web):
    port = free_port()
    interface = {"level": "low", "mode": "http", "live": "close"}
    gateway = gateway_of({"web": both(port, **interface)}, backend=web, blocks=[
        'line "hq" { interface = "web" path = "/hq" security = "unsecured" }'])
    peer = Plain(port)
    assert peer.upgrade("/hq") == 101
    gateway.blocks = ['line "hq" { interface = "web" path = "/hq" security = "medium" }']
    gateway.configure({"web": both(port, **interface)})
    gateway.reload(2)
    assert peer.end()[0] == b""
    peer.close()
    record = gateway.record_of(peer.peer, 1)
    assert (record["live"], record["reason"]) == ("close", "handshake-failed")


def test_a_trunk_is_none_without_tls_and_a_phone_is_one(gateway_of):
    port, backend = free_port(), SipBackend()
    gateway = gateway_of({"sip": both(port, service="sip", phones=True, level="low")}, backend=backend, blocks=[
        'trunk "carrier" { interface = "sip" sip-domains = {"sip.example.test"} level = "none" }'])
    for domain, status, reason in (("phones.example.test", "200", None),
                                   ("sip.example.test", "403", "certificate-missing")):
        peer = Plain(port)
        peer.sock.sendall(request("OPTIONS", "sip:gw.example.test", f"<sip:1@{domain}>;tag=a",
                                  via="SIP/2.0/TCP peer.example.test;branch=z9hG4bK1"))
        assert read_message(peer.stream)[0].split()[1] == status
        peer.close()
        assert gateway.record_of(peer.peer)["reason"] == reason
    backend.close()


class Breaks:
    """A backend that reads a request's head, sends something, and breaks off: with a reset, or in order."""

    def __init__(self, answer, reset):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer, self.reset = answer, reset
        self.go = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        conn, _ = self.listener.accept()
        with conn:
            stream = conn.makefile("rb")
            while stream.readline().strip():
                pass
            conn.sendall(self.answer)
            assert self.go.wait(60)
            if self.reset:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()

    def close(self):
        self.listener.close()


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"


@pytest.mark.parametrize("mode,reset,end", [("tcp", True, "reset"), ("tcp", False, "end"),
                                            ("http", True, "reset"), ("http", False, "reset")])
def test_a_backend_that_breaks_off_is_a_reset_to_a_peer_without_tls(gateway_of, mode, reset, end):
    """In mode tcp an end in order is one; in mode http no end is within a body of known length."""
    port, backend = free_port(), Breaks(HALF, reset)
    gateway_of({"web": both(port, level="low", mode=mode)}, backend=backend)
    peer = Plain(port)
    peer.sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    got = b""
    while not got.endswith(b"half"):
        got += peer.stream.read1(65536)
    backend.go.set()
    assert peer.end() == (b"", end)
    peer.close()
    backend.close()
