"""Service security: which ports are open, by which ciphers, and whether a certificate is asked for."""
import re
import socket
import subprocess

import pytest

from clients import WEAK, s_client
from conftest import BUILD, until
from ports import free_port

WORDS = ("disabled", "unsecure-only", "unsecure+secure", "secure-low", "secure-medium", "secure-high")


@pytest.fixture(scope="module")
def gateway(gateway_of):
    plain = {word: free_port() for word in WORDS}
    interfaces = {word: {"service-security": word, "level": "low", "listen-plain": [f"127.0.0.1:{plain[word]}"]}
                  for word in WORDS}
    interfaces["shared"] = {"service-security": "secure-medium", "level": "low"}
    gateway = gateway_of(interfaces, blocks=['line "hq" { interface = "shared" path = "/hq" }'])
    gateway.plain = plain
    return gateway


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("word, plain, tls", [
    ("disabled", False, False), ("unsecure-only", True, False), ("unsecure+secure", True, True),
    ("secure-low", False, True), ("secure-medium", False, True), ("secure-high", False, True)])
def test_ports(gateway, word, plain, tls):
    assert (is_open(gateway.plain[word]), is_open(gateway.ports[word])) == (plain, tls)


@pytest.mark.parametrize("cipher, lowest", [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "secure-high"), ("ECDHE-ECDSA-AES128-SHA256", "secure-medium"),
    ("ECDHE-ECDSA-AES128-SHA", "secure-low")])
def test_ciphers(gateway, good, cipher, lowest):
    for word in ("secure-low", "secure-medium", "secure-high"):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.ports[word]}", "-tls1_2",
                               "-cipher", cipher + ":@SECLEVEL=0", "-cert", good.cert_file, "-key", good.key_file,
                               "-cert_chain", good.sent_file], input=b"", capture_output=True, timeout=60, env=WEAK)
        agreed = f"Cipher is {cipher}".encode() in done.stdout
        assert agreed is (WORDS.index(word) <= WORDS.index(lowest)), word


@pytest.mark.parametrize("word, asked", [("secure-low", False), ("secure-medium", False), ("secure-high", True),
                                         ("shared", True)])
def test_a_certificate_is_asked_for(gateway, good, word, asked):
    answer = s_client(gateway.ports[word], good, extra=["-msg"])
    assert bool(re.search(r"<<< TLS 1.3, .*CertificateRequest", answer.text)) is asked


def test_secure_medium_needs_none(gateway):
    mark = gateway.mark()
    assert s_client(gateway.ports["secure-medium"]).served
    record = gateway.record(mark)
    assert (record["verdict"], record["presented"]) == ("accept", 0)


def test_secure_high_needs_one(gateway):
    assert s_client(gateway.ports["secure-high"]).alert == 116


def test_a_port_that_a_line_shares_asks_and_does_not_require(gateway, pki):
    assert s_client(gateway.ports["shared"]).served
    mark = gateway.mark()
    answer = s_client(gateway.ports["shared"], pki.leaf("short", kind="rsa768"))
    assert not answer.served
    assert until("the record", lambda: gateway.records()[mark:])[0]["reason"] == "key-too-small"


def test_a_plain_port_serves_without_tls(gateway):
    mark = gateway.mark()
    with socket.create_connection(("127.0.0.1", gateway.plain["unsecure-only"])) as conn:
        conn.settimeout(20)
        conn.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert conn.recv(4096).startswith(b"HTTP/1.1 200")
    record = gateway.record(mark)
    assert (record["verdict"], record["tls"], record["presented"]) == ("accept", None, None)


def test_a_plain_port_that_is_not_configured_is_named(tmp_path):
    config = tmp_path / "certgate.conf"
    config.write_text('tcs = "tcs"\ninterface "web" { service-security = "unsecure-only" backend = "127.0.0.1:1" }\n')
    done = subprocess.run([f"{BUILD}/cmd/certgate", "config", "check", str(config)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "interface 'web': service-security unsecure-only needs 'listen-plain'" in done.stderr
