"""Outbound: local programs in plaintext, carried over TLS to real servers whose certificates are judged."""
import asyncio
import json
import os
import signal
import socket
import stat
import threading

import pytest
import websockets
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from conftest import PATIENCE, Gateway, until
from pki import DAY, Pki, now, to_pem
from ports import free_port
from servers import OpenSslServer, Server, TlsServer, ask

BOTH = ("1.2", "1.3")
LEVELS = ("none", "low", "medium", "high", "medium+remote", "high+remote")


def out(to, **settings):
    host = settings.pop("host", "localhost")
    return {"role": "outbound", "backend": None, "connect": f"{host}:{to.port}", "connect-timeout": "5s", **settings}


def server_leaf(pki, name, **how):
    return pki.leaf(name, **{"eku": (Eku.SERVER_AUTH,), "san": ("localhost",), **how})


@pytest.fixture(scope="module")
def certs(pki, identity, tmp_path_factory):
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    return {
        "good": server_leaf(pki, "srv-good"),
        "expired": server_leaf(pki, "srv-expired", end=now() - DAY / 2),
        "other-name": server_leaf(pki, "srv-other", san=("other.example.test",)),
        "client-only": server_leaf(pki, "srv-client", eku=(Eku.CLIENT_AUTH,)),
        "untrusted": server_leaf(stranger, "srv-stranger"),
        "not-pinned": server_leaf(pki, "srv-not-pinned"),
        "self-signed": server_leaf(pki, "srv-self", self_signed=True),
        "identity": identity,
        "sip": server_leaf(pki, "srv-sip", san=("localhost", "sip:example.test")),
        "sip-other": server_leaf(pki, "srv-sip2", san=("localhost", "sip:example.org")),
        "sip-no-host": server_leaf(pki, "srv-sip3", san=("other.example.test", "sip:example.test")),
        "address": server_leaf(pki, "srv-address", san=("127.0.0.1",)),
    }


@pytest.fixture(scope="module")
def pinned(certs):
    return [certs[name] for name in ("good", "other-name", "client-only", "self-signed", "identity", "address")]


@pytest.fixture(scope="module")
def servers(certs):
    started = {(name, tls): TlsServer(cert, (tls,)) for name, cert in certs.items() for tls in BOTH}
    yield started
    for server in started.values():
        server.close()


@pytest.fixture(scope="module")
def gateway(gateway_of, servers, pinned):
    """One interface for each level and server of REFUSED and ACCEPTED, named by them."""
    rows = {(cert, level) for cert, level, *_ in REFUSED} | {("good", level) for level in LEVELS}
    rows |= {("address", "medium+remote")}
    interfaces = {}
    for cert, level in sorted(rows):
        for tls in BOTH:
            service = {"service": "sip", "sip-domains": ["example.test"]} if cert.startswith("sip") else {}
            host = {"host": "127.0.0.1"} if cert == "address" else {}
            interfaces[f"{cert} {level} {tls}"] = out(servers[cert, tls], level=level, **service, **host)
    return gateway_of(interfaces, pinned=pinned)


@pytest.fixture(scope="module")
def both_ways(pki):
    """An identity of ours that servers take: ours for other tests is for serving only."""
    return pki.leaf("gw-both", eku=(Eku.SERVER_AUTH, Eku.CLIENT_AUTH), san=("gw.example.test",))


@pytest.fixture(scope="module")
def gateway_to(gateway_of, pinned, both_ways):
    """gateway_to(server, …) starts a gateway with one outbound interface "out" to the server."""
    def start(to, workers=1, **settings):
        return gateway_of({"out": out(to, **settings)}, pinned=pinned, workers=workers, identity=both_ways)
    return start


def by_incident(gateway, mark, count):
    """The next records: so many, all of one connection."""
    records = until(f"{count} records", lambda: (lambda r: r if len(r) >= count else None)(gateway.records()[mark:]))
    assert len(records) == count and len({record["incident"] for record in records}) == 1, records
    return records


# ---- certificates ----------------------------------------------------------------------------------

@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("level", LEVELS)
def test_a_good_server_is_reached(gateway, servers, certs, level, tls):
    server, port = servers["good", tls], gateway.ports[f"good {level} {tls}"]
    mark, names = gateway.mark(), len(server.names)
    with socket.create_connection(("127.0.0.1", port)) as local:
        local.settimeout(PATIENCE)
        local.sendall(b"one")
        assert local.recv(16) == b"one"
        own = "{}:{}".format(*local.getsockname())
        local.shutdown(socket.SHUT_WR)
        assert local.recv(16) == b""
    assert server.names[names:] == ["localhost"]
    record = gateway.record(mark)
    assert (record["verdict"], record["role"], record["level"], record["tls"]) == \
        ("accept", "outbound", level, "TLSv" + tls)
    assert (record["peer"], record["local"]) == (f"127.0.0.1:{server.port}", own)
    assert (record["sni"], record["presented"], record["resumed"]) == ("localhost", 2, False)
    assert record["certificate"]["sha256"] == certs["good"].sha256
    assert {finding["outcome"] for finding in record["findings"]} <= {"pass", "not-applicable"}


# The server's certificate, the level, the reason, and the alert that the server gets.
REFUSED = [
    ("expired", "none", "expired", 45),
    ("client-only", "medium", "purpose-mismatch", 43),
    ("untrusted", "medium", "issuer-unknown", 48),
    ("not-pinned", "high", "not-in-tcs", 46),
    ("self-signed", "high", "self-signed", 46),
    ("identity", "high", "reflected", 46),
    ("other-name", "medium+remote", "name-mismatch", 46),
    ("other-name", "high+remote", "name-mismatch", 46),
    ("sip-other", "medium+remote", "sip-domain-mismatch", 46),
    ("sip-no-host", "medium+remote", "name-mismatch", 46),
]


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("cert,level,reason,alert", REFUSED)
def test_a_bad_server_is_refused(gateway, servers, certs, cert, level, reason, alert, tls):
    server = servers[cert, tls]
    mark, errors = gateway.mark(), len(server.errors)
    assert ask(gateway.ports[f"{cert} {level} {tls}"]) == (b"", "reset")
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["alert_sent"]) == ("reject", reason, alert)
    assert (record["step"], record["role"]) == ("handshake", "outbound")
    assert record["certificate"]["sha256"] == certs[cert].sha256
    assert until("the server's error", lambda: server.errors[errors:])[0].find("ALERT") >= 0
    assert server.received == b"", "bytes of the local program went to a server that was refused"


def test_a_lower_level_admits_it(gateway_of, servers, pinned):
    rows = [("client-only", "low"), ("untrusted", "low"), ("not-pinned", "medium"), ("self-signed", "medium"),
            ("other-name", "high")]
    gateway = gateway_of({f"{cert} {level}": out(servers[cert, "1.3"], level=level) for cert, level in rows},
                         pinned=pinned)
    for name, port in gateway.ports.items():
        assert ask(port) == (b"ping", "end"), name


@pytest.mark.parametrize("tls", BOTH)
def test_sip_domain_and_host(gateway_of, servers, tls):
    gateway = gateway_of({"trunk": out(servers["sip", tls], service="sip", level="medium+remote",
                                       **{"sip-domains": ["example.test"]})})
    mark = gateway.mark()
    assert ask(gateway.ports["trunk"], b"OPTIONS sip:example.test SIP/2.0\r\n\r\n")[1] == "end"
    record = gateway.record(mark)
    assert (record["verdict"], record["service"]) == ("accept", "sip")
    assert [f["outcome"] for f in record["findings"] if f["check"] in ("host-name", "sip-domain")] == ["pass"] * 2


def test_a_server_known_by_address_gets_no_name(gateway, servers):
    server, mark = servers["address", "1.3"], gateway.mark()
    assert ask(gateway.ports["address medium+remote 1.3"]) == (b"ping", "end")
    record = gateway.record(mark)
    assert (record["verdict"], record["sni"]) == ("accept", None)
    assert server.names == [None]


def test_the_name_asked_for_is_not_the_name_judged(gateway_to, servers):
    server = servers["good", "1.2"]
    gateway = gateway_to(server, level="medium+remote", **{"server-name": "Virtual.Example.test"})
    mark, names = gateway.mark(), len(server.names)
    assert ask(gateway.ports["out"]) == (b"ping", "end")
    assert gateway.record(mark)["sni"] == "virtual.example.test"
    assert [name.lower() for name in server.names[names:]] == ["virtual.example.test"]


# ---- our own certificate ---------------------------------------------------------------------------

@pytest.mark.parametrize("tls", BOTH)
def test_we_show_our_identity_with_its_chain(gateway_to, certs, pki, both_ways, tls):
    """The server knows the root only: the intermediate must come from us."""
    server = TlsServer(certs["good"], (tls,), client_ca=to_pem(pki.root_der).decode())
    gateway = gateway_to(server, level="high+remote")
    assert ask(gateway.ports["out"]) == (b"ping", "end")
    assert server.peers == [both_ways.der]
    server.close()


def refusing(certs, tmp_path_factory, tls, **how):
    other = Pki(tmp_path_factory.mktemp("other"), label="Other")
    return TlsServer(certs["good"], (tls,), client_ca=to_pem(other.root_der).decode(), **how)


@pytest.mark.parametrize("request_bytes", (b"", b"ping"))
@pytest.mark.parametrize("tickets", (0, 2))
@pytest.mark.parametrize("who", ("gw", None))
def test_refused_by_the_server_after_the_handshake(gateway_to, certs, tmp_path_factory, who, tickets, request_bytes):
    server = refusing(certs, tmp_path_factory, "1.3", tickets=tickets)
    gateway = gateway_to(server, level="medium", identity=who)
    mark = gateway.mark()
    assert ask(gateway.ports["out"], request_bytes) == (b"", "reset")
    admitted, refused = by_incident(gateway, mark, 2)
    assert (admitted["verdict"], admitted["alert_received"]) == ("accept", None)
    assert (refused["verdict"], refused["reason"], refused["step"]) == ("reject", "handshake-failed", "relay")
    assert refused["alert_received"] == (48 if who else 116)
    assert "the server refused us: alert" in refused["detail"]
    assert refused["detail"].endswith("had asked for our certificate" if who else "this interface has no identity")
    server.close()


@pytest.mark.parametrize("who", ("gw", None))
def test_refused_by_the_server_in_the_handshake(gateway_to, certs, tmp_path_factory, who):
    server = refusing(certs, tmp_path_factory, "1.2")
    gateway = gateway_to(server, level="medium", identity=who)
    mark = gateway.mark()
    assert ask(gateway.ports["out"]) == (b"", "reset")
    record, = by_incident(gateway, mark, 1)
    assert (record["reason"], record["step"]) == ("handshake-failed", "handshake")
    assert record["alert_received"] == (48 if who else 40)
    assert record["detail"].endswith("had asked for our certificate" if who else "this interface has no identity")
    server.close()


def test_s_server_refuses_us(gateway_to, certs, tmp_path, tmp_path_factory):
    other = Pki(tmp_path_factory.mktemp("other"), label="Other")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(to_pem(other.root_der))
    server = OpenSslServer(certs["good"], tmp_path, ("-Verify", "3", "-verify_return_error", "-CAfile", str(ca)))
    try:
        gateway = gateway_to(server, level="medium")
        mark = gateway.mark()
        assert ask(gateway.ports["out"], b"GET / HTTP/1.0\r\n\r\n") == (b"", "reset")
        assert by_incident(gateway, mark, 2)[1]["alert_received"] == 48
    finally:
        server.close()


def test_s_server_serves_us(gateway_to, certs, tmp_path, pki):
    ca = tmp_path / "ca.pem"
    ca.write_bytes(to_pem(pki.root_der))
    server = OpenSslServer(certs["good"], tmp_path, ("-Verify", "3", "-verify_return_error", "-CAfile", str(ca)))
    try:
        gateway = gateway_to(server, level="high+remote")
        answer, how = ask(gateway.ports["out"], b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 ok" in answer and b"gw-both" in answer and how == "end"
    finally:
        server.close()


# ---- servers that do not do their part -------------------------------------------------------------

def hang_up(connection):
    connection.close()


def hang_up_later(connection):
    connection.recv(1)


def plaintext(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.recv(4096)


def silent(connection):
    connection.settimeout(PATIENCE)
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("serve,reason,detail,tls", [
    (hang_up, "handshake-failed", "before it sent a byte", None),
    (hang_up_later, "handshake-failed", "before it sent a byte", None),
    (plaintext, "handshake-failed", "wrong version number", None),
    (silent, "handshake-timeout", "the server did not finish the handshake in time", None),
])
def test_no_handshake(gateway_to, serve, reason, detail, tls):
    server = Server(serve)
    gateway = gateway_to(server, level="none", **{"handshake-timeout": "1s"})
    mark = gateway.mark()
    assert ask(gateway.ports["out"]) == (b"", "reset")
    record, = by_incident(gateway, mark, 1)
    assert (record["verdict"], record["reason"], record["step"]) == ("reject", reason, "handshake")
    assert detail in record["detail"] and record["tls"] is tls and record["sni"] == "localhost"
    assert record["peer"] == f"127.0.0.1:{server.port}"
    server.close()


def test_nobody_listens(gateway_to):
    server = Server(silent)
    server.close()
    gateway = gateway_to(server, level="none")
    mark = gateway.mark()
    assert ask(gateway.ports["out"]) == (b"", "reset")
    record, = by_incident(gateway, mark, 1)
    assert (record["reason"], record["step"], record["peer"]) == ("backend-unavailable", "connect", None)
    assert record["detail"] == f"cannot connect to localhost: 127.0.0.1:{server.port} Connection refused"


@pytest.mark.parametrize("size,window", [(8 * 1024 * 1024, None), (100 * 1024, 4096)])
def test_a_connection_that_is_cut_is_not_a_whole_answer(gateway_to, certs, size, window):
    """
    Without close_notify (RFC 8446 section 6.1) the program gets every byte that came, and then a reset. With a
    small window most of it waits in our kernel when the server has gone, where an early reset would lose it.
    """
    def cut(tls):
        tls.sendall(b"x" * size)
        os.close(tls.detach())
    server = TlsServer(certs["good"], answer=cut)
    gateway = gateway_to(server, level="medium")
    with socket.socket() as local:
        local.settimeout(PATIENCE)
        if window:
            local.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        local.connect(("127.0.0.1", gateway.ports["out"]))
        if window:
            until("the cut is seen", lambda: "the peer ended without close_notify" in gateway.messages())
        got = 0
        with pytest.raises(ConnectionResetError):
            while True:
                more = local.recv(65536)
                assert more, "the cut looks like an end"
                got += len(more)
    assert got == size
    server.close()


# ---- names -----------------------------------------------------------------------------------------

def test_a_name_that_leads_nowhere(gateway_to, servers):
    gateway = gateway_to(servers["good", "1.3"], level="none", host="no..such", names=["localhost"],
                         **{"connect-timeout": "30s"})
    mark = gateway.mark()
    assert ask(gateway.ports["out"]) == (b"", "reset")
    record, = by_incident(gateway, mark, 1)
    assert (record["reason"], record["step"]) == ("backend-unavailable", "connect")
    assert record["detail"] == "no address of no..such is known"
    assert gateway.messages().count("no..such cannot be looked up") == 1


def test_names_follow_a_reload_and_a_new_worker(gateway_to, servers):
    gateway = gateway_to(servers["good", "1.3"], level="none", host="127.0.0.1")
    gateway.configure({"out": out(servers["good", "1.3"], level="medium+remote")})
    gateway.reload(2)
    mark = gateway.mark()
    assert ask(gateway.ports["out"]) == (b"ping", "end")
    assert gateway.record(mark)["sni"] == "localhost"
    worker, = gateway.worker_pids()
    os.kill(worker, signal.SIGKILL)
    until("a new worker", lambda: "started again" in gateway.messages())
    assert ask(gateway.ports["out"]) == (b"ping", "end")


# ---- UNIX sockets ----------------------------------------------------------------------------------

def test_a_unix_listener(gateway_to, servers, tmp_path):
    path = str(tmp_path / "line.sock")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    old = os.umask(0o077)
    try:
        gateway = gateway_to(servers["good", "1.3"], level="high+remote", listen=["unix:" + path], workers=2)
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert f"listening on unix:{path}" in gateway.messages()
    mark = gateway.mark()
    assert ask(path) == (b"ping", "end")
    assert gateway.record(mark)["local"] == "unix"
    gateway.configure({"out": out(servers["good", "1.3"], level="none", listen=["unix:" + path])})
    gateway.reload(2)
    for pid in gateway.worker_pids()[:1]:  # the other one serves on
        os.kill(pid, signal.SIGKILL)
    assert ask(path) == (b"ping", "end")
    gateway.stop()
    assert not os.path.exists(path)


def test_a_unix_listener_that_is_refused_cuts_too(gateway_to, servers, tmp_path):
    path = str(tmp_path / "line.sock")
    gateway = gateway_to(servers["expired", "1.3"], level="none", listen=["unix:" + path])
    assert ask(path) == (b"", "reset")
    gateway.configure({"out": out(servers["good", "1.3"], level="none")})
    gateway.reload(2)
    until("the path is gone", lambda: not os.path.exists(path))


@pytest.mark.parametrize("what", ("socket", "file"))
def test_a_path_that_is_taken(gateway_of, servers, tmp_path, what):
    path = str(tmp_path / "taken")
    with socket.socket(socket.AF_UNIX) as listener:
        if what == "socket":
            listener.bind(path)
            listener.listen()
        else:
            open(path, "w", encoding="ascii").close()
        with pytest.raises(AssertionError, match="Address already in use" if what == "socket" else "File exists"):
            gateway_of({"out": out(servers["good", "1.3"], listen=["unix:" + path])})
        assert os.path.exists(path)


# ---- lines -----------------------------------------------------------------------------------------

class LineServer:
    """The far end of an IP Office line: a WebSocket server with TLS that echoes."""

    def __init__(self, context):
        self.ready = threading.Event()
        self.context = context
        threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True).start()
        assert self.ready.wait(PATIENCE)

    async def _run(self):
        async def echo(websocket):
            async for message in websocket:
                await websocket.send(message)
        self.loop, self.done = asyncio.get_running_loop(), asyncio.Event()
        async with websockets.serve(echo, "127.0.0.1", 0, ssl=self.context) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.done.wait()

    def close(self):
        self.loop.call_soon_threadsafe(self.done.set)


async def say(port, messages):
    async with websockets.connect(f"ws://localhost:{port}/line") as line:
        for message in messages:
            await line.send(message)
            assert await line.recv() == message


def line_to(server, **settings):
    return {"block": "line", "backend": None, "transport": "websocket-client", "connect": f"localhost:{server.port}",
            **settings}


def test_a_line_that_we_open(gateway_of, certs, pinned):
    good, other = (TlsServer(certs[name]) for name in ("good", "not-pinned"))
    lines = [LineServer(server.context) for server in (good, other)]
    gateway = gateway_of({"hq": line_to(lines[0]), "branch": line_to(lines[1]),
                          "branch-medium": line_to(lines[1], security="medium")}, pinned=pinned)
    mark = gateway.mark()
    asyncio.run(say(gateway.ports["hq"], ["hello", "x" * 200000, b"\x00" * 70000]))
    record = gateway.record(mark)
    assert (record["verdict"], record["level"], record["service"], record["role"]) == \
        ("accept", "high", "line", "outbound")
    mark = gateway.mark()
    with pytest.raises((OSError, websockets.exceptions.WebSocketException)):
        asyncio.run(say(gateway.ports["branch"], ["hello"]))
    assert gateway.record(mark)["reason"] == "not-in-tcs"
    mark = gateway.mark()
    asyncio.run(say(gateway.ports["branch-medium"], ["hello"]))
    assert gateway.record(mark)["level"] == "medium"
    for server in (*lines, good, other):
        server.close()
