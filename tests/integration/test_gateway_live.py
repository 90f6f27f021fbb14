"""Connected peers that are no longer admitted: by the settings, the trust store or the clock."""
import datetime
import os
import socket
import ssl
import threading
import time

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from conftest import until
from pki import now
from test_gateway import connect
from test_gateway_http import Client, received
from test_gateway_sip import PHONE, Peer, register
from http_backend import HttpBackend
from sip_backend import SipBackend, message


@pytest.fixture(scope="module")
def web():
    backend = HttpBackend()
    yield backend
    backend.close()


def echoing(gateway, interface, cert):
    conn = connect(gateway.ports[interface], cert)
    conn.sendall(b"ECHO")
    assert conn.recv(4) == b"ECHO"
    return conn


def live(gateway, what):
    return until("the record", lambda: [r for r in gateway.records() if r.get("live") == what])[-1]


@pytest.mark.parametrize("what", ["close", "drain", "leave"])
def test_a_raised_level_is_applied_to_connected_peers(gateway_of, good, what):
    gateway = gateway_of({"web": {"level": "medium", "live": what}})
    conn = echoing(gateway, "web", good)
    gateway.configure({"web": {"level": "high", "live": what}})
    gateway.reload(2)
    record = live(gateway, what)
    assert (record["reason"], record["generation"], record["step"]) == ("not-in-tcs", 2, "relay")
    if what == "leave":
        conn.sendall(b"x")
        assert conn.recv(1) == b"x"
    else:
        assert conn.recv(1) == b""
    conn.close()


def test_a_certificate_taken_out_of_the_store_closes_its_connection(gateway_of, good):
    gateway = gateway_of({"web": {"level": "high"}}, pinned=(good,))
    conn = echoing(gateway, "web", good)
    for name in os.listdir(gateway.tcs):
        with open(os.path.join(gateway.tcs, name), encoding="ascii") as f:
            if good.pem.decode().strip() in f.read():
                os.remove(os.path.join(gateway.tcs, name))
    gateway.reload(2)
    assert live(gateway, "close")["reason"] == "not-in-tcs"
    assert conn.recv(1) == b""
    conn.close()


def test_a_reload_that_changes_nothing_for_a_peer_leaves_it_alone(gateway_of, good):
    gateway = gateway_of({"web": {"level": "high"}}, pinned=(good,))
    conn = echoing(gateway, "web", good)
    gateway.configure({"web": {"level": "high", "idle-timeout": "2h"}})
    gateway.reload(2)
    conn.sendall(b"x")
    assert conn.recv(1) == b"x"
    assert not [r for r in gateway.records() if r.get("live")]
    conn.close()


def test_the_clock_closes_a_connection_whose_certificate_expires(gateway_of, pki):
    soon = pki.leaf("soon", end=now() + datetime.timedelta(seconds=4))
    gateway = gateway_of({"web": {"level": "medium", "live": "close"}})
    conn = echoing(gateway, "web", soon)
    assert conn.recv(1) == b""
    assert live(gateway, "close")["reason"] == "expired"
    conn.close()


def test_later_requests_are_judged_by_the_new_generation(gateway_of, good, web):
    line = 'line "hq" {{ interface = "web" path = "/hq" level = "{}" }}'
    gateway = gateway_of({"web": {"level": "none"}}, backend=web, blocks=[line.format("low")])
    client = Client(gateway, "web", good)
    assert client.get("/")[0] == 200
    gateway.blocks = [line.format("high")]
    gateway.configure({"web": {"level": "none"}})
    gateway.reload(2)
    assert client.upgrade("/hq")[0] == 403
    until("its record", lambda: gateway.records()[-1]["generation"] == 2)
    client.close()


def resumed_client(gateway, interface, cert):
    """A client whose connection is a resumed session."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(cert.chain_file, cert.key_file)
    first = Client(gateway, interface, cert, context=context)
    assert first.get("/")[0] == 200
    client = Client(gateway, interface, cert, context=context, session=first.sock.session)
    first.close()
    assert client.get("/")[0] == 200 and client.sock.session_reused
    return client


def test_a_resumed_session_does_not_keep_the_verdicts_of_rules_that_changed(gateway_of, pki, web):
    line = 'line "hq" {{ interface = "web" path = "/hq" level = "{}" }}'
    gateway = gateway_of({"web": {"level": "none"}}, backend=web, blocks=[line.format("low")])
    client = resumed_client(gateway, "web", pki.leaf("resumed"))
    gateway.blocks = [line.format("high")]
    gateway.configure({"web": {"level": "none"}})
    gateway.reload(2)
    mark = gateway.mark()
    assert client.upgrade("/hq")[0] == 403
    record = gateway.record(mark)
    assert (record["generation"], record["class"], record["verdict"]) == (2, "hq", "reject")
    client.close()


def test_a_resumed_session_has_no_verdict_of_a_line_that_came_later(gateway_of, pki, web):
    line = 'line "{0}" {{ interface = "web" path = "/{0}" level = "{1}" }}'
    gateway = gateway_of({"web": {"level": "none"}}, backend=web, blocks=[line.format("hq", "low")])
    client = resumed_client(gateway, "web", pki.leaf("later"))
    gateway.blocks = [line.format("new", "high"), line.format("hq", "low")]
    gateway.configure({"web": {"level": "none"}})
    gateway.reload(2)
    assert client.upgrade("/new")[0] == 403
    client.close()


def test_a_connection_that_waited_is_judged_by_the_rules_of_its_first_request(gateway_of, pki, web):
    """Its class, and so its verdict, was not known before the reload."""
    line = 'line "hq" { interface = "web" path = "/hq" level = "high" }'
    gateway = gateway_of({"web": {"level": "low", "live": "leave"}}, backend=web, blocks=[line])
    client = Client(gateway, "web", pki.leaf("waits"))
    gateway.configure({"web": {"level": "high", "live": "leave"}})
    gateway.reload(2)
    mark = gateway.mark()
    assert client.get("/")[0] == 403
    record = gateway.record(mark)
    assert (record["generation"], record["level"], record["reason"]) == (2, "high", "not-in-tcs")
    assert record.get("live") is None
    client.close()


def test_an_interface_that_is_gone_admits_nobody_who_waited(gateway_of, good, web):
    line = 'line "hq" { interface = "web" path = "/hq" level = "high" }'
    gateway = gateway_of({"web": {"level": "low"}, "other": {}}, backend=web, blocks=[line])
    client = Client(gateway, "web", good)
    gateway.blocks = []
    gateway.configure({"other": {}})
    gateway.reload(2)
    mark = gateway.mark()
    assert client.get("/")[0] == 403
    assert gateway.record(mark)["reason"] == "class-unknown"
    client.close()


def test_an_allowance_that_a_reload_brings_is_told(gateway_of, pki, web):
    server_only = pki.leaf("server-only", eku=(Eku.SERVER_AUTH,))
    gateway = gateway_of({"web": {"level": "low", "mode": "http", "proxy": "off"}}, backend=web)
    client = Client(gateway, "web", server_only)
    verdict = received(client.get("/")[2])[1]["certgate-verdict"]
    assert verdict.startswith("accept;level=low;")
    gateway.configure({"web": {"level": "medium", "mode": "http", "allow": ["allow-server-auth-clients"]}})
    gateway.reload(2)
    verdict = received(client.get("/")[2])[1]["certgate-verdict"]
    assert verdict.startswith("accept-with-allowance;level=medium;")
    client.close()


def test_a_trunk_whose_address_is_taken_from_it_is_that_trunk_no_more(gateway_of, good):
    trunk = 'trunk "near" {{ interface = "sip" from = {{"{}"}} level = "medium" }}'
    sip = {"sip": {"service": "sip", "mode": "sip", "level": "low", "live": "close"}}
    gateway = gateway_of(sip, blocks=[trunk.format("127.0.0.1")])
    conn = connect(gateway.ports["sip"], good)
    gateway.blocks = [trunk.format("127.0.0.9")]
    gateway.configure(sip)
    gateway.reload(2)
    assert conn.recv(1) == b""
    record = until("the record", gateway.records)[-1]
    assert (record["reason"], record["generation"]) == ("class-unknown", 2)
    conn.close()


def test_a_backend_is_told_by_what_a_peer_that_is_left_was_admitted(gateway_of, pki, web):
    settings = {"mode": "http", "live": "leave"}
    gateway = gateway_of({"web": {"level": "medium", **settings}}, backend=web)
    client = Client(gateway, "web", pki.leaf("left"))
    assert client.get("/")[0] == 200
    gateway.configure({"web": {"level": "high", **settings}})
    gateway.reload(2)
    assert live(gateway, "leave")["reason"] == "not-in-tcs"
    assert received(client.get("/")[2])[1]["certgate-verdict"].startswith("accept;level=medium;")
    client.close()


def test_a_peer_that_a_second_reload_admits_again_is_not_drained(gateway_of, pki):
    cert = pki.leaf("again")
    gateway = gateway_of({"web": {"level": "medium", "live": "drain"}})
    conn = echoing(gateway, "web", cert)
    other = echoing(gateway, "web", cert)
    gateway.configure({"web": {"level": "high", "live": "drain"}})
    gateway.reload(2)
    live(gateway, "drain")
    gateway.configure({"web": {"level": "medium", "live": "drain"}})
    gateway.reload(3)
    begun = time.monotonic()
    until("longer than drained connections are kept", lambda: time.monotonic() > begun + 4)
    for one in (conn, other):
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        one.close()


def test_no_request_is_served_after_the_last_second_of_a_certificate(gateway_of, pki, web):
    end = now() + datetime.timedelta(seconds=4)
    gateway = gateway_of({"web": {"level": "none", "mode": "http", "live": "close"}}, backend=web)
    client = Client(gateway, "web", pki.leaf("last-second", end=end))
    served, late = True, 0
    while served:
        sent = datetime.datetime.utcnow()
        served = client.get("/")[0] == 200
        late += served and sent >= end + datetime.timedelta(seconds=1)
        assert sent < end + datetime.timedelta(seconds=10)
    assert late == 0
    assert live(gateway, "close")["reason"] == "expired"
    client.close()


@pytest.fixture(scope="module")
def server():
    backend = SipBackend()
    yield backend
    backend.close()


def near():
    return f'trunk "near" {{ interface = "sip" from = {{"127.0.0.0/8"}} level = "low" }}'


def test_a_response_on_a_connection_that_outlived_its_trunk(gateway_of, good, server):
    settings = {"sip": {"service": "sip", "level": "low", "phones": True, "live": "leave"}}
    gateway = gateway_of(settings, backend=server, blocks=[near()])
    peer = Peer(gateway, "sip", good)
    assert peer.ask(register(PHONE)) == 200
    gateway.blocks = []
    gateway.configure(settings)
    gateway.reload(2)
    assert live(gateway, "leave")["reason"] == "class-unknown"
    workers = gateway.worker_pids()
    peer.send(message("SIP/2.0 200 OK", "Via: SIP/2.0/TLS gw.example.test;branch=z9hG4bK1", f"From: {PHONE}",
                      "To: <sip:desk@gw.example.test>;tag=b", "Call-ID: 1@gw.example.test", "CSeq: 1 OPTIONS"))
    assert peer.ask(register(PHONE, number=2)) == 200
    peer.close()
    assert gateway.worker_pids() == workers


def test_a_connection_drains_whose_trunk_or_interface_is_gone(gateway_of, good, server):
    settings = {"sip": {"service": "sip", "level": "low", "phones": True, "live": "drain"},
                "rest": {"service": "sip", "level": "low", "phones": True, "live": "drain"}}
    gateway = gateway_of(settings, backend=server, blocks=[near()])
    peer = Peer(gateway, "sip", good)
    assert peer.ask(register(PHONE)) == 200
    gateway.blocks = []
    gateway.configure(settings)
    gateway.reload(2)
    assert live(gateway, "drain")["reason"] == "class-unknown"
    peer.sock.settimeout(10)
    assert peer.sock.recv(1) == b""
    peer.close()
    rest = Peer(gateway, "rest", good)
    assert rest.ask(register(PHONE)) == 200
    del settings["rest"]
    gateway.configure(settings)
    gateway.reload(3)
    rest.sock.settimeout(10)
    assert rest.sock.recv(1) == b""
    rest.close()


def test_who_has_not_asked_for_anything_yet_is_not_left(gateway_of, pki, web):
    """Admitted in the handshake, and nothing of it has reached a backend: to refuse it breaks nothing off."""
    settings = {"mode": "http", "live": "leave"}
    gateway = gateway_of({"web": {"level": "medium", **settings}}, backend=web)
    client = Client(gateway, "web", pki.leaf("not-asked"))
    gateway.configure({"web": {"level": "high", **settings}})
    gateway.reload(2)
    assert client.get("/")[0] in (403, None)
    record = gateway.record_of(client.peer)
    assert (record["verdict"], record["reason"], record["generation"]) == ("reject", "not-in-tcs", 2)
    assert record.get("live") is None
    client.close()


CHAIN = {"identity-fields": ["client-cert", "client-cert-chain"]}


def test_a_chain_that_a_backend_is_to_be_told_of_ends_sessions_without_it(gateway_of, pki, web):
    """A resumed session holds the received certificate alone: the peer is to come back, and is told in full then."""
    settings = {"web": {"level": "medium", "mode": "http", "live": "leave"}}
    gateway = gateway_of(settings, backend=web)
    cert = pki.leaf("told-in-full")
    client = resumed_client(gateway, "web", cert)
    gateway.configure({"web": {**settings["web"], **CHAIN}})
    before = len(web.requests)
    gateway.reload(2)
    assert client.get("/")[0] in (421, None)
    client.close()
    assert len(web.requests) == before
    client = Client(gateway, "web", cert)
    assert "client-cert-chain" in received(client.get("/")[2])[1]
    client.close()


def test_a_request_under_way_is_answered_before_such_a_session_ends(gateway_of, pki):
    asked, go = threading.Event(), threading.Event()

    class Slow(HttpBackend):
        def _answer(self, conn, stream, line, fields):
            if line.startswith("GET /slow"):
                asked.set()
                assert go.wait(60)
            return super()._answer(conn, stream, line, fields)
    backend, settings = Slow(), {"web": {"level": "medium", "mode": "http", "live": "leave"}}
    gateway = gateway_of(settings, backend=backend)
    client = resumed_client(gateway, "web", pki.leaf("answered-first"))
    client.sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    assert asked.wait(60)
    gateway.configure({"web": {**settings["web"], **CHAIN}})
    gateway.reload(2)
    go.set()
    assert client.answer()[0] == 200
    assert client.stream.read() == b""
    client.close()
    backend.close()
