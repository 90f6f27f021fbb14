"""All kinds of peers at once, good and bad mixed, at one gateway with two workers: each verdict as when alone."""
import concurrent.futures
import os

import pytest

from clients import CLIENTS
from http_backend import HttpBackend
from pki import DAY, Cert, Pki, now, to_pem
from programs import needs
from sip_backend import SipBackend
from sip_programs import Baresip, Kamailio, Stunnel, sipp
from test_outbound import LineServer
from web_programs import certificate_policy, chromium, node_line, python_line

ROUNDS = 3
# The certificate of the peer, and whether it is admitted; None is none at all.
MIXED = [("good", True), ("expired", False), ("stranger", False), (None, False)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def certs(pki, tmp_path_factory):
    names = {"san": ("sip:sip.example.test", "peer.example.test")}
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    return {"good": pki.leaf("all-good", **names), "expired": pki.leaf("all-expired", end=now() - DAY / 2, **names),
            "stranger": stranger.leaf("all-stranger", **names)}


@pytest.fixture(scope="module")
def gateway(gateway_of, pki, certs):
    web, sip, echo = HttpBackend(), SipBackend(), LineServer(None)
    backend = {name: f"127.0.0.1:{made.port}" for name, made in (("web", web), ("sip", sip), ("echo", echo))}
    issuer = Cert(pki, "intermediate", pki.ca_der, pki.ca_key, [])  # Chromium does not send it
    yield gateway_of({
        "web": {"level": "medium", "mode": "http", "backend": backend["web"]},
        "line": {"level": "none", "require-certificate": False, "backend": backend["echo"]},
        "sip": {"service": "sip", "phones": True, "level": "medium", "backend": backend["sip"]},
    }, pinned=[certs["good"], issuer], workers=2, blocks=[
        'line "hq" { interface = "line" path = "/line" level = "high" }',
        'trunk "carrier" { interface = "sip" sip-domains = {"sip.example.test"} level = "medium" }'])
    for made in (web, sip, echo):
        made.close()


class Peers:
    """Each method is one peer with a certificate or without: True where it was served."""

    def __init__(self, gateway, folder, identity, pki):
        self.ports, self.folder, self.identity, self.pki = gateway.ports, folder, identity, pki

    def tls(self, client):
        return lambda cert: CLIENTS[client](self.ports["web"], cert).served

    def chromium(self, cert):
        return chromium(self.folder, self.ports["web"], to_pem(self.pki.root_der), cert).status == 200

    def websockets(self, cert):
        return python_line(self.ports["line"], "/line", cert).works

    def ws(self, cert):
        return node_line(self.ports["line"], "/line", cert).works

    def kamailio(self, cert):
        trunk = Kamailio(self.folder, self.identity, to=self.ports["sip"], cert=cert)
        try:
            return sipp(self.folder, trunk.port, "options").complete
        finally:
            trunk.stop()

    def sipp(self, cert):
        tunnel = Stunnel(self.folder, self.ports["sip"], cert)
        try:
            return sipp(self.folder, tunnel.port, "options").complete
        finally:
            tunnel.stop()

    def baresip(self, cert):
        phone = Baresip(self.folder, self.ports["sip"], cert)
        try:
            return phone.answer() == 200
        finally:
            phone.stop()


@pytest.fixture(scope="module")
def kinds(gateway, folder, identity, pki):
    """The peers that are installed: {name: function}."""
    peers = Peers(gateway, folder, identity, pki)
    found = {name: peers.tls(name) for name in CLIENTS}
    found["websockets"] = peers.websockets
    rows = [("ws", ["node"], ["ws"]), ("kamailio", ["kamailio", "sipp"], []), ("sipp", ["stunnel4", "sipp"], []),
            ("baresip", ["baresip"], []), ("chromium", ["chromium", "certutil"], [])]
    for name, programs, npm in rows:
        if not needs(*programs, npm=npm).args[0]:
            found[name] = getattr(peers, name)
    if os.geteuid() != 0:
        found.pop("chromium", None)
    if len(found) < 7:
        pytest.skip("too few kinds of peers are installed: " + ", ".join(found))
    with certificate_policy():
        yield found


def expected(kind, cert, admitted):
    return admitted or (kind == "baresip" and cert is None)  # a phone needs none


def test_every_peer_is_judged_as_when_alone(gateway, kinds, certs):
    work = [(kind, cert, admitted) for kind in kinds for cert, admitted in MIXED
            if (kind, cert) != ("chromium", "expired")]  # it keeps an expired one to itself
    alone = {(kind, cert): kinds[kind](cert and certs[cert]) for kind, cert, _ in work}
    assert alone == {(kind, cert): expected(kind, cert, admitted) for kind, cert, admitted in work}
    mark = gateway.mark()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [((kind, cert), pool.submit(kinds[kind], cert and certs[cert]))
                   for _ in range(ROUNDS) for kind, cert, _ in work]
        together = [(key, done.result()) for key, done in running]
    assert [(key, got) for key, got in together if got != alone[key]] == []
    records = gateway.records()[mark:]
    for name in ("expired", "stranger"):
        mine = [r for r in records if (r.get("certificate") or {}).get("sha256") == certs[name].sha256]
        assert mine and {r["verdict"] for r in mine} == {"reject"}
        assert {r["reason"] for r in mine} == {{"expired": "expired", "stranger": "issuer-unknown"}[name]}
    good = [r for r in records if (r.get("certificate") or {}).get("sha256") == certs["good"].sha256]
    assert {r["verdict"] for r in good if r["reason"] not in ("class-unknown", "handshake-failed")} == {"accept"}
    assert len({r["incident"] for r in records}) == len(records)
