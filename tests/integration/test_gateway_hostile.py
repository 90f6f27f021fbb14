"""Peers and backends that do what they should not, or what is allowed and rare; and what is recorded of it."""
import os
import select
import socket
import ssl
import struct
import threading
import time

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from conftest import PATIENCE, until
from http_backend import HttpBackend
from ports import free_port
from servers import Server
from sip_backend import SipBackend, read_message, request
from test_gateway import connect, context
from test_gateway_http import Client, received

GET = b"GET / HTTP/1.1\r\nHost: gw.example.test\r\n\r\n"


@pytest.fixture(scope="module")
def web():
    backend = HttpBackend()
    yield backend
    backend.close()


class HalfClosing:
    """A TLS 1.3 client that says it sends no more and goes on to read; Python's sockets cannot."""

    def __init__(self, port, cert=None):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        using = context(cert, "1.3")
        using.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        self.tls = using.wrap_bio(self.incoming, self.outgoing, server_hostname="gw.example.test")
        self.raw = socket.create_connection(("127.0.0.1", port))
        self.raw.settimeout(PATIENCE)
        self._step(self.tls.do_handshake)

    def _step(self, action, *arguments):
        while True:
            try:
                result = action(*arguments)
                self.raw.sendall(self.outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.raw.sendall(self.outgoing.read())
                data = self.raw.recv(65536)
                self.incoming.write(data) if data else self.incoming.write_eof()

    def say(self, data, at_once):
        """`data` and close_notify; at once, or the one after the other has been taken."""
        if not at_once:
            self._step(self.tls.write, data)
        else:
            self.tls.write(data)
        with pytest.raises((ssl.SSLWantReadError, ssl.SSLSyscallError)):
            self.tls.unwrap()
        self.raw.sendall(self.outgoing.read())

    def rest(self):
        """What came, and whether close_notify ended it."""
        while True:
            data = self.raw.recv(65536)
            if not data:
                break
            self.incoming.write(data)
        self.incoming.write_eof()
        got = b""
        while True:
            try:
                piece = self.tls.read(65536)
            except ssl.SSLZeroReturnError:
                return got, True
            except ssl.SSLError:
                return got, False
            if not piece:
                return got, True
            got += piece

    def close(self):
        self.raw.close()


# What a backend is told.

def test_an_allowance_is_told_for_the_class_that_needed_it(gateway_of, pki, web):
    line = 'line "hq" { interface = "web" path = "/no/hq" level = "low" }'
    gateway = gateway_of({"web": {"level": "medium", "allow": ["allow-server-auth-clients"]}}, backend=web,
                         blocks=[line])
    client = Client(gateway, "web", pki.leaf("allowed", eku=(Eku.SERVER_AUTH,)))
    for ask, verdict in ((client.get, "accept-with-allowance;level=medium;"), (client.upgrade, "accept;level=low;"),
                         (client.get, "accept-with-allowance;level=medium;")):
        _, _, body = ask("/no/hq")
        assert received(body)[1]["certgate-verdict"].startswith(verdict)
    client.close()


def test_a_backend_that_was_told_of_a_verified_peer_is_told_of_the_other(gateway_of, pki, web):
    """PROXY headers are per connection: a class that needs an allowance gets a connection of its own."""
    line = 'line "hq" { interface = "web" path = "/no/hq" level = "low" }'
    heads = []

    def serve(conn):
        heads.append(conn.recv(65536))
        while True:
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            if not conn.recv(65536):
                return
    backend = Server(serve)
    gateway = gateway_of({"web": {"level": "medium", "proxy": "v2", "allow": ["allow-server-auth-clients"]}},
                         backend=backend, blocks=[line])
    client = Client(gateway, "web", pki.leaf("both", eku=(Eku.SERVER_AUTH,)))
    for ask in (client.upgrade, client.upgrade, client.get, client.get):
        assert ask("/no/hq")[0] == 200
    assert [head[:12] for head in heads] == [b"\r\n\r\n\0\r\nQUIT\n"] * 2
    client.close()
    backend.close()


def test_plain_is_not_called_https(gateway_of, web):
    gateway = gateway_of({"web": {"level": "none", "mode": "http", "service-security": "unsecure-only",
                                  "listen-plain": [f"127.0.0.1:{free_port()}"]}}, backend=web)
    with open(gateway.config, encoding="utf-8") as f:
        port = int(f.read().partition("listen-plain = {\"127.0.0.1:")[2].partition('"')[0])
    with socket.create_connection(("127.0.0.1", port)) as conn:
        conn.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        text = conn.makefile("rb").read()
    assert received(text.partition(b"\r\n\r\n")[2])[1]["x-forwarded-proto"] == "http"


# Records.

@pytest.mark.parametrize("lines, verdict, kind", [((), "accept", "other"), (("hq",), "reject", None)])
def test_a_malformed_first_request_leaves_a_record(gateway_of, web, good, lines, verdict, kind):
    blocks = [f'line "{name}" {{ interface = "web" path = "/{name}" }}' for name in lines]
    gateway = gateway_of({"web": {"level": "medium", "mode": "http"}}, backend=web, blocks=blocks)
    client = Client(gateway, "web", good)
    status, _, body = client.ask("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
    assert status == 400
    record = gateway.record(0)
    assert (record["verdict"], record["class"], record["step"]) == (verdict, kind, "http")
    assert record["incident"].encode() in body
    client.close()
    assert until("the end", lambda: gateway.mark() == 1)


def test_a_trunk_that_leaves_without_a_request_was_admitted(gateway_of, good):
    gateway = gateway_of({"sip": {"service": "sip", "level": "low"}},
                         blocks=['trunk "near" { interface = "sip" from = {"127.0.0.1"} level = "medium" }'])
    connect(gateway.ports["sip"], good).close()
    record = gateway.record(0)
    assert (record["verdict"], record["class"], record["step"]) == ("accept", "near", "sip")


def test_a_connection_that_outlives_the_drain_is_recorded(gateway_of, good, web):
    gateway = gateway_of({"web": {"level": "medium", "mode": "http"}}, backend=web)
    client = Client(gateway, "web", good)
    gateway.process.terminate()
    assert gateway.process.wait(PATIENCE) == 0
    record, = gateway.records()
    assert (record["verdict"], record["step"]) == ("accept", "http")
    client.close()


# Slow and absent backends.

class Full:
    """A backend that accepts nothing: its queue is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waiting = [socket.socket() for _ in range(4)]
        for conn in self.waiting:
            conn.setblocking(False)
            conn.connect_ex(("127.0.0.1", self.port))
        self.idle = self.attempts()

    def attempts(self):
        with open("/proc/net/tcp", encoding="ascii") as sockets:
            return sum(f"0100007F:{self.port:04X} 02 " in line for line in sockets)

    def close(self):
        for one in self.waiting + [self.listener]:
            one.close()


@pytest.mark.parametrize("mode", ["http", "sip"])
def test_a_peer_that_goes_on_talking_does_not_make_a_backend_accept(gateway_of, good, mode):
    backend = Full()
    settings = {"level": "medium", "mode": mode, "connect-timeout": "1s",
                **({"service": "sip"} if mode == "sip" else {})}
    gateway = gateway_of({"it": settings}, backend=backend)
    conn = connect(gateway.ports["it"], good)
    if mode == "http":
        conn.sendall(b"POST / HTTP/1.1\r\nHost: gw.example.test\r\nContent-Length: 2\r\n\r\na")
    else:
        conn.sendall(request("OPTIONS", "sip:gw.example.test", "<sip:1@a.example>;tag=a", body=b"ab")[:-1])
    until("the attempt", lambda: backend.attempts() > backend.idle)
    conn.sendall(b"b")
    with conn, conn.makefile("rb") as stream:
        assert b" 503 " in stream.readline()
    record = gateway.record(0)
    assert (record["reason"], record["step"]) == ("backend-unavailable", "dial")
    backend.close()


# Ends.

@pytest.mark.parametrize("at_once", [True, False])
def test_a_peer_that_sends_no_more_gets_its_answer(gateway_of, good, web, at_once):
    gateway = gateway_of({"web": {"level": "medium", "mode": "http"}}, backend=web)
    client = HalfClosing(gateway.ports["web"], good)
    client.say(GET, at_once)
    got, ended = client.rest()
    assert got.startswith(b"HTTP/1.1 200 OK\r\n") and ended
    client.close()


def test_a_large_answer_comes_whole_to_a_peer_that_sends_no_more(gateway_of, good):
    size = 16 * 1024 * 1024

    def serve(conn):
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        conn.recv(1)
    backend = Server(serve)
    gateway = gateway_of({"web": {"level": "medium", "mode": "http"}}, backend=backend)
    client = HalfClosing(gateway.ports["web"], good)
    client.say(GET, True)
    got, ended = client.rest()
    assert len(got.partition(b"\r\n\r\n")[2]) == size and ended
    client.close()
    backend.close()


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_what_a_backend_cuts_is_not_a_whole_answer(gateway_of, good, mode):
    """To HTTP/1.0 the end of the connection is the end of the body."""
    def serve(conn):
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        cut.wait(PATIENCE)
        reset(conn)
    cut, backend = threading.Event(), Server(serve)
    gateway = gateway_of({"web": {"level": "medium", "mode": mode}}, backend=backend)
    client = HalfClosing(gateway.ports["web"], good)
    client._step(client.tls.write, b"GET / HTTP/1.0\r\n\r\n")
    while client._step(client.tls.read, 65536)[-4:] != b"half":
        pass
    cut.set()
    assert client.rest() == (b"", False)
    client.close()
    backend.close()


def test_what_a_peer_cuts_is_not_a_whole_request(gateway_of, good):
    """FIN without close_notify is what an attacker in between can send (RFC 8446 section 6.1)."""
    seen = []

    def serve(conn):
        try:
            while True:
                data = conn.recv(65536)
                seen.append(data or "end")
                if not data:
                    return
        except ConnectionResetError:
            seen.append("reset")
    backend = Server(serve)
    gateway = gateway_of({"web": {"level": "medium"}}, backend=backend)
    conn = connect(gateway.ports["web"], good)
    conn.sendall(b"half")
    until("the bytes", lambda: seen)
    os.close(conn.detach())
    until("the end", lambda: seen[-1] in ("end", "reset"))
    assert seen == [b"half", "reset"]
    backend.close()


def test_a_backend_that_never_reads_does_not_keep_the_place_of_a_peer_that_is_gone(gateway_of, good):
    """It is given time to take what came before it is cut."""
    def serve(_):
        gone.wait(2 * PATIENCE)
    gone, backend = threading.Event(), Server(serve)
    backend.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    gateway = gateway_of({"web": {"level": "medium"}}, backend=backend)
    conn = connect(gateway.ports["web"], good)
    conn.sendall(b"x" * 256 * 1024)
    os.close(conn.detach())
    until("the peer's end", lambda: open_connections(gateway) == 0)
    assert backend_connections(backend.port) == 1
    until("the backend's", lambda: backend_connections(backend.port) == 0)
    gone.set()
    backend.close()


def backend_connections(port):
    """Connections to the backend that are established on the side of the gateway."""
    with open("/proc/net/tcp", encoding="ascii") as sockets:
        rows = [line.split() for line in sockets][1:]
    return sum(row[2] == f"0100007F:{port:04X}" and row[3] == "01" for row in rows)


# Places.

def test_a_lower_limit_does_not_close_a_port_for_good(gateway_of, good, web):
    limit = {"level": "medium", "max-connections": 4, "handshake-timeout": "1s", "mode": "http"}
    gateway = gateway_of({"web": limit}, backend=web)
    port = gateway.ports["web"]
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    until("three", lambda: open_connections(gateway) == 3)
    gateway.configure({"web": {**limit, "max-connections": 3}})
    gateway.reload(2)
    for conn in held:
        conn.close()
    client = Client(gateway, "web", good)
    assert client.get("/")[0] == 200
    client.close()


def open_connections(gateway):
    """Sockets of the workers that are connected to a port of ours."""
    ports = {f"0100007F:{port:04X}" for port in gateway.ports.values()}
    count = 0
    for pid in gateway.worker_pids():
        inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        with open("/proc/net/tcp", encoding="ascii") as sockets:
            rows = [line.split() for line in sockets][1:]
        count += sum(row[1] in ports and row[3] == "01" and f"socket:[{row[9]}]" in inodes for row in rows)
    return count


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_sip_answer_that_is_not_read_costs_no_time_and_comes_whole(gateway_of):
    """The backend's bytes fill the way to the peer, and then it is refused: the answer follows them."""
    def serve(conn):
        stream = conn.makefile("rb")
        read_message(stream)
        conn.setblocking(False)
        block = b"\r\n" * 32768
        while True:
            try:
                conn.send(block)
            except BlockingIOError:
                if not select.select([], [conn], [], 1)[1]:
                    break  # the gateway takes no more
        full.set()
        gone.wait(PATIENCE)
    full, gone = threading.Event(), threading.Event()
    backend = Server(serve)
    gateway = gateway_of({"sip": {"service": "sip", "level": "medium", "phones": True}}, backend=backend,
                         blocks=['trunk "far" { interface = "sip" sip-domains = {"sip.example.test"} }'])
    worker, = gateway.worker_pids()
    conn = connect(gateway.ports["sip"], None)
    conn.sendall(request("REGISTER", "sip:gw.example.test", "<sip:1@phones.example.test>;tag=a"))
    assert full.wait(PATIENCE)
    mark = gateway.mark()
    conn.sendall(request("REGISTER", "sip:gw.example.test", "<sip:1@sip.example.test>;tag=a"))
    gateway.record(mark)
    before, begun = cpu(worker), time.monotonic()
    until("a while", lambda: time.monotonic() > begun + 1)
    assert cpu(worker) - before < 0.3
    rest = b""
    while True:
        data = conn.recv(65536)
        if not data:
            break
        rest = (rest + data)[-4096:]
    head, _, _ = rest.partition(b"Certgate-Incident")
    assert head.lstrip(b"\r\n").startswith(b"SIP/2.0 403 Forbidden\r\n")
    conn.close()
    gone.set()
    backend.close()


# The end of a worker.

def test_a_request_under_way_is_finished_before_a_worker_ends(gateway_of, good):
    def serve(conn):
        conn.recv(65536)
        asked.set()
        go.wait(PATIENCE)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        conn.recv(1)
    asked, go, backend = threading.Event(), threading.Event(), Server(serve)
    gateway = gateway_of({"web": {"level": "medium", "mode": "http"}}, backend=backend)
    client = Client(gateway, "web", good)
    client.sock.sendall(GET)
    assert asked.wait(PATIENCE)
    gateway.process.terminate()
    begun = time.monotonic()
    until("longer than an idle connection is kept", lambda: time.monotonic() > begun + 4)
    go.set()
    status, _, body = client.answer()
    assert (status, body) == (200, b"late")
    assert client.stream.read() == b""
    client.close()
    assert gateway.process.wait(PATIENCE) == 0
    backend.close()
