"""Slow, silent, oversized and malformed handshakes: bounded, recorded, and nobody else notices."""
import os
import re
import socket
import struct
import subprocess
import threading

import pytest

from clients import s_client
from conftest import BUILD, until
from test_gateway import connect


@pytest.fixture(scope="module")
def gateway(gateway_of):
    return gateway_of({"web": {"level": "medium", "handshake-timeout": "400ms"},
                       "few": {"level": "medium", "max-connections": 3}})


def test_a_silent_peer(gateway, good):
    mark = gateway.mark()
    with socket.create_connection(("127.0.0.1", gateway.ports["web"])) as silent:
        silent.settimeout(20)
        assert s_client(gateway.ports["web"], good).served, "others are served meanwhile"
        assert silent.recv(10) == b""
    record = until("the silent peer's record", lambda: [
        r for r in gateway.records()[mark:] if r["reason"] == "handshake-timeout"])[0]
    assert "no ClientHello" in record["detail"]
    assert record["tls"] is None and record["presented"] is None


def test_a_peer_that_drips(gateway):
    """A byte now and then does not buy time: the limit is for the whole handshake."""
    mark = gateway.mark()
    with socket.create_connection(("127.0.0.1", gateway.ports["web"])) as slow:
        slow.settimeout(0.05)
        slow.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        ended = False
        while not ended:
            try:
                ended = slow.recv(10) == b""
            except socket.timeout:
                slow.sendall(b"a")
            except OSError:
                ended = True
    assert gateway.record(mark)["reason"] == "handshake-timeout"


@pytest.mark.parametrize("what,data,detail", [
    ("nothing at all", b"", "closed the connection before it sent a byte"),
    ("half a record", b"\x16\x03\x01\x02", "closed the connection during the handshake, after 4 bytes"),
    ("HTTP", b"GET / HTTP/1.1\r\n\r\n", "http request"),
    ("garbage", bytes(range(7, 250)), "."),
    ("an alert", b"\x15\x03\x01\x00\x02\x02\x28", "unexpected message"),
    ("a record too long", b"\x16\x03\x01\xff\xff" + b"x" * 70000, "."),
])
def test_what_is_not_a_handshake(gateway, what, data, detail):
    mark = gateway.mark()
    with socket.create_connection(("127.0.0.1", gateway.ports["web"])) as conn:
        conn.settimeout(20)
        try:
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            while conn.recv(4096):
                pass
        except OSError:
            pass  # a reset is an answer too
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"]) == ("reject", "handshake-failed")
    assert re.search(detail, record["detail"]), record["detail"]
    assert len(record["detail"]) < 600


@pytest.mark.parametrize("tls", ("1.2", "1.3"))
@pytest.mark.parametrize("what,count,size", [
    ("seventeen certificates", 16, 0), ("more than 64 KiB", 3, 24000), ("more than libssl is told to read", 4, 28000)])
def test_a_chain_too_large(gateway, pki, tls, what, count, size):
    junk = [pki.leaf(f"junk{size}-{i}", padding=size).der if size else pki.ca_der for i in range(count)]
    cert = pki.leaf(f"large{count}", chain=junk)
    mark = gateway.mark()
    answer = s_client(gateway.ports["web"], cert, tls)
    assert not answer.served
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"]) == ("reject", "too-large")
    beyond = size * count > 80 * 1024
    assert answer.alert == record["alert_sent"] == (47 if beyond else 46)
    assert record["detail"]


def test_the_largest_chain_is_judged(gateway, pki):
    cert = pki.leaf("sixteen", chain=[pki.ca_der] * 15)
    mark = gateway.mark()
    assert s_client(gateway.ports["web"], cert).served
    assert gateway.record(mark)["presented"] == 16


class Meddler:
    """Between a TLS 1.2 client and the gateway: damages the client's Certificate message, which is in the clear."""

    def __init__(self, port, damage):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target, self.damage, self.hits = port, damage, 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
        stream = client.makefile("rb")
        clear = True
        while True:
            head = stream.read(5)
            if len(head) < 5:
                break
            body = bytearray(stream.read(struct.unpack(">H", head[3:])[0]))
            clear = clear and head[0] != 20  # after ChangeCipherSpec the first byte may be anything
            if clear and head[0] == 22 and body[0] == 11:
                self.damage(body)
                self.hits += 1
            server.sendall(head + body)
        server.close()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def _break_tag(body):
    body[10] = 0x31  # the first certificate's SEQUENCE becomes a SET


def _break_inside(body):
    body[14] = 0x7f  # tbsCertificate's tag


def _break_list(body):
    body[7:10] = b"\x00\x00\x05"  # the first certificate ends early


@pytest.mark.parametrize("damage", [_break_tag, _break_inside, _break_list])
def test_a_certificate_that_does_not_parse(gateway, good, damage):
    mark = gateway.mark()
    meddler = Meddler(gateway.ports["web"], damage)
    answer = s_client(meddler.port, good, "1.2")
    assert meddler.hits == 1
    assert not answer.served and answer.alert == 50
    record = gateway.record(mark)
    assert (record["reason"], record["alert_sent"]) == ("unparsable", 50)
    assert record["detail"] and "certificate" not in record


@pytest.mark.parametrize("tls", ("1.2", "1.3"))
def test_a_client_whose_certificate_does_not_parse(gateway, good, tls):
    mark = gateway.mark()
    program = os.path.join(BUILD, "tests", "integration", "unparsable")
    done = subprocess.run([program, str(gateway.ports["web"]), good.cert_file, good.key_file, tls],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "50\n", done.stderr
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["alert_sent"]) == ("reject", "unparsable", 50)
    assert record["detail"] and "certificate" not in record


def test_the_limit_of_connections_makes_others_wait(gateway, good):
    port = gateway.ports["few"]
    held = [connect(port, good) for _ in range(3)]
    with socket.create_connection(("127.0.0.1", port)) as waiting:
        until("the limit in the log", lambda: "3 connections, the limit" in gateway.messages())
        for conn in held:
            conn.close()
        # There is a place now: it is taken up, not refused.
        peer = "127.0.0.1:%d" % waiting.getsockname()[1]
        waiting.shutdown(socket.SHUT_WR)
        until("its turn", lambda: any(r["peer"] == peer for r in gateway.records()))
    assert s_client(port, good).served
    assert gateway.messages().count("3 connections, the limit") == 1


def test_the_worker_survived_it_all(gateway):
    assert len(gateway.worker_pids()) == 1
    assert "started again" not in gateway.messages()


def test_one_source_cannot_take_every_place(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium", "max-per-source": 2}})
    port = gateway.ports["web"]
    held = [connect(port, good) for _ in range(2)]
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as third:
            third.settimeout(20)
            assert third.recv(1) == b""
    assert gateway.messages().count("the limit of a source") == 1
    held.pop().close()
    until("a place", lambda: s_client(port, good).served)
    held.pop().close()


def test_by_default_one_source_leaves_room_for_others(gateway_of):
    """1,024 of 8,192."""
    gateway = gateway_of({"web": {"level": "medium"}})
    held = [socket.create_connection(("127.0.0.1", gateway.ports["web"])) for _ in range(1025)]
    until("the limit", lambda: "127.0.0.1 has 1024 connections, the limit of a source" in gateway.messages())
    for conn in held:
        conn.close()


@pytest.mark.parametrize("bytes_before", [0, 1, 60])
def test_a_reset_in_the_handshake(gateway, bytes_before):
    hello = bytes.fromhex("16030100c8010000c40303") + b"\0" * 53
    mark = gateway.mark()
    conn = socket.create_connection(("127.0.0.1", gateway.ports["web"]))
    conn.sendall(hello[:bytes_before])
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    record = gateway.record(mark)
    assert (record["reason"], record["step"]) == ("handshake-failed", "handshake")
    assert "the connection" in record["detail"]


def test_a_backend_that_does_not_accept(gateway_of, good):
    class Full:
        listener = socket.socket()
    Full.listener.bind(("127.0.0.1", 0))
    Full.listener.listen(0)
    Full.port = Full.listener.getsockname()[1]
    waiting = []
    for _ in range(4):  # until the queue is full, and some more
        conn = socket.socket()
        conn.setblocking(False)
        conn.connect_ex(("127.0.0.1", Full.port))
        waiting.append(conn)
    gateway = gateway_of({"web": {"level": "medium", "connect-timeout": "300ms"},
                          "http": {"level": "medium", "mode": "http", "connect-timeout": "300ms"}}, backend=Full)
    for name, answer in (("web", None), ("http", "503")):
        mark = gateway.mark()
        text = s_client(gateway.ports[name], good).text
        assert ("HTTP/1.1 503" in text) is (answer == "503")
        record = gateway.record(mark)
        assert (record["reason"], record["step"]) == ("backend-unavailable", "dial")
        assert "timed out" in record["detail"]
        assert record["peer_decision"]["verdict"] == "accept"
    for conn in waiting + [Full.listener]:
        conn.close()


def test_a_backend_that_does_not_read_is_not_buffered_for(gateway_of, good):
    class Lazy:
        listener = socket.create_server(("127.0.0.1", 0))
    Lazy.port = Lazy.listener.getsockname()[1]
    gateway = gateway_of({"web": {"level": "medium"}}, backend=Lazy)
    worker, = gateway.worker_pids()
    conn = connect(gateway.ports["web"], good)
    conn.settimeout(0.5)
    sent, before = 0, resident(worker)
    with pytest.raises(TimeoutError):
        while sent < 256 * 1024 * 1024:
            sent += conn.send(b"x" * 65536)
    assert resident(worker) - before < 16 * 1024  # KiB; the sanitizers' own memory is most of it
    conn.close()
    Lazy.listener.close()


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def test_without_descriptors_others_wait_and_are_served_later(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}}, descriptors=48)
    port = gateway.ports["web"]
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    until("the message", lambda: "cannot accept connections: Too many open files" in gateway.messages())
    assert gateway.messages().count("Too many open files") == 1
    for conn in held:
        conn.close()
    until("a place", lambda: s_client(port, good).served)
    assert len(gateway.worker_pids()) == 1
