"""
The interfaces of the page, all nine in one configuration on one machine: management at High, telephony at
Medium, each with a certificate that is good, with a bad one, and with none. Ports are high ones.
"""
import re

import pytest

from clients import curl, s_client
from http_backend import HttpBackend
from pki import DAY, Eku, Pki, now
from ports import free_port
from servers import TlsServer, ask
from sip_backend import SipBackend, request
from test_gateway_sip import Peer
from test_outbound import LineServer, line_to, out
from web_programs import python_line

MANAGEMENT = ("configuration", "security-administration", "http", "http 411", "web-manager")
PHONE = request("REGISTER", "sip:gw.example.test", "<sip:1001@phones.example.test>;tag=a")
TRUNK = request("OPTIONS", "sip:gw.example.test", "<sip:1@sip.example.test>;tag=a")


@pytest.fixture(scope="module")
def certs(pki, good, tmp_path_factory):
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    server = {"eku": (Eku.SERVER_AUTH,), "san": ("localhost",)}
    return {"good": good, "unpinned": pki.leaf("page-unpinned"), "stranger": stranger.leaf("page-stranger"),
            "expired": pki.leaf("page-expired", end=now() - DAY / 2), "server": pki.leaf("page-server", **server),
            "server-unpinned": pki.leaf("page-server2", **server),
            "server-stranger": stranger.leaf("page-server3", **server)}


@pytest.fixture(scope="module")
def backends():
    made = {"web": HttpBackend(), "sip": SipBackend(), "echo": LineServer(None)}
    yield made
    for backend in made.values():
        backend.close()


@pytest.fixture(scope="module")
def far(certs):
    made = {name: TlsServer(certs[name]) for name in ("server", "server-unpinned", "server-stranger")}
    yield made
    for server in made.values():
        server.close()


@pytest.fixture(scope="module")
def gateway(gateway_of, certs, backends, far):
    web, echo = ({"mode": "http", "backend": f"127.0.0.1:{backends[name].port}"} for name in ("web", "echo"))
    first, second = free_port(), free_port()
    interfaces = {name: dict(web) for name in MANAGEMENT if name != "http 411"}
    interfaces["http"] = {**echo, "listen": [f"127.0.0.1:{first}", f"127.0.0.1:{second}"]}
    interfaces["medium"] = {**web, "service-security": "secure-medium"}
    interfaces["medium shared"] = {**echo, "service-security": "secure-medium"}
    interfaces["sip"] = {"service": "sip", "phones": True, "backend": f"127.0.0.1:{backends['sip'].port}"}
    for name, server in far.items():
        interfaces["trunk out " + name] = out(server, service="sip")
        interfaces["line out " + name] = line_to(server)
    gateway = gateway_of(interfaces, pinned=[certs["good"], certs["server"]], blocks=[
        'management = "high"', 'telephony = "medium"',
        'trunk "carrier" { interface = "sip" sip-domains = {"sip.example.test"} }',
        'line "hq" { interface = "http" path = "/line" level = "medium" }',
        'line "hq medium" { interface = "medium shared" path = "/line" }'])
    gateway.ports.update({"http": first, "http 411": second})
    return gateway


def verdict(gateway, mark, reason=None):
    """Checks the next record's reason, and gives the record."""
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"]) == ("reject" if reason else "accept", reason), record
    return record


# Certificate and the reason of its refusal, at management's High.
HIGH = [("good", None), (None, "certificate-missing"), ("unpinned", "not-in-tcs"), ("expired", "expired")]


@pytest.mark.parametrize("cert,reason", HIGH)
@pytest.mark.parametrize("interface", [name for name in MANAGEMENT if not name.startswith("http")])
def test_a_management_service(gateway, certs, interface, cert, reason):
    mark = gateway.mark()
    answer = curl(gateway.ports[interface], cert and certs[cert])
    assert answer.served is (reason is None)
    assert verdict(gateway, mark, reason)["level"] == "high"


@pytest.mark.parametrize("cert,reason", HIGH)
@pytest.mark.parametrize("port", ("http", "http 411"))
def test_the_http_service_that_a_line_shares(gateway, certs, port, cert, reason):
    """Its backend speaks WebSocket alone: what it says to a plain request shows that one came through."""
    mark = gateway.mark()
    answer = curl(gateway.ports[port], cert and certs[cert])
    assert ("426 Upgrade Required" in answer.text) is (reason is None)
    record = verdict(gateway, mark, reason)
    if cert:
        assert (record["class"], record["level"]) == ("other", "high")


@pytest.mark.parametrize("cert,reason", [("good", None), ("unpinned", None), ("stranger", "issuer-unknown"),
                                         ("expired", "expired"), (None, "certificate-missing")])
def test_a_line_that_dials_in(gateway, certs, cert, reason):
    """At its own level, Medium, whatever management says."""
    mark = gateway.mark()
    line = python_line(gateway.ports["http"], "/line", cert and certs[cert])
    assert line.works is (reason is None)
    record = verdict(gateway, mark, reason)
    if cert:
        assert (record["class"], record["level"]) == ("hq", "medium")


@pytest.mark.parametrize("cert,reason", [(None, None), ("unpinned", None), ("expired", "expired"),
                                         ("stranger", "issuer-unknown")])
def test_a_phone(gateway, certs, cert, reason):
    mark = gateway.mark()
    peer = Peer(gateway, "sip", cert and certs[cert])
    assert peer.ask(PHONE) == (403 if reason else 200)
    peer.close()
    record = verdict(gateway, mark, reason)
    assert (record["class"], record["level"]) == ("phone", "medium")


@pytest.mark.parametrize("cert,reason", [(None, "certificate-missing"), ("unpinned", None), ("expired", "expired"),
                                         ("stranger", "issuer-unknown")])
def test_a_trunk_that_calls_us(gateway, certs, cert, reason):
    mark = gateway.mark()
    peer = Peer(gateway, "sip", cert and certs[cert])
    assert peer.ask(TRUNK) == (403 if reason else 200)
    peer.close()
    record = verdict(gateway, mark, reason)
    assert (record["class"], record["level"]) == ("carrier", "medium")


@pytest.mark.parametrize("name,server,level,reason", [
    ("trunk out", "server", "medium", None), ("trunk out", "server-unpinned", "medium", None),
    ("trunk out", "server-stranger", "medium", "issuer-unknown"),
    ("line out", "server", "high", None), ("line out", "server-unpinned", "high", "not-in-tcs"),
    ("line out", "server-stranger", "high", "issuer-unknown")])
def test_a_far_end_that_we_call(gateway, name, server, level, reason):
    """A trunk at telephony's level, a line at its own default, High."""
    mark = gateway.mark()
    assert ask(gateway.ports[f"{name} {server}"]) == ((b"", "reset") if reason else (b"ping", "end"))
    record = verdict(gateway, mark, reason)
    assert (record["level"], record["role"]) == (level, "outbound")


# ---- the http service at secure-medium -------------------------------------------------------------

def asked(answer):
    return bool(re.search(r"<<< TLS 1\.[23], .*CertificateRequest", answer.text))


@pytest.mark.parametrize("tls", ("1.2", "1.3"))
def test_at_secure_medium_none_is_asked_for(gateway, certs, tls):
    mark = gateway.mark()
    assert curl(gateway.ports["medium"], certs["expired"], tls).served, "it had no way to show it"
    assert verdict(gateway, mark)["presented"] == 0
    request_ = b"GET / HTTP/1.0\r\n\r\n"
    assert not asked(s_client(gateway.ports["medium"], None, tls, extra=["-msg"], request=request_))


@pytest.mark.parametrize("tls", ("1.2", "1.3"))
def test_where_a_line_shares_the_port_it_is_asked_for_and_judged_but_not_required(gateway, certs, tls):
    port = gateway.ports["medium shared"]
    answer = s_client(port, None, tls, extra=["-msg"], request=b"GET / HTTP/1.0\r\n\r\n")
    assert asked(answer)
    mark = gateway.mark()
    assert "426 Upgrade Required" in curl(port, None, tls).text
    assert verdict(gateway, mark)["class"] == "other"
    mark = gateway.mark()
    assert not curl(port, certs["unpinned"], tls).served
    record = verdict(gateway, mark, "not-in-tcs")
    assert (record["class"], record["level"]) == ("other", "high")
    mark = gateway.mark()
    assert python_line(port, "/line", None, tls).status == 403
    assert verdict(gateway, mark, "certificate-missing")["class"] == "hq medium"
    mark = gateway.mark()
    assert python_line(port, "/line", certs["good"], tls).works
    assert verdict(gateway, mark)["class"] == "hq medium"
