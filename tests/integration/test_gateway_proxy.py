"""PROXY protocol: a balancer in front names the peer, and the backend is told who it is."""
import os
import shutil
import socket
import ssl
import struct
import subprocess

import pytest

from clients import REQUEST, curl
from conftest import until
from ports import free_port

V2 = b"\r\n\r\n\0\r\nQUIT\n"
V1_HEADER = b"PROXY TCP4 192.0.2.7 192.0.2.1 5555 443\r\n"


def v2(command=0x21, family=0x11, body=None):
    if body is None:
        body = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + struct.pack(">HH", 5555, 443)
    return V2 + bytes([command, family]) + struct.pack(">H", len(body)) + body


def talk(port, cert, header, pieces=1):
    """Sends a PROXY header and then speaks TLS: what came back, b"" when we were shown the door."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert.chain_file, cert.key_file)
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        size = max(1, -(-len(header) // pieces))
        for at in range(0, len(header), size):
            plain.sendall(header[at:at + size])
        try:
            with context.wrap_socket(plain, server_hostname="gw.example.test") as conn:
                conn.sendall(REQUEST)
                return conn.recv(4096)
        except OSError:
            return b""


@pytest.fixture(scope="module")
def gateway(gateway_of):
    return gateway_of({
        "behind": {"level": "medium", "proxy-from": ["127.0.0.0/8"], "handshake-timeout": "2s"},
        "direct": {"level": "medium", "proxy-from": ["192.0.2.0/24"]},
        "remote": {"level": "medium+remote", "proxy-from": ["127.0.0.1"]},
        "out1": {"level": "medium", "proxy": "v1"},
        "out2": {"level": "medium", "proxy": "v2"},
        "low": {"level": "none", "proxy": "v2"},
        "both": {"level": "medium", "proxy-from": ["127.0.0.1"], "proxy": "v2"},
    })


@pytest.mark.parametrize("pieces", (1, 200))
@pytest.mark.parametrize("header", (V1_HEADER, v2()), ids=("v1", "v2"))
def test_the_balancer_names_the_peer(gateway, good, header, pieces):
    mark = gateway.mark()
    assert b"200 OK" in talk(gateway.ports["behind"], good, header, pieces)
    record = gateway.record(mark)
    assert record["peer"] == "192.0.2.7:5555"
    assert record["via"].startswith("127.0.0.1:")


@pytest.mark.parametrize("header", (b"PROXY UNKNOWN\r\n", v2(0x20, 0, b"")), ids=("v1 UNKNOWN", "v2 LOCAL"))
def test_a_balancer_that_speaks_for_itself(gateway, good, header):
    mark = gateway.mark()
    assert b"200 OK" in talk(gateway.ports["behind"], good, header)
    record = gateway.record(mark)
    assert record["peer"] == record["via"]


@pytest.mark.parametrize("header,detail", [
    (b"", "no PROXY header"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 5555\r\n", "two addresses and two ports"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 5555 99999\r\n", "malformed address or port"),
    (v2(0x41), "unknown version"),
    (v2(0x21, 0x12), "not TCP"),
    (V2 + b"\x21\x11\xff\xff", "too long"),
], ids=("none", "a word short", "a bad port", "version 4", "UDP", "too long"))
def test_a_missing_or_bad_header_ends_the_connection(gateway, good, header, detail):
    mark = gateway.mark()
    assert talk(gateway.ports["behind"], good, header) == b""
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["step"]) == ("reject", "handshake-failed", "proxy")
    assert detail in record["detail"]
    assert record["alert_sent"] is None


def test_a_balancer_that_says_nothing(gateway):
    mark = gateway.mark()
    with socket.create_connection(("127.0.0.1", gateway.ports["behind"])) as conn:
        conn.settimeout(20)
        conn.sendall(b"PROXY TCP4 192.0.2.7 ")
        assert conn.recv(10) == b""
    record = gateway.record(mark)
    assert (record["reason"], record["step"]) == ("handshake-timeout", "proxy")


def test_a_stranger_cannot_name_itself(gateway, good):
    mark = gateway.mark()
    assert talk(gateway.ports["direct"], good, V1_HEADER) == b""
    assert gateway.record(mark)["peer"].startswith("127.0.0.1:")
    mark = gateway.mark()
    assert b"200 OK" in talk(gateway.ports["direct"], good, b"")
    assert gateway.record(mark)["via"] is None


def test_names_are_judged_by_the_peers_address(gateway, pki):
    cert = pki.leaf("at7", san=["192.0.2.7"])
    mark = gateway.mark()
    assert b"200 OK" in talk(gateway.ports["remote"], cert, V1_HEADER)
    assert gateway.record(mark)["verdict"] == "accept"
    mark = gateway.mark()
    assert talk(gateway.ports["remote"], cert, V1_HEADER.replace(b".7 ", b".8 ")) == b""
    assert gateway.record(mark)["reason"] == "name-mismatch"


def test_a_session_stays_with_its_address(gateway, pki):
    """A ticket that was given to one address is worth nothing at another."""
    cert = pki.leaf("at7again", san=["192.0.2.7"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert.chain_file, cert.key_file)

    def once(header, session=None):
        with socket.create_connection(("127.0.0.1", gateway.ports["remote"])) as plain:
            plain.settimeout(20)
            plain.sendall(header)
            with context.wrap_socket(plain, server_hostname="gw.example.test", session=session) as conn:
                conn.sendall(REQUEST)
                return conn.recv(4096), conn.session, conn.session_reused

    _, session, _ = once(V1_HEADER)
    answer, _, reused = once(V1_HEADER, session)
    assert b"200 OK" in answer and reused
    mark = gateway.mark()
    with pytest.raises(OSError):
        once(V1_HEADER.replace(b".7 ", b".8 "), session)
    record = gateway.record(mark)
    assert (record["reason"], record["resumed"]) == ("name-mismatch", False)


def tlvs(data):
    out = {}
    while data:
        kind, size = struct.unpack(">BH", data[:3])
        out[kind], data = data[3:3 + size], data[3 + size:]
    return out


def told(backend, port, cert, header=b""):
    """The PROXY header that the backend got for one connection, and the record."""
    before = len(backend.received)
    assert b"200 OK" in talk(port, cert, header)
    return backend.received[before:]


def test_the_backend_is_told_by_version_1(gateway, good, backend):
    head = told(backend, gateway.ports["out1"], good)
    line, rest = head.split(b"\r\n", 1)
    words = line.split()
    assert words[:4] == [b"PROXY", b"TCP4", b"127.0.0.1", b"127.0.0.1"]
    assert words[5] == str(gateway.ports["out1"]).encode()
    assert rest.startswith(b"GET / ")


def test_the_backend_is_told_by_version_2(gateway, good, backend):
    mark = gateway.mark()
    head = told(backend, gateway.ports["out2"], good)
    size = struct.unpack(">H", head[14:16])[0]
    assert head[:14] == V2 + b"\x21\x11"
    assert head[16 + size:].startswith(b"GET / ")
    outer = tlvs(head[28:16 + size])
    inner = tlvs(outer[0x20][5:])
    assert outer[0x02] == b"gw.example.test"
    assert outer[0x05].decode() == gateway.record(mark)["incident"]
    assert outer[0x20][:5] == b"\x07\0\0\0\0", "TLS, certificate on this connection, verified"
    assert inner[0x21] == b"TLSv1.3"
    assert inner[0x22] == b"good"
    assert inner[0x28] == good.der


def test_verified_is_only_said_where_a_chain_was_found(gateway, pki, backend):
    head = told(backend, gateway.ports["low"], pki.leaf("lonely", self_signed=True))
    size = struct.unpack(">H", head[14:16])[0]
    assert tlvs(head[28:16 + size])[0x20][:5] == b"\x07\0\0\0\1"


def test_what_a_balancer_says_is_passed_on(gateway, good, backend):
    head = told(backend, gateway.ports["both"], good, v2())
    assert head[16:28] == v2()[16:28]


def resident(pids):
    """KiB."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def test_a_header_that_was_read_costs_a_connection_nothing(gateway_of, monkeypatch, good):
    """It may have 16 KiB; what it said fits into some hundred bytes."""
    # What AddressSanitizer keeps of freed memory is no cost of ours.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    gateway = gateway_of({"behind": {"level": "medium", "mode": "http", "proxy-from": ["127.0.0.1"]},
                          "direct": {"level": "medium", "mode": "http"}})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(good.chain_file, good.key_file)
    cost, held = {}, []
    for name, header in (("direct", b""), ("behind", V1_HEADER)):
        before = resident(gateway.worker_pids())
        for _ in range(300):
            plain = socket.create_connection(("127.0.0.1", gateway.ports[name]))
            plain.sendall(header)
            held.append(context.wrap_socket(plain, server_hostname="gw.example.test"))
        cost[name] = (resident(gateway.worker_pids()) - before) / 300
    for conn in held:
        conn.close()
    assert cost["behind"] < cost["direct"] + 8, cost


@pytest.mark.skipif(not shutil.which("haproxy") and not os.path.exists("/usr/sbin/haproxy"), reason="no haproxy here")
def test_haproxy_in_front(gateway, good, tmp_path):
    port = free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text("defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 10s\n  timeout server 10s\n"
                      f"listen front\n  bind 127.0.0.1:{port}\n"
                      f"  server gate 127.0.0.1:{gateway.ports['behind']} send-proxy-v2\n")
    process = subprocess.Popen([shutil.which("haproxy") or "/usr/sbin/haproxy", "-f", str(config), "-db"])
    try:
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        until("haproxy", listens)
        mark = gateway.mark()
        assert curl(port, good).served
        records = [r for r in gateway.records()[mark:] if r["verdict"] == "accept"]
        assert len(records) == 1
        assert records[0]["peer"] != records[0]["via"], "the peer is curl, not haproxy"
    finally:
        process.terminate()
        process.wait(20)
