"""A resumption never outlives its verdict: not its certificate, not its generation, not its interface or name."""
import datetime
import os

import pytest

from clients import s_client
from conftest import until
from pki import now

BOTH = ("1.2", "1.3")


@pytest.fixture(scope="module")
def gateway(gateway_of, good):
    interfaces = {"web": {"level": "medium"}, "other": {"level": "medium"},
                  "optional": {"level": "medium", "require-certificate": False},
                  "without": {"level": "medium", "session-timeout": "0s"}}
    return gateway_of(interfaces)


def twice(gateway, tmp_path, cert, tls, second="web", name="gw.example.test", between=lambda: None, first="web"):
    """Connects, then again with the session of before: the second answer and its record."""
    session = str(tmp_path / "session")
    answer = s_client(gateway.ports[first], cert, tls, extra=["-sess_out", session])
    assert answer.served
    between()
    if not os.path.exists(session):
        return None, None
    mark = gateway.mark()
    answer = s_client(gateway.ports[second], cert, tls, name=name, extra=["-sess_in", session])
    return answer, gateway.record(mark)


@pytest.mark.parametrize("tls", BOTH)
def test_a_valid_certificate_resumes(gateway, good, tmp_path, tls):
    mark = gateway.mark()
    answer, record = twice(gateway, tmp_path, good, tls)
    first = gateway.record(mark)
    assert answer.served and answer.resumed
    assert record["resumed"] and record["verdict"] == "accept" and record["presented"] is None
    assert record["decided_in"] == first["incident"] != record["incident"]
    assert record["certificate"] == first["certificate"]
    assert record["certificate"]["sha256"] == good.sha256
    assert record["levels"] == first["levels"]
    assert (record["level"], record["generation"]) == (first["level"], first["generation"])
    assert record["findings"] == []


@pytest.mark.parametrize("tls", BOTH)
def test_an_expired_certificate_does_not(gateway, pki, tmp_path, tls):
    cert = pki.leaf("short" + tls.replace(".", ""), end=now() + datetime.timedelta(seconds=8))

    def resumes_then_expires():
        answer, record = twice(gateway, tmp_path, cert, tls)
        assert answer.resumed and record["resumed"], "valid, so it must resume"
        until("the end of the certificate", lambda: now() > expiry)

    (tmp_path / "second").mkdir()
    expiry = cert_end(cert)
    answer, record = twice(gateway, tmp_path / "second", cert, tls, between=resumes_then_expires)
    assert not answer.served and not answer.resumed and answer.alert == 45
    assert (record["verdict"], record["reason"], record["resumed"]) == ("reject", "expired", False)


def cert_end(cert):
    from cryptography import x509
    return x509.load_der_x509_certificate(cert.der).not_valid_after


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("change", ["interface", "name"])
def test_a_session_is_taken_to_no_other(gateway, good, tmp_path, tls, change):
    second = {"interface": {"second": "other"}, "name": {"name": "other.example.test"}}[change]
    answer, record = twice(gateway, tmp_path, good, tls, **second)
    assert answer.served and not answer.resumed and not record["resumed"]
    assert record["presented"] == 2


@pytest.mark.parametrize("tls", BOTH)
def test_a_peer_without_certificate_resumes_as_such(gateway, tmp_path, tls):
    answer, record = twice(gateway, tmp_path, None, tls, first="optional", second="optional")
    assert answer.served and answer.resumed and record["resumed"]
    assert "certificate" not in record


@pytest.mark.parametrize("tls", BOTH)
def test_a_session_of_nobody_does_not_open_another_door(gateway, tmp_path, tls):
    answer, record = twice(gateway, tmp_path, None, tls, first="optional", second="web")
    assert not answer.served and not answer.resumed
    assert record["reason"] == "certificate-missing"


def test_a_session_that_libssl_declines_brings_no_certificate(gateway, good, tmp_path):
    """Whoever has seen a session's identity pass may offer it; only its key proves whose certificate that was."""
    session = str(tmp_path / "session")
    suites = {"-sess_out": "TLS_AES_128_GCM_SHA256", "-sess_in": "TLS_AES_256_GCM_SHA384"}
    for option, cert in (("-sess_out", good), ("-sess_in", None)):
        mark = gateway.mark()
        answer = s_client(gateway.ports["optional"], cert, "1.3",
                          extra=[option, session, "-ciphersuites", suites[option]])
        record = gateway.record(mark)
        assert answer.served and not answer.resumed
        assert record.get("certificate", {}).get("sha256") == (cert and cert.sha256)


@pytest.mark.parametrize("tls", BOTH)
def test_no_sessions_where_they_are_off(gateway, good, tmp_path, tls):
    answer, record = twice(gateway, tmp_path, good, tls, first="without", second="without")
    assert answer is None or (answer.served and not answer.resumed and not record["resumed"])


@pytest.mark.parametrize("tls", BOTH)
def test_a_new_generation_forces_a_full_handshake(gateway_of, good, tmp_path, tls):
    gateway = gateway_of({"web": {"level": "medium"}})
    answer, record = twice(gateway, tmp_path, good, tls, between=lambda: gateway.reload(2))
    assert answer.served and not answer.resumed and not record["resumed"]
    assert record["generation"] == 2 and record["presented"] == 2


@pytest.mark.parametrize("tls", BOTH)
def test_workers_share_their_tickets(gateway_of, good, tmp_path, tls):
    """With two workers the kernel picks one for each connection: all of ten must resume."""
    gateway = gateway_of({"web": {"level": "medium"}}, workers=2)
    session = str(tmp_path / "session")
    assert s_client(gateway.ports["web"], good, tls, extra=["-sess_out", session]).served
    for _ in range(10):
        answer = s_client(gateway.ports["web"], good, tls, extra=["-sess_in", session])
        assert answer.served and answer.resumed
