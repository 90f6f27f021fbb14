"""POST /check of a live server: what it shows is judged, what goes wrong is told, and nobody is held up by it."""
import json
import os
import threading
import time

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from admin import Admin, LocalConnection
from conftest import PATIENCE, until
from pki import to_pem
from ports import free_port
from servers import OpenSslServer, Server, TlsServer

# Loopback is not to be reached unless this is set.
ALLOW = ("revocation-allow-private = true",)


@pytest.fixture(scope="module")
def server_cert(pki):
    return pki.leaf("pbx", eku=(Eku.SERVER_AUTH,), san=("localhost", "127.0.0.1"))


@pytest.fixture(scope="module")
def node(gateway_of):
    return gateway_of({"web": {"allow": ["allow-server-auth-clients"]}, "phones": {"service": "sip", "phones": True, "mode": "sip"}},
                      node=ALLOW)


@pytest.fixture(scope="module")
def admin(node):
    return Admin(node)


@pytest.fixture(scope="module")
def elsewhere(gateway_of):
    """The API of a node that has loopback closed, as it is by itself."""
    return Admin(gateway_of({"web": {}}))


def fetchers(node):
    """Processes of certgate-fetch that this certgated has."""
    found = []
    with open(f"/proc/{node.process.pid}/task/{node.process.pid}/children", encoding="ascii") as f:
        for pid in f.read().split():
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                    if comm.read().strip() == "certgate-fetch":
                        found.append(int(pid))
            except OSError:
                pass
    return found


@pytest.fixture(params=["1.2", "1.3"])
def tls(request):
    return request.param


@pytest.fixture(params=["plain", "demanding"])
def server(request, server_cert, tls, tmp_path):
    demand = ("-Verify", "1") if request.param == "demanding" else ()
    server = OpenSslServer(server_cert, tmp_path, ("-tls" + tls.replace(".", "_"), *demand))
    server.demanding = request.param == "demanding"
    yield server
    server.close()


def test_a_server_is_judged_by_what_it_shows(node, admin, server, server_cert, tls):
    told = admin.post("/check", connect=f"localhost:{server.port}")
    assert told["decision"]["certificate"]["sha256"] == server_cert.sha256
    assert told["matrix"]["medium+remote"] == {"verdict": "accept", "reason": ""}
    assert told["matrix"]["high"]["reason"] == "not-in-tcs"
    shown = told["server"]
    assert (shown["host"], shown["port"], shown["tls"], shown["certificates"]) == ("localhost", server.port, "TLSv" + tls, 3)  # s_server sends its own twice
    assert shown["address"] == "127.0.0.1"
    # Under TLS 1.3 the client is done before the server has looked for its certificate.
    assert (shown["ended"] != "") == (server.demanding and tls == "1.2"), shown
    assert until("its end", lambda: not fetchers(node)) is True


def test_the_name_is_the_one_that_was_called(admin, server_cert):
    server = TlsServer(server_cert)
    try:
        assert admin.post("/check", connect=f"127.0.0.1:{server.port}")["matrix"]["medium+remote"]["verdict"] == "accept"
        assert admin.post("/check", connect=f"localhost:{server.port}")["matrix"]["medium+remote"]["verdict"] == "accept"
        assert until("server names", lambda: len(server.names) == 2) and server.names == [None, "localhost"]
        told = admin.post("/check", connect=f"localhost:{server.port}", names=["other.example.com"])
        assert told["matrix"]["medium+remote"]["reason"] == "name-mismatch"
        assert told["matrix"]["medium"]["verdict"] == "accept"
        assert admin.post("/check", connect=f"localhost:{server.port}", role="inbound")["matrix"]["medium"]["reason"] == "purpose-mismatch"
        told = admin.post("/check", connect=f"127.0.0.1:{server.port}", service="sip")
        assert told["matrix"]["medium"]["verdict"] == "accept"
    finally:
        server.close()


def test_weak_servers_are_shown_too(admin, pki):
    server = TlsServer(pki.leaf("weak", kind="rsa1024", eku=(Eku.SERVER_AUTH,), san=("localhost",)))
    try:
        told = admin.post("/check", connect=f"localhost:{server.port}")
        assert told["matrix"]["low"]["verdict"] == "accept" and told["matrix"]["high"]["reason"] == "key-too-small"
    finally:
        server.close()


def test_the_rules_of_an_interface(admin, server_cert):
    with open(server_cert.chain_file, encoding="utf-8") as f:
        pem = f.read()
    assert admin.post("/check", certificate=pem)["matrix"]["medium"]["reason"] == "purpose-mismatch"
    told = admin.post("/check", certificate=pem, interface="web")
    assert told["matrix"]["medium"]["verdict"] == "accept", told["matrix"]
    assert told["decision"]["allowances"]
    message = admin.post("/check", expected=400, certificate=pem, interface="web2")["error"]["message"]
    assert message == "there is no interface 'web2'"
    assert "no interface" in admin.post("/check", expected=400, connect="localhost:1", interface="web2")["error"]["message"]


def test_names_of_an_outbound_interface(gateway_of, server_cert):
    gateway = gateway_of({"far": {"role": "outbound", "connect": "pbx.example.com:443", "backend": None, "identity": None}})
    with open(server_cert.chain_file, encoding="utf-8") as f:
        told = Admin(gateway).post("/check", certificate=f.read(), interface="far")
    assert told["matrix"]["medium"]["verdict"] == "accept"
    [host] = [f for f in told["findings"] if f["check"] == "host-name"]
    assert host["reason"] == "name-mismatch" and "pbx.example.com" in host["wanted"]


def refusal(admin, connect, status=422, **more):
    error = admin.post("/check", expected=status, connect=connect, **more)["error"]
    return error["code"], error["message"]


def hang_up(connection):
    connection.recv(1)


def greet(connection):
    connection.sendall(b"220 mail.example.com ESMTP\r\n")
    connection.recv(4096)


def alert(connection):
    connection.recv(4096)
    connection.sendall(bytes([21, 3, 3, 0, 2, 2, 70]))  # fatal, protocol_version


@pytest.mark.parametrize("serve,code,words", [
    (hang_up, "no-tls", "answers, but not with TLS"),
    (greet, "no-tls", "check the port"),
    (alert, "handshake-failed", "ended the handshake before it showed a certificate"),
], ids=["hangs-up", "other-protocol", "alert"])
def test_what_is_no_tls_server_is_told_apart(admin, serve, code, words):
    server = Server(serve)
    try:
        got, message = refusal(admin, f"127.0.0.1:{server.port}")
        assert got == code and words in message and message.startswith(f"127.0.0.1:{server.port} "), message
    finally:
        server.close()


def test_what_cannot_be_reached_is_told_apart(admin):
    code, message = refusal(admin, f"127.0.0.1:{free_port()}")
    assert code == "refused" and "(Connection refused)" in message
    code, message = refusal(admin, "no-such-host.invalid:443")
    assert code == "unresolved" and "check how the name is written" in message


def test_more_certificates_than_a_peer_may_send(admin, pki, server_cert):
    class Long:
        key_file, chain_file = server_cert.key_file, server_cert.chain_file + ".long"
    with open(server_cert.chain_file, "rb") as f, open(Long.chain_file, "wb") as out:
        out.write(f.read() + to_pem(pki.root_der) * 20)
    server = TlsServer(Long)
    try:
        assert refusal(admin, f"localhost:{server.port}")[0] == "too-large"
    finally:
        server.close()


@pytest.mark.parametrize("connect", ["", "localhost", "localhost:", "localhost:0", "localhost:65536", ":443", "a b:443", "a/b:443",
                                     "user@localhost:443", "[::1:443", "localhost:443 ", "x" * 300 + ":443", "unix:/run/x"])
def test_what_is_no_server_is_refused_before_anybody_is_called(node, admin, connect):
    code, message = refusal(admin, connect, 400)
    assert code == "invalid" and "HOST:PORT" in message
    assert not fetchers(node)


def test_either_a_certificate_or_a_server(admin):
    assert "either" in admin.post("/check", expected=400)["error"]["message"]
    assert "either" in admin.post("/check", expected=400, certificate="x", connect="localhost:1")["error"]["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "169.254.169.254", "[fe80::1]", "[::ffff:127.0.0.1]",
                                  "127.1", "2130706433", "100.100.100.200"])
def test_this_machine_is_not_reached(elsewhere, host):
    server = Server(hang_up)
    try:
        code, message = refusal(elsewhere, f"{host}:{server.port}", names=["pbx.example.com"])
        assert code == "address-refused" and "certgate inspect" in message, message
        assert server.connections == 0
    finally:
        server.close()


class Asked(threading.Thread):
    """One who asks in a thread of its own; `leave` hangs up."""

    def __init__(self, admin, connect):
        super().__init__(daemon=True)
        self.connection, self.status, self.body = LocalConnection(admin.path), None, None
        self.connection.request("POST", "/api/v1/check", json.dumps({"connect": connect}), {"Content-Type": "application/json"})
        self.start()

    def run(self):
        try:
            answer = self.connection.getresponse()
            self.status, self.body = answer.status, json.loads(answer.read())
        except OSError:
            pass

    def leave(self):
        self.connection.sock.shutdown(2)
        self.join(PATIENCE)


def test_a_silent_server_holds_nobody_up(node, admin, server_cert):
    silent, quick = Server(lambda connection: connection.recv(1 << 20) and connection.recv(1)), TlsServer(server_cert)
    asked = [Asked(admin, f"127.0.0.1:{silent.port}") for _ in range(3)]
    try:
        until("three processes", lambda: len(fetchers(node)) == 3)
        assert admin.post("/check", connect=f"localhost:{quick.port}")["server"]["port"] == quick.port
        asked.append(Asked(admin, f"127.0.0.1:{silent.port}"))
        until("a fourth", lambda: len(fetchers(node)) == 4)
        code, message = refusal(admin, f"localhost:{quick.port}", 429)
        assert code == "busy" and "try again" in message
        began = time.monotonic()
        assert admin.get("/status")["interfaces"]
        assert time.monotonic() - began < 2
        asked[0].leave()  # whoever goes away makes room at once
        until("three", lambda: len(fetchers(node)) == 3)
        assert admin.post("/check", connect=f"localhost:{quick.port}")["matrix"]["medium"]["verdict"] == "accept"
        os.kill(fetchers(node)[0], 9)  # its end is told to who waits for it
        failed = until("the end of one", lambda: [a for a in asked[1:] if a.status])
        assert failed[0].status == 500 and "signal 9" in failed[0].body["error"]["message"]
        [last, _] = [a for a in asked[1:] if a is not failed[0]]
        last.join(PATIENCE)
        assert last.status == 422 and last.body["error"]["code"] == "timed-out", last.body
        until("none", lambda: not fetchers(node))
    finally:
        silent.close()
        quick.close()


def test_stopping_does_not_wait_for_it(gateway_of):
    gateway = gateway_of({"web": {}}, node=ALLOW)
    silent = Server(lambda connection: connection.recv(1 << 20) and connection.recv(1))
    try:
        asked = Asked(Admin(gateway), f"127.0.0.1:{silent.port}")
        until("a process", lambda: fetchers(gateway))
        gateway.stop()
        asked.join(PATIENCE)
        assert not asked.is_alive()
    finally:
        silent.close()


def test_who_looked_where_is_in_the_log(node, admin, server_cert):
    server = TlsServer(server_cert)
    try:
        admin.post("/check", connect=f"localhost:{server.port}")
        assert f"uid {os.geteuid()} looks at the certificate of localhost:{server.port}" in node.messages()
    finally:
        server.close()
