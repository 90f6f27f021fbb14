"""From a real handshake to a backend and back, with three TLS stacks; and every alert off the wire."""
import os
import socket
import ssl
import threading

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from clients import CLIENTS, curl, s_client
from conftest import PATIENCE, until
from pki import DAY, Pki, now

BOTH = ("1.2", "1.3")


@pytest.fixture(scope="module")
def certs(pki, good, identity, tmp_path_factory):
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    return {
        "good": good,
        "expired": pki.leaf("expired", end=now() - DAY / 2),
        "early": pki.leaf("early", start=now() + DAY),
        "stranger": stranger.leaf("stranger"),
        "stranger-with-root": stranger.leaf("stranger2", chain=[stranger.ca_der, stranger.root_der]),
        "forged": pki.leaf("forged", breaks="signature"),
        "no-key-usage": pki.leaf("no-key-usage", key_usage=False),
        "wrong-purpose": pki.leaf("wrong-purpose", eku=(Eku.CODE_SIGNING,)),
        "rsa1023": pki.leaf("rsa1023", kind="rsa1023"),
        "critical": pki.leaf("critical", critical="1.2.3.4"),
        "self-signed": pki.leaf("self-signed", self_signed=True),
        "not-pinned": pki.leaf("not-pinned"),
        "identity": identity,
        "other-name": pki.leaf("other-name", san=("other.example.test",)),
    }


@pytest.fixture(scope="module")
def gateway(gateway_of, certs):
    names = ["peer.example.test"]
    levels = ("none", "low", "medium", "high", "medium+remote")
    interfaces = {level: {"level": level, "names": names} for level in levels}
    interfaces["optional"] = {"level": "medium", "require-certificate": False}
    pinned = [certs[name] for name in ("good", "identity", "self-signed", "wrong-purpose")]
    return gateway_of(interfaces, pinned=pinned)


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_good_peer_is_served(gateway, good, client, tls):
    mark = gateway.mark()
    answer = CLIENTS[client](gateway.ports["high"], good, tls)
    assert answer.served and answer.alert is None
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["resumed"]) == ("accept", None, False)
    assert (record["interface"], record["level"], record["tls"]) == ("high", "high", "TLSv" + tls)
    assert record["presented"] == 2 and record["step"] == "dial"
    assert record["certificate"]["sha256"] == good.sha256
    assert [finding["outcome"] for finding in record["findings"]] == ["pass"] * len(record["findings"])
    assert len(record["findings"]) == 10


# The certificate, the level, the reason, and the alert by SPEC section 4 in TLS 1.2 and 1.3.
REFUSED = [
    (None, "none", "certificate-missing", 40, 116),
    (None, "high", "certificate-missing", 40, 116),
    ("expired", "none", "expired", 45, 45),
    ("early", "medium", "not-yet-valid", 45, 45),
    ("stranger", "medium", "issuer-unknown", 48, 48),
    ("stranger-with-root", "medium", "root-not-trusted", 48, 48),
    ("forged", "medium", "signature-invalid", 42, 42),
    ("no-key-usage", "medium", "key-usage-missing", 43, 43),
    ("wrong-purpose", "medium", "purpose-mismatch", 43, 43),
    ("rsa1023", "low", "key-too-small", 46, 46),
    ("critical", "medium", "critical-extension-unknown", 46, 46),
    ("self-signed", "high", "self-signed", 46, 46),
    ("not-pinned", "high", "not-in-tcs", 46, 46),
    ("other-name", "medium+remote", "name-mismatch", 46, 46),
]


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("cert,level,reason,alert12,alert13", REFUSED)
def test_every_alert(gateway, certs, backend, client, tls, cert, level, reason, alert12, alert13):
    mark, reached = gateway.mark(), backend.connections
    answer = CLIENTS[client](gateway.ports[level], certs[cert] if cert else None, tls)
    alert = alert13 if tls == "1.3" else alert12
    assert not answer.served
    assert answer.alert == alert, answer.text
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["alert_sent"]) == ("reject", reason, alert)
    assert record["step"] == "handshake"
    assert record["presented"] == (0 if cert is None else 1 + len(certs[cert].chain))
    assert backend.connections == reached, "bytes of a refused peer went on"


def test_our_own_certificate_comes_back(gateway, certs):
    """Reflected: Medium finds nothing wrong but the purpose, High names the reflection among its findings."""
    mark = gateway.mark()
    assert not s_client(gateway.ports["high"], certs["identity"]).served
    failed = [f["reason"] for f in gateway.record(mark)["findings"] if f["outcome"] == "fail"]
    assert "reflected" in failed


def test_a_level_refuses_only_what_is_its_own(gateway, certs):
    for cert, level in (("rsa1023", "none"), ("stranger", "low"), ("self-signed", "medium"),
                        ("not-pinned", "medium"), ("other-name", "medium")):
        assert s_client(gateway.ports[level], certs[cert]).served, (cert, level)


@pytest.mark.parametrize("tls", BOTH)
def test_no_certificate_where_none_is_required(gateway, certs, tls):
    mark = gateway.mark()
    assert s_client(gateway.ports["optional"], None, tls).served
    record = gateway.record(mark)
    assert (record["verdict"], record["presented"]) == ("accept", 0)
    assert "certificate" not in record
    mark = gateway.mark()
    assert s_client(gateway.ports["optional"], certs["expired"], tls).alert == 45
    assert gateway.record(mark)["reason"] == "expired"


def test_the_certificate_request_names_no_ca(gateway, good):
    text = s_client(gateway.ports["high"], good, "1.2").text
    assert "No client certificate CA names sent" in text


@pytest.mark.parametrize("tls", BOTH)
def test_a_hundred_refusals_show_curl_the_alert(gateway, certs, tls, tmp_path):
    """A reset must not overtake the alert although the client has sent bytes that nobody reads."""
    body = tmp_path / "body"
    body.write_bytes(b"x" * 60000)
    alerts = [curl(gateway.ports["medium"], certs["expired"], tls, ["--data-binary", f"@{body}"]).alert
              for _ in range(100 if tls == "1.3" else 10)]
    assert alerts == [45] * len(alerts)


def context(cert, tls=None):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    if cert:
        ctx.load_cert_chain(cert.chain_file, cert.key_file)
    if tls:
        ctx.minimum_version = ctx.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2,
                                                     "1.3": ssl.TLSVersion.TLSv1_3}[tls]
    return ctx


def connect(port, cert, tls=None, using=None, session=None):
    raw = socket.create_connection(("127.0.0.1", port))
    raw.settimeout(30)
    return (using or context(cert, tls)).wrap_socket(raw, server_hostname="gw.example.test", session=session)


@pytest.mark.parametrize("tls", BOTH)
def test_five_megabytes_both_ways_at_once(gateway, good, tls):
    data = bytes(range(256)) * (5 * 1024 * 4)
    conn = connect(gateway.ports["high"], good, tls)
    conn.sendall(b"ECHO")
    received = bytearray()

    def read():
        while len(received) < 4 + len(data):
            received.extend(conn.recv(65536))
    reader = threading.Thread(target=read)
    reader.start()
    # The same object must not be written and read at once from two threads: small pieces, in turns.
    for at in range(0, len(data), 16384):
        conn.sendall(data[at:at + 16384])
    reader.join(60)
    assert bytes(received) == b"ECHO" + data
    conn.close()


@pytest.mark.parametrize("tls", BOTH)
def test_the_peers_end_goes_through_and_the_answer_comes_back(gateway, good, tls):
    """close_notify becomes FIN, the backend answers it, its FIN becomes close_notify."""
    conn = connect(gateway.ports["high"], good, tls)
    conn.sendall(b"ECHO")
    assert conn.recv(4) == b"ECHO"
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    conn.close()
    # Python's sockets cannot half-close TLS: the same with memory between libssl and the wire.
    tls_end = context(good, tls).wrap_bio(incoming, outgoing, server_hostname="gw.example.test")
    raw = socket.create_connection(("127.0.0.1", gateway.ports["high"]))
    raw.settimeout(30)

    def step(action, *arguments):
        while True:
            try:
                result = action(*arguments)
                raw.sendall(outgoing.read())
                return result
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                data = raw.recv(65536)
                incoming.write(data) if data else incoming.write_eof()
    step(tls_end.do_handshake)
    step(tls_end.write, b"ECHO")
    assert step(tls_end.read, 4) == b"ECHO"
    with pytest.raises((ssl.SSLWantReadError, ssl.SSLSyscallError)):
        tls_end.unwrap()
    raw.sendall(outgoing.read())  # our close_notify; the other direction is still open
    rest = b""
    while True:
        data = raw.recv(65536)
        if not data:
            break
        incoming.write(data)
    try:
        while True:
            piece = tls_end.read(65536)
            if not piece:
                break
            rest += piece
    except ssl.SSLZeroReturnError:
        pass
    assert rest == b"END"
    raw.close()


def test_the_backend_is_away(gateway_of, good, backend):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gateway = gateway_of({"web": {"level": "medium", "backend": f"127.0.0.1:{port}"}})
    answer = s_client(gateway.ports["web"], good)
    assert not answer.served
    record = gateway.record(0)
    assert (record["verdict"], record["reason"], record["step"]) == ("reject", "backend-unavailable", "dial")
    assert record["peer_decision"]["verdict"] == "accept"
    assert record["peer_decision"]["certificate"]["sha256"] == good.sha256


def test_a_unix_backend(gateway_of, good, reachable):
    path = os.path.join(reachable, "backend")
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(PATIENCE)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    gateway = gateway_of({"web": {"level": "medium", "backend": f"unix:{path}"}})
    conn = connect(gateway.ports["web"], good)
    service, _ = listener.accept()
    conn.sendall(b"ping")
    assert service.recv(4) == b"ping"
    service.sendall(b"pong")
    assert conn.recv(4) == b"pong"
    service.close()
    assert conn.recv(4) == b""
    conn.close()
    listener.close()


def test_idle_connections_end(gateway_of, good, backend):
    gateway = gateway_of({"web": {"level": "medium", "idle-timeout": "1s"}})
    conn = connect(gateway.ports["web"], good)
    conn.sendall(b"ECHO")
    assert conn.recv(4) == b"ECHO"
    assert conn.recv(4) == b""  # close_notify after a second without a byte
    conn.close()
    until("a record", gateway.records)
