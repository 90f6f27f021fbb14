"""Mode http: every request is put under the rules of its class, carried as one, and no other way."""
import base64
import http.client
import json
import ssl
import subprocess

import pytest

from clients import WEAK
from http_backend import HttpBackend
from test_gateway import connect

UPGRADE = ("GET {path} HTTP/1.1\r\nHost: gw.example.test\r\nConnection: {connection}\r\nUpgrade: {upgrade}\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")


@pytest.fixture(scope="module")
def web():
    backend = HttpBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def unpinned(pki):
    return pki.leaf("unpinned")


@pytest.fixture(scope="module")
def gateway(gateway_of, web, good):
    return gateway_of({
        "plain": {"level": "medium", "mode": "http",
                  "identity-fields": ["client-cert", "client-cert-chain", "x-forwarded-client-cert"]},
        "silent": {"level": "none", "answer": False},
        "open": {"level": "none", "mode": "http", "require-certificate": False, "request-timeout": "300ms"},
        "strict": {"level": "high"},
        "loose": {"level": "none", "require-certificate": False},
    }, backend=web, pinned=(good,), blocks=[
        'line "low" { interface = "strict" path = "/line/low" level = "low" }',
        'line "silent" { interface = "silent" path = "/line/silent" level = "high" }',
        'line "hq" { interface = "loose" path = "/line/hq" level = "high" }',
    ])


class Client:
    """One TLS connection that requests are written to as bytes."""

    def __init__(self, gateway, interface, cert=None, context=None, session=None):
        self.sock = connect(gateway.ports[interface], cert, using=context, session=session)
        self.stream = self.sock.makefile("rb")
        self.peer = "{}:{}".format(*self.sock.getsockname())

    def ask(self, raw):
        self.sock.sendall(raw.encode("latin-1") if isinstance(raw, str) else raw)
        return self.answer()

    def answer(self):
        status = self.stream.readline().decode("latin-1")
        if not status:
            return None, {}, b""
        fields = {}
        while True:
            line = self.stream.readline().decode("latin-1").rstrip("\r\n")
            if not line:
                break
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        code = int(status.split(" ")[1])
        body = b""
        if code != 101:
            if fields.get("transfer-encoding") == "chunked":
                while True:
                    size = int(self.stream.readline(), 16)
                    body += self.stream.read(size)
                    self.stream.readline()
                    if size == 0:
                        break
            else:
                body = self.stream.read(int(fields.get("content-length", "0")))
        return code, fields, body

    def get(self, path, fields=""):
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: gw.example.test\r\n{fields}\r\n")

    def upgrade(self, path, connection="Upgrade", upgrade="websocket"):
        return self.ask(UPGRADE.format(path=path, connection=connection, upgrade=upgrade))

    def close(self):
        self.stream.close()
        self.sock.close()


def received(body):
    seen = json.loads(body)
    return seen["line"], {name.lower(): value for name, value in seen["fields"]}, seen["body"]


def test_requests_of_one_connection_go_over_one_backend_connection(gateway, web, good):
    client = Client(gateway, "plain", good)
    before = web.connections
    for path in ("/a", "/chunked", "/b?x=1"):
        status, _, body = client.get(path)
        assert status == 200
        assert received(body)[0] == f"GET {path} HTTP/1.1"
    assert web.connections == before + 1
    client.close()


def test_the_backend_learns_who_the_peer_is(gateway, good):
    client = Client(gateway, "plain", good)
    _, fields, _ = received(client.get("/")[2])
    client.close()
    record = gateway.record_of(client.peer)
    der = ssl.PEM_cert_to_DER_cert(open(good.cert_file, encoding="ascii").read())
    assert fields["client-cert"] == ":" + base64.b64encode(der).decode() + ":"
    assert fields["client-cert-chain"].startswith(":") and fields["client-cert-chain"].endswith(":")
    assert f"Hash={good.sha256}" in fields["x-forwarded-client-cert"]
    assert fields["certgate-verdict"].startswith("accept;")
    assert record["incident"] in fields["certgate-verdict"]
    assert fields["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize("name", ["Client-Cert", "client-cert-chain", "Client_Cert", "X-Forwarded-Client-Cert",
                                  "Certgate-Verdict", "CERTGATE-ANYTHING"])
def test_what_a_peer_claims_of_itself_is_stripped(gateway, web, good, name):
    client = Client(gateway, "plain", good)
    assert client.get("/", f"{name}: forged\r\n")[0] == 200
    client.close()
    assert not [value for _, value in web.requests[-1][1] if "forged" in value]


SMUGGLED = {
    "length and coding": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a bare line feed": "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a folded field": "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a signed chunk size": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    "a NUL": "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("what", SMUGGLED)
def test_what_could_be_read_in_two_ways_is_refused(gateway, good, what):
    client = Client(gateway, "plain", good)
    status, fields, _ = client.ask(SMUGGLED[what])
    assert status in (400, 505)
    assert fields["connection"] == "close"
    assert client.stream.read() == b""
    client.close()


def test_chunked_bodies_pass_both_ways(gateway, good):
    client = Client(gateway, "plain", good)
    status, _, body = client.ask("POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "4;x=y\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n")
    assert status == 200
    assert received(body)[2] == "wikipedia"
    client.close()


def test_a_body_is_asked_for(gateway, good):
    client = Client(gateway, "plain", good)
    assert client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")[0] == 100
    status, _, body = client.ask("ok")
    assert (status, received(body)[2]) == (200, "ok")
    client.close()


def test_a_broken_response_is_not_passed_on(gateway, good):
    client = Client(gateway, "plain", good)
    assert client.get("/bad")[0] == 502
    client.close()


def test_curl_uploads_and_downloads(gateway, good, tmp_path):
    blob = tmp_path / "blob"
    blob.write_bytes(b"0123456789abcdef" * 65536)
    done = subprocess.run(["curl", "-sSk", "--cert", good.chain_file, "--key", good.key_file, "--noproxy", "*",
                           "--data-binary", f"@{blob}", f"https://127.0.0.1:{gateway.ports['plain']}/up"],
                          capture_output=True, timeout=60, env=WEAK, check=True)
    assert len(received(done.stdout)[2]) == blob.stat().st_size


# One port, two rules.

def test_a_line_is_judged_by_its_own_level(gateway, unpinned):
    client = Client(gateway, "strict", unpinned)
    assert client.upgrade("/line/low")[0] == 101
    client.sock.sendall(b"over the tunnel")
    assert client.stream.read(15) == b"over the tunnel"
    client.close()
    record = gateway.record_of(client.peer)
    assert (record["class"], record["class_by"], record["level"]) == ("low", "upgrade-path", "low")
    assert record["verdict"] == "accept"


def test_what_is_no_line_is_judged_by_the_interface(gateway, unpinned):
    client = Client(gateway, "strict", unpinned)
    status, _, body = client.get("/")
    client.close()
    record = gateway.record_of(client.peer)
    assert (status, record["class"], record["reason"]) == (403, "other", "not-in-tcs")
    assert record["incident"].encode() in body
    assert b"tcs" not in body


def test_an_admitted_line_buys_nothing_for_the_rest_of_the_port(gateway, unpinned):
    client = Client(gateway, "loose", unpinned)
    assert client.get("/")[0] == 200
    assert gateway.record_of(client.peer)["class"] == "other"
    assert client.upgrade("/line/hq")[0] == 403
    client.close()
    record = gateway.record_of(client.peer, 1)
    assert (record["class"], record["level"], record["reason"]) == ("hq", "high", "not-in-tcs")


@pytest.mark.parametrize("path, connection, upgrade", [
    ("/line/hq", "Upgrade", "WebSocket"), ("/line/hq", "keep-alive, Upgrade", "websocket"),
    ("/line/hq?x=1", "Upgrade", "websocket"), ("/line/./hq", "Upgrade", "websocket"),
    ("/line/%68q", "Upgrade", "websocket"), ("//line/hq", "Upgrade", "websocket"),
    ("/line/HQ", "Upgrade", "websocket"), ("/line/hq/", "Upgrade", "websocket"),
    ("/line/hq;a=b", "Upgrade", "websocket"), ("/line;a/hq", "Upgrade", "websocket"),
    ("http://gw.example.test/line/hq", "Upgrade", "websocket")])
def test_other_spellings_do_not_get_another_rule(gateway, unpinned, path, connection, upgrade):
    client = Client(gateway, "loose", unpinned)
    assert client.upgrade(path, connection, upgrade)[0] in (400, 403)
    client.close()


def test_an_upgrade_in_pieces_and_behind_another_request(gateway, unpinned):
    client = Client(gateway, "loose", unpinned)
    raw = "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + UPGRADE.format(path="/line/hq", connection="Upgrade",
                                                              upgrade="websocket")
    for at in range(0, len(raw), 9):
        client.sock.sendall(raw[at:at + 9].encode())
    assert client.answer()[0] == 200
    assert client.answer()[0] == 403
    client.close()


def test_a_line_wants_a_certificate_where_the_rest_of_the_port_does_not(gateway):
    client = Client(gateway, "loose")
    assert client.get("/")[0] == 200
    assert gateway.record_of(client.peer)["verdict"] == "accept"
    assert client.upgrade("/line/hq")[0] == 403
    client.close()
    assert gateway.record_of(client.peer, 1)["reason"] == "certificate-missing"


def test_a_pinned_line_is_admitted(gateway, good):
    client = Client(gateway, "loose", good)
    assert client.upgrade("/line/hq")[0] == 101
    client.close()


def test_a_resumed_session_keeps_the_verdict_of_each_class(gateway, unpinned):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(unpinned.chain_file, unpinned.key_file)
    session = None
    for resumed in (False, True):
        conn = http.client.HTTPSConnection("127.0.0.1", gateway.ports["loose"], context=context)
        conn.sock = context.wrap_socket(__import__("socket").create_connection(("127.0.0.1", gateway.ports["loose"])),
                                        server_hostname="gw.example.test", session=session)
        peer = "{}:{}".format(*conn.sock.getsockname())
        conn.request("GET", "/")
        response = conn.getresponse()
        response.read()
        assert (response.status, conn.sock.session_reused) == (200, resumed)
        assert gateway.record_of(peer)["resumed"] is resumed
        session = conn.sock.session
        conn.request("GET", "/line/hq", headers={"Upgrade": "websocket", "Connection": "Upgrade",
                                                 "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
                                                 "Sec-WebSocket-Version": "13"})
        assert conn.getresponse().status == 403
        record = gateway.record_of(peer, 1)
        assert (record["class"], record["reason"], record["resumed"]) == ("hq", "not-in-tcs", resumed)
        conn.close()


# Ends that are not in order.

def test_a_head_that_never_ends_is_bounded(gateway):
    client = Client(gateway, "open")
    client.sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    assert client.stream.read() == b""
    client.close()
    record = gateway.record_of(client.peer)
    assert (record["reason"], record["step"]) == ("handshake-timeout", "http")


def test_without_answers_the_connection_just_closes(gateway, unpinned):
    client = Client(gateway, "silent", unpinned)
    assert client.upgrade("/line/silent")[0] is None
    client.close()
    assert gateway.record_of(client.peer)["class"] == "silent"
    assert gateway.record_of(client.peer)["reason"] == "not-in-tcs"


def test_a_backend_that_is_down_is_answered(gateway_of, good):
    class Nobody:
        port = 1
    gateway = gateway_of({"web": {"level": "medium", "mode": "http"}}, backend=Nobody)
    client = Client(gateway, "web", good)
    assert client.get("/")[0] == 503
    client.close()
    record = gateway.record_of(client.peer)
    assert (record["reason"], record["step"]) == ("backend-unavailable", "dial")


def test_a_peer_that_leaves_without_a_request_is_recorded(gateway, good):
    client = Client(gateway, "loose", good)
    client.close()
    record = gateway.record_of(client.peer)
    assert (record["verdict"], record["class"]) == ("reject", None)
    assert record["reason"] == "class-unknown"


def test_stopping_does_not_wait_for_kept_connections(gateway_of, web, good):
    gateway = gateway_of({"web": {"level": "medium", "mode": "http"}}, backend=web)
    client = Client(gateway, "web", good)
    assert client.get("/")[0] == 200
    gateway.process.terminate()
    assert client.stream.read() == b""
    client.close()
    assert gateway.process.wait(20) == 0
