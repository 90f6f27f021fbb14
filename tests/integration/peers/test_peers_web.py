"""The management services' own clients: Chromium and curl through mode http, two TLS stacks through all three modes."""
import os

import pytest

from clients import curl, gnutls, s_client
from conftest import until
from http_backend import HttpBackend
from pki import DAY, Cert, Pki, now, to_pem
from programs import needs
from sip_backend import SipBackend, request
from web_programs import certificate_policy, chromium

BOTH = ("1.2", "1.3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def certs(pki, good, tmp_path_factory):
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    return {"good": good, "unpinned": pki.leaf("web-unpinned"), "stranger": stranger.leaf("web-stranger"),
            "expired": pki.leaf("web-expired", end=now() - DAY / 2)}


@pytest.fixture(scope="module")
def web():
    backend = HttpBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def sip():
    backend = SipBackend(once=True)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def gateway(gateway_of, pki, certs, web, sip, backend):
    http = {"mode": "http", "identity-fields": ["client-cert"]}
    interfaces = {level: {"level": level, **http} for level in ("none", "medium", "high")}
    interfaces["tcp"] = {"level": "high", "mode": "tcp", "backend": f"127.0.0.1:{backend.port}"}
    interfaces["http"] = {"level": "high", "mode": "http"}
    interfaces["sip"] = {"level": "high", "mode": "sip", "service": "sip", "backend": f"127.0.0.1:{sip.port}"}
    # Where no CA is named, Chromium sends its certificate alone: the intermediate has to be ours.
    intermediate = Cert(pki, "intermediate", pki.ca_der, pki.ca_key, [])
    return gateway_of(interfaces, backend=web, pinned=[certs["good"], intermediate])


# ---- Chromium --------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def browse(gateway, folder, pki):
    """browse(interface, cert): the page and our record of the connection that brought it, or did not."""
    if os.geteuid() != 0:
        pytest.skip("Chromium's policy on certificates is a file that only root can write")

    def load(interface, cert=None):
        mark = gateway.mark()
        page = chromium(folder, gateway.ports[interface], to_pem(pki.root_der), cert)
        # A browser opens connections ahead: those that it closed before they had a request tell nothing.
        return page, until("the record", lambda: [r for r in gateway.records()[mark:] if r["reason"] not in
                                                  ("class-unknown", "handshake-failed")])
    with certificate_policy():
        yield load


CHROMIUM = needs("chromium", "certutil")


@CHROMIUM
def test_chromium_shows_the_page_of_the_backend(browse, certs, web):
    before = len(web.requests)
    page, records = browse("medium", certs["unpinned"])
    assert page.status == 200 and page.sent == 1, page.error
    assert "GET / HTTP/1.1" in page.dom
    assert records[0]["verdict"] == "accept"
    assert records[0]["certificate"]["sha256"] == certs["unpinned"].sha256
    fields = {name.lower() for name, _ in web.requests[before][1]}
    assert {"client-cert", "certgate-verdict"} <= fields


@CHROMIUM
def test_chromium_shows_a_strangers_certificate_because_no_ca_is_named(browse, certs):
    page, records = browse("none", certs["stranger"])
    assert page.status == 200 and page.sent, page.error
    assert records[0]["certificate"]["sha256"] == certs["stranger"].sha256
    assert records[0]["verdict"] == "accept"


@CHROMIUM
@pytest.mark.parametrize("interface,cert,alert,error,reason", [
    ("none", None, 116, "ERR_BAD_SSL_CLIENT_AUTH_CERT", "certificate-missing"),
    ("medium", "stranger", 48, "ERR_BAD_SSL_CLIENT_AUTH_CERT", "issuer-unknown"),
    ("high", "unpinned", 46, "ERR_BAD_SSL_CLIENT_AUTH_CERT", "not-in-tcs")])
def test_chromium_is_refused_and_hears_the_alert(browse, certs, web, interface, cert, alert, error, reason):
    before = len(web.requests)
    page, records = browse(interface, cert and certs[cert])
    assert page.status is None
    assert page.alert == alert
    # Now and then Chromium finds the socket closed before it has made its own error of the alert.
    assert page.error in (error, "ERR_SOCKET_NOT_CONNECTED")
    assert {(r["verdict"], r["reason"], r["step"]) for r in records} == {("reject", reason, "handshake")}
    assert len(web.requests) == before


# ---- curl, OpenSSL and GnuTLS ----------------------------------------------------------------------

@pytest.mark.parametrize("tls", BOTH)
def test_curl_through_mode_http(gateway, certs, tls):
    mark = gateway.mark()
    answer = curl(gateway.ports["high"], certs["good"], tls)
    assert answer.served and answer.alert is None
    record = gateway.record(mark)
    assert (record["verdict"], record["tls"], record["level"]) == ("accept", "TLSv" + tls, "high")


HELLO = {"tcp": b"GET / HTTP/1.1\r\nHost: gw.example.test\r\nConnection: close\r\n\r\n",
         "http": b"GET / HTTP/1.1\r\nHost: gw.example.test\r\nConnection: close\r\n\r\n",
         "sip": request("OPTIONS", "sip:gw.example.test", "<sip:peer@sip.example.test>;tag=a")}
REFUSED = [(None, "certificate-missing", 40, 116), ("stranger", "issuer-unknown", 48, 48),
           ("expired", "expired", 45, 45), ("unpinned", "not-in-tcs", 46, 46)]


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("mode", HELLO)
@pytest.mark.parametrize("client", (s_client, gnutls))
def test_every_mode_serves_a_good_peer(gateway, certs, client, mode, tls):
    mark = gateway.mark()
    answer = client(gateway.ports[mode], certs["good"], tls, request=HELLO[mode])
    assert answer.served and answer.alert is None, answer.text
    record = gateway.record(mark)
    assert (record["verdict"], record["interface"], record["tls"]) == ("accept", mode, "TLSv" + tls)


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("cert,reason,alert12,alert13", REFUSED)
@pytest.mark.parametrize("mode", HELLO)
@pytest.mark.parametrize("client", (s_client, gnutls))
def test_every_mode_refuses_a_bad_one(gateway, certs, web, sip, client, mode, cert, reason, alert12, alert13, tls):
    mark, reached = gateway.mark(), web.connections + sip.connections
    answer = client(gateway.ports[mode], cert and certs[cert], tls, request=HELLO[mode])
    assert not answer.served
    assert answer.alert == (alert13 if tls == "1.3" else alert12)
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["step"]) == ("reject", reason, "handshake")
    assert web.connections + sip.connections == reached
