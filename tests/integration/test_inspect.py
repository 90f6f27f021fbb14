"""certgate inspect: what a file holds, and what a live server shows."""
import json
import re
import socket
import ssl
import threading

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from pki import DAY, now
from test_check import certgate


@pytest.fixture(scope="module")
def tcs(pki, good, tmp_path_factory):
    return pki.tcs(tmp_path_factory.mktemp("tcs"), good)


def test_a_file(good):
    status, out, err = certgate("inspect", good.chain_file)
    assert (status, err) == (0, "")
    blocks = out.split("\n\n")
    assert blocks[0].splitlines()[0] == "Certificate 1: end entity"
    assert blocks[1].splitlines()[0] == "Certificate 2: intermediate"
    fields = dict(re.findall(r"^  ([A-Za-z0-9 -]+?) {2,}(.*)$", blocks[0], re.M))
    assert fields["subject"] == "CN=good" and fields["issuer"] == "CN=Test CA"
    assert fields["names"] == "DNS:peer.example.test"
    assert fields["key"] == "EC P-256" and fields["key usage"] == "digitalSignature"
    assert fields["purposes"] == "clientAuth"
    assert fields["SHA-256"] == good.sha256
    assert re.fullmatch(r"\S+Z \((29|30) days left\)", fields["valid until"])
    assert "Give --tcs to see at which levels it would pass." in out


@pytest.mark.parametrize("start, end, words", [
    (-10 * DAY, -DAY, r"valid until  \S+ \(expired\)"), (DAY, 9 * DAY, r"valid from   \S+ \(not yet\)"),
    (-DAY, DAY + DAY / 2, r"valid until  \S+ \(1 day left\)"), (-DAY, DAY / 2, r"valid until  \S+ \(0 days left\)")])
def test_validity_in_words(pki, start, end, words):
    cert = pki.leaf("dated", start=now() + start, end=now() + end)
    assert re.search(words, certgate("inspect", cert.cert_file)[1])


def test_levels_that_it_would_pass(good, tcs):
    status, out, _ = certgate("inspect", "--tcs", tcs, good.chain_file)
    assert status == 0
    assert "As the certificate of a client (inbound), it would pass:" in out
    assert re.findall("^  (accept|reject)  (.*)$", out, re.M) == [
        ("accept", "None"), ("accept", "Low"), ("accept", "Medium"), ("accept", "High"),
        ("reject", "Medium + Remote Checks: name-missing"), ("reject", "High + Remote Checks: name-missing")]
    _, out, _ = certgate("inspect", "--tcs", tcs, "--name", "peer.example.test", good.chain_file)
    assert re.findall("^  (accept|reject)  ", out, re.M) == ["accept"] * 6
    _, out, _ = certgate("inspect", "--tcs", tcs, "--role", "outbound", good.chain_file)
    assert "As the certificate of a server (outbound)" in out and "reject  Medium: purpose-mismatch" in out
    _, out, _ = certgate("inspect", "--tcs", tcs, "--at", "2020-01-01T00:00:00Z", good.chain_file)
    assert "reject  None: not-yet-valid" in out


def test_json(good, tcs):
    _, out, _ = certgate("inspect", "--format", "json", good.chain_file)
    answer = json.loads(out)
    assert answer["tls"] is None and "decision" not in answer
    first, second = answer["certificates"]
    assert (first["sha256"], first["kind"]) == (good.sha256, "end entity")
    assert first["days_left"] in (29, 30)  # by the second in which it was made
    assert second["kind"] == "intermediate" and second["key_usage"] == ["keyCertSign", "cRLSign"]
    answer = json.loads(certgate("inspect", "--tcs", tcs, "--format", "json", good.chain_file)[1])
    assert answer["role"] == "inbound" and answer["decision"]["levels"]["high"]["verdict"] == "accept"
    assert len(answer["decision"]["findings"]) == 12


class Server:
    """A TLS server that notes the names it is asked for."""

    def __init__(self, cert, client_ca=None, versions=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert.chain_file, cert.key_file)
        self.names = []
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(cadata=client_ca)
        if versions:
            self.context.minimum_version = self.context.maximum_version = versions
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(conn, server_side=True) as tls:
                    tls.recv(1)
            except OSError:
                conn.close()

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def server_cert(pki):
    return pki.leaf("server", eku=(Eku.SERVER_AUTH,), san=("localhost", "127.0.0.1"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_live_server(server_cert, tcs, version):
    server = Server(server_cert, versions=version)
    status, out, err = certgate("inspect", "--tcs", tcs, f"localhost:{server.port}")
    assert (status, err) == (0, "")
    assert out.startswith(f"localhost: {'TLSv1.2' if version == ssl.TLSVersion.TLSv1_2 else 'TLSv1.3'}, ")
    assert "Certificate 1: end entity" in out and "Certificate 2: intermediate" in out
    assert "As the certificate of a server (outbound), it would pass:" in out
    assert "  accept  Medium + Remote Checks" in out, "its name is the one that it was dialled by"
    assert "  reject  High + Remote Checks: not-in-tcs" in out
    assert server.names == ["localhost"]
    server.close()


def test_an_address_is_no_server_name(server_cert, tcs):
    """RFC 6066 section 3."""
    server = Server(server_cert)
    status, out, _ = certgate("inspect", "--tcs", tcs, f"127.0.0.1:{server.port}")
    assert status == 0 and "  accept  Medium + Remote Checks" in out
    assert server.names == [None]
    server.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_ours_shows_its_own_first(server_cert, pki, version):
    server = Server(server_cert, client_ca=pki.root_der, versions=version)
    status, out, err = certgate("inspect", "--format", "json", f"localhost:{server.port}")
    assert (status, err) == (0, "")
    assert json.loads(out)["certificates"][0]["sha256"] == server_cert.sha256
    server.close()


def test_a_server_that_speaks_no_tls():
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        conn, _ = listener.accept()
        conn.sendall(b"220 mail.example.test ready\r\n")
        conn.close()
    threading.Thread(target=answer, daemon=True).start()
    port = listener.getsockname()[1]
    status, out, err = certgate("inspect", f"127.0.0.1:{port}")
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"certgate: 127\.0\.0\.1 port {port} sent no certificate: .+\n", err)
    listener.close()


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert certgate("inspect", f"127.0.0.1:{port}") == (
        2, "", f"certgate: cannot connect to 127.0.0.1 port {port}: Connection refused\n")


@pytest.mark.parametrize("arguments, message", [
    ((), "name one FILE or HOST:PORT; see certgate inspect --help"),
    (("a", "b"), "name one FILE or HOST:PORT; see certgate inspect --help"),
    (("/nowhere",), "/nowhere: cannot be read: No such file or directory"),
    (("localhost:0",), "localhost:0: cannot be read: No such file or directory"),
    (("localhost:65536",), "localhost:65536: cannot be read: No such file or directory"),
    (("--rol", "x", "a"), "--role is inbound or outbound, not 'x'"),
    (("--nmae", "x"), "unknown option '--nmae'; did you mean '--name'?"),
    (("--tcs",), "--tcs needs a value; see certgate inspect --help"),
])
def test_wrong_usage(arguments, message):
    assert certgate("inspect", *arguments) == (2, "", f"certgate: {message}\n")
