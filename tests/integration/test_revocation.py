"""Revocation in the running gateway: fetched, kept, judged by, and what becomes of those who are connected."""
import http.server
import os
import threading

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from clients import curl, s_client
from conftest import until
from pki import DAY, Pki, new_key, now
from servers import OpenSslServer, ask
from test_gateway_live import echoing, live

ALLOW = ("revocation-allow-private = true",)


class Publisher:
    """A web server for CRLs and OCSP responses: `pages` by path, bytes or a function; `seen` is what was asked for."""

    def __init__(self):
        self.pages, self.seen = {}, []
        publisher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("Content-Length", 0))
                publisher.seen.append((self.command, self.path, self.rfile.read(length)))
                page = publisher.pages.get(self.path)
                if page is None:
                    self.send_error(404)
                elif callable(page):
                    page(self)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(page)))
                    self.end_headers()
                    self.wfile.write(page)

            do_POST = do_GET

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path, data=None):
        if data is not None:
            self.pages[path] = data
        return f"http://127.0.0.1:{self.port}{path}"

    def asked(self, path):
        return [body for _, at, body in self.seen if at == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def publisher():
    publisher = Publisher()
    yield publisher
    publisher.close()


@pytest.fixture()
def root_crl(pki, tmp_path):
    path = tmp_path / "root.crl"
    path.write_bytes(pki.crl(of="Root"))
    return path


def node(*crls, allow=ALLOW):
    return (*allow, "crl = {" + ", ".join(f'"{crl}"' for crl in crls) + "}")


def web(mode, **settings):
    return {"web": {"level": "medium", "revocation": mode, **settings}}


def revocation(record):
    return {f["check"]: f for f in record["findings"]}["revocation"]


def attempt(gateway, cert, tls="1.3"):
    mark = gateway.mark()
    answer = curl(gateway.ports["web"], cert, tls)
    return answer, gateway.record(mark)


def until_known(gateway, cert, tls="1.3"):
    """The first attempt that finds what was fetched for those before it."""
    def known():
        answer, record = attempt(gateway, cert, tls)
        return record["reason"] != "revocation-unknown" and "nothing is known" not in revocation(record)["found"] and (
            answer, record)
    return until("an answer of the issuer", known)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_crl_of_the_certificate(gateway_of, pki, publisher, root_crl, tls):
    url = publisher.url(f"/ca-{tls}.crl")
    good, bad = pki.leaf("peer-good", crl=url), pki.leaf("peer-bad", crl=url)
    publisher.pages[f"/ca-{tls}.crl"] = pki.crl(bad)
    gateway = gateway_of(web("hard"), node=node(root_crl))
    answer, record = attempt(gateway, good, tls)
    assert not answer.served and (answer.alert, record["reason"]) == (46, "revocation-unknown")
    assert url in revocation(record)["found"]
    answer, record = until_known(gateway, good, tls)
    assert answer.served and record["verdict"] == "accept"
    assert "2 certificates not revoked" in revocation(record)["found"]
    answer, record = attempt(gateway, bad, tls)  # of the same CA: nothing is waited for
    assert not answer.served and (answer.alert, record["reason"]) == (44, "revoked")
    assert "keyCompromise" in revocation(record)["found"]
    assert len(publisher.asked(f"/ca-{tls}.crl")) == 1, "once for all peers"


def test_ocsp(gateway_of, pki, publisher, root_crl):
    answers = {}
    good, bad = (pki.leaf(name, responder=publisher.url("/ocsp")) for name in ("ocsp-good", "ocsp-bad"))

    def respond(handler):
        request = publisher.seen[-1][2]
        cert = next(c for c in (good, bad) if serial(c) in request)
        body = answers[cert]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def serial(cert):
        number = x509.load_der_x509_certificate(cert.der).serial_number
        return number.to_bytes((number.bit_length() + 8) // 8, "big")
    answers[good], answers[bad] = pki.ocsp(good), pki.ocsp(bad, revoked=True)
    publisher.pages["/ocsp"] = respond
    gateway = gateway_of(web("hard"), node=node(root_crl))
    answer, record = attempt(gateway, good)
    assert not answer.served and record["reason"] == "revocation-unknown"
    answer, record = until_known(gateway, good)
    assert answer.served, record
    answer, record = until_known(gateway, bad)
    assert (answer.alert, record["reason"]) == (44, "revoked") and "superseded" in revocation(record)["found"]


@pytest.mark.parametrize("mode,served", [("soft", True), ("hard", False), ("off", True)])
def test_nobody_answers(gateway_of, pki, publisher, root_crl, mode, served):
    url = publisher.url("/missing-" + mode)
    peer = pki.leaf("peer-" + mode, crl=url)
    gateway = gateway_of(web(mode), node=node(root_crl))
    answer, record = attempt(gateway, peer)
    assert answer.served == served
    if mode == "off":
        assert "revocation" not in [f["check"] for f in record["findings"]]
        return
    until("the failure in the log", lambda: f"revocation: {url}: " in gateway.messages() and "404" in gateway.messages())
    answer, record = attempt(gateway, peer)
    assert answer.served == served and url in revocation(record)["found"]
    assert (record["reason"], revocation(record)["outcome"]) == (
        (None, "pass") if served else ("revocation-unknown", "fail"))
    if served:
        assert "revocation is soft" in revocation(record)["note"]


def test_private_addresses_are_refused(gateway_of, pki, publisher, root_crl):
    url = publisher.url("/private.crl", pki.crl())
    peer = pki.leaf("peer-private", crl=url)
    gateway = gateway_of(web("hard"), node=node(root_crl, allow=()))
    answer, record = attempt(gateway, peer)
    assert record["reason"] == "revocation-unknown" and not answer.served
    until("the refusal in the log", lambda: f"{url}: its address is private" in gateway.messages())
    assert not publisher.asked("/private.crl")


def test_strangers_make_nobody_fetch_anything(gateway_of, pki, publisher, root_crl, tmp_path):
    stranger = Pki(tmp_path / "stranger", label="Stranger").leaf("stranger", crl=publisher.url("/stranger.crl"))
    peer = pki.leaf("peer-known", crl=publisher.url("/known.crl", pki.crl()))
    gateway = gateway_of(web("hard"), node=node(root_crl))
    assert attempt(gateway, stranger)[1]["reason"] == "issuer-unknown"
    assert until_known(gateway, peer)[0].served
    assert publisher.asked("/known.crl") and not publisher.asked("/stranger.crl")


@pytest.mark.parametrize("what", ["stale", "wrong signer", "too large", "junk", "loop"])
def test_of_no_use(gateway_of, pki, publisher, root_crl, what):
    path = "/" + what.replace(" ", "-")
    url = publisher.url(path)

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(30):
            handler.wfile.write(b"\0" * (1024 * 1024))

    def loop(handler):
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.end_headers()
    page, heard, found = {
        "stale": (pki.crl(start=now() - 2 * DAY, end=now() - DAY), "out of date", "stale since"),
        "wrong signer": (pki.crl(signer=new_key("p256")), None, "not signed by the issuer"),
        "too large": (endless, "larger than", "nothing is known"),
        "junk": (b"junk", "not a CRL", "nothing is known"),
        "loop": (loop, "redirects", "nothing is known"),
    }[what]
    publisher.pages[path] = page
    peer = pki.leaf("peer-no-use", crl=url)
    gateway = gateway_of(web("hard"), node=node(root_crl))
    if heard:
        attempt(gateway, peer)
        until("the problem in the log", lambda: heard in gateway.messages())
    record = until("the finding", lambda: [
        r for r in (attempt(gateway, peer)[1],) if found in revocation(r)["found"]])[0]
    assert record["reason"] == "revocation-unknown"


def test_a_new_crl_closes_connections(gateway_of, pki, root_crl, tmp_path):
    peer, other = pki.leaf("live-peer"), pki.leaf("live-other")
    crl = tmp_path / "ca.crl"
    crl.write_bytes(pki.crl())
    gateway = gateway_of(web("hard", live="close"), node=node(root_crl, crl))
    conn, left = echoing(gateway, "web", peer), echoing(gateway, "web", other)
    (tmp_path / "new.crl").write_bytes(pki.crl(peer))
    os.rename(tmp_path / "new.crl", crl)
    record = live(gateway, "close")
    assert record["reason"] == "revoked" and conn.recv(1) == b""
    left.sendall(b"x")
    assert left.recv(1) == b"x"
    conn.close()
    left.close()
    assert attempt(gateway, peer)[1]["reason"] == "revoked"


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_session_does_not_outlive_a_new_crl(gateway_of, pki, root_crl, tmp_path, tls):
    peer, other = pki.leaf("session-peer"), pki.leaf("session-other")
    crl, session = tmp_path / "ca.crl", str(tmp_path / "session")
    crl.write_bytes(pki.crl())
    gateway = gateway_of(web("hard"), node=node(root_crl, crl))

    def again():
        mark = gateway.mark()
        answer = s_client(gateway.ports["web"], peer, tls, extra=["-sess_in", session, "-sess_out", session])
        return answer, gateway.record(mark)
    assert s_client(gateway.ports["web"], peer, tls, extra=["-sess_out", session]).served
    assert again()[1]["resumed"]
    (tmp_path / "new.crl").write_bytes(pki.crl(other))
    os.rename(tmp_path / "new.crl", crl)
    record = until("a full handshake", lambda: [r for r in (again()[1],) if not r["resumed"]])[0]
    assert record["verdict"] == "accept"
    assert again()[1]["resumed"], "the next one rests on the new CRL"


def test_what_was_fetched_is_there_after_a_restart(gateway_of, pki, publisher, root_crl):
    peer = pki.leaf("peer-kept", crl=publisher.url("/kept.crl", pki.crl()))
    gateway = gateway_of(web("hard"), node=node(root_crl))
    assert until_known(gateway, peer)[0].served
    gateway.stop()
    del publisher.pages["/kept.crl"]
    gateway.start(generation=2)
    answer, record = attempt(gateway, peer)
    assert answer.served and record["verdict"] == "accept", record


def test_a_worker_that_dies_is_told_everything_again(gateway_of, pki, publisher, root_crl):
    peer = pki.leaf("peer-again", crl=publisher.url("/again.crl", pki.crl()))
    gateway = gateway_of(web("hard"), node=node(root_crl))
    assert until_known(gateway, peer)[0].served
    for pid in gateway.worker_pids():  # certgate-fetch among them
        os.kill(pid, 9)
    until("another worker", lambda: "started again as process" in gateway.messages())
    assert until("service", lambda: curl(gateway.ports["web"], peer).served)
    assert all(r["verdict"] == "accept" for r in gateway.records()[-1:])


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("what,reason", [("good", None), ("revoked", "revoked"), ("none", "revocation-unknown")])
def test_stapled(gateway_of, pki, root_crl, tmp_path, tls, what, reason):
    server_cert = pki.leaf(f"stapling-{what}", eku=(Eku.SERVER_AUTH,), san=("localhost",))
    staple = tmp_path / "staple"
    staple.write_bytes(pki.ocsp(server_cert, revoked=what == "revoked"))
    extra = ["-tls" + tls.replace(".", "_"), *([] if what == "none" else ["-status_file", str(staple)])]
    server = OpenSslServer(server_cert, tmp_path, extra)
    gateway = gateway_of({"far": {"role": "outbound", "backend": None, "connect": f"localhost:{server.port}",
                                  "level": "medium", "revocation": "hard"}}, node=node(root_crl))
    mark = gateway.mark()
    got, _ = ask(gateway.ports["far"], b"GET / HTTP/1.0\r\n\r\n")
    record = gateway.record(mark)
    server.close()
    assert record["reason"] == reason, revocation(record)
    assert (b"200 ok" in got.lower()) == (reason is None)
    if what != "none":
        assert "the handshake" in revocation(record)["found"] or reason is None
