"""Several certificates on one interface: chosen by the server name, judged the same, resumed only for it."""
import hashlib
import re
import ssl
import subprocess

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from clients import s_client

BOTH = ("1.2", "1.3")


def presented(answer):
    """SHA-256 of each certificate that the server sent."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", answer.text, re.S)
    return [hashlib.sha256(ssl.PEM_cert_to_DER_cert(block)).hexdigest() for block in blocks]


@pytest.fixture(scope="module")
def others(pki):
    server = {"eku": (Eku.SERVER_AUTH,)}
    return {"sip": pki.leaf("sip", san=("sip.example.test",), **server),
            "wild": pki.leaf("wild", kind="rsa2048", san=("*.example.test",), **server),
            "net": pki.leaf("net", kind="ed25519", san=("*.example.net", "example.net"), **server)}


@pytest.fixture(scope="module")
def gateway(gateway_of, others):
    return gateway_of({"web": {"identity": ["gw", "wild", "sip", "net"], "level": "medium"},
                       "leaf": {"identity": ["gw", "sip"], "offer-chain": False, "level": "medium"},
                       "telephony": {"identity": "sip", "service": "sip", "require-certificate": False,
                                     "level": "medium"}}, others=others)


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("name, wanted", [
    ("gw.example.test", "gw"), ("sip.example.test", "sip"), ("SIP.Example.TEST", "sip"),
    ("phone.example.test", "wild"), ("a.b.example.test", "gw"), ("example.net", "net"), ("x.example.net", "net"),
    ("elsewhere.example", "gw"), (None, "gw")])
def test_by_name(gateway, good, others, identity, name, wanted, tls):
    answer = s_client(gateway.ports["web"], good, tls, name=name, extra=["-showcerts"])
    assert answer.served
    cert = {"gw": identity, **others}[wanted]
    assert presented(answer) == [cert.sha256, hashlib.sha256(cert.chain[0]).hexdigest()]


@pytest.mark.parametrize("name, wanted", [("sip.example.test", "sip"), ("phone.example.test", "wild"),
                                          ("other.example", "gw")])
def test_by_name_for_gnutls(gateway, good, others, identity, tmp_path, name, wanted):
    saved = tmp_path / "saved.pem"
    subprocess.run(["gnutls-cli", "--insecure", "--port", str(gateway.ports["web"]), "--sni-hostname", name,
                    "--save-cert", str(saved), "--x509certfile", good.chain_file, "--x509keyfile", good.key_file,
                    "127.0.0.1"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    first = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", saved.read_text(), re.S)[0]
    assert ssl.PEM_cert_to_DER_cert(first) == {"gw": identity, **others}[wanted].der


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("name, wanted", [("sip.example.test", "sip"), ("other.example", "gw")])
def test_the_leaf_alone(gateway, good, others, identity, name, wanted, tls):
    answer = s_client(gateway.ports["leaf"], good, tls, name=name, extra=["-showcerts"])
    assert answer.served
    assert presented(answer) == [{"gw": identity, **others}[wanted].sha256]


def test_telephony_has_its_own(gateway, others):
    for name in ("gw.example.test", None):
        assert presented(s_client(gateway.ports["telephony"], name=name, extra=["-showcerts"]))[0] == \
            others["sip"].sha256


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("name", ["gw.example.test", "sip.example.test", "x.example.net"])
def test_every_one_of_them_judges(gateway, pki, others, name, tls):
    """Whatever is chosen, no certificate, a wrong one, and one of ours are refused as ever."""
    mark = gateway.mark()
    assert not s_client(gateway.ports["web"], None, tls, name=name).served
    record = gateway.record(mark)
    assert (record["reason"], record["sni"]) == ("certificate-missing", name)
    for cert, reason in ((pki.leaf("unfit", eku=(Eku.SERVER_AUTH,)), "purpose-mismatch"),
                         (pki.leaf("alone", self_signed=True), "issuer-unknown")):
        mark = gateway.mark()
        assert not s_client(gateway.ports["web"], cert, tls, name=name).served
        assert gateway.record(mark)["reason"] in (reason, "root-not-trusted")


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("first, second, resumes", [
    ("sip.example.test", "sip.example.test", True), ("sip.example.test", "gw.example.test", False),
    ("gw.example.test", "sip.example.test", False), ("phone.example.test", "fax.example.test", False),
    ("sip.example.test", None, False), (None, "gw.example.test", False), (None, None, True)])
def test_resumption_stays_with_the_name(gateway, good, tmp_path, first, second, resumes, tls):
    session = str(tmp_path / "session")
    assert s_client(gateway.ports["web"], good, tls, name=first, extra=["-sess_out", session]).served
    mark = gateway.mark()
    answer = s_client(gateway.ports["web"], good, tls, name=second, extra=["-sess_in", session])
    assert answer.served
    assert answer.resumed == resumes == gateway.record(mark)["resumed"]


def test_a_ticket_of_another_set_of_identities(gateway_of, good, others, tmp_path):
    gateway = gateway_of({"web": {"identity": ["gw", "sip"], "level": "medium"}}, others=others)
    session = str(tmp_path / "session")
    answer = s_client(gateway.ports["web"], good, name="sip.example.test", extra=["-sess_out", session])
    assert answer.served
    gateway.configure({"web": {"identity": ["gw"], "level": "medium"}})
    gateway.reload(2)
    answer = s_client(gateway.ports["web"], good, name="sip.example.test",
                      extra=["-sess_in", session, "-showcerts"])
    assert answer.served and not answer.resumed
    assert presented(answer)[0] == gateway.identity.sha256
