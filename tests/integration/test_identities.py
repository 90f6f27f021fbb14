"""Certificates of our own by the admin API: made, asked for, installed, imported, renewed, and what keys leave behind."""
import base64
import glob
import hashlib
import os
import re
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from admin import Admin
from clients import s_client
from conftest import until
from pki import to_pem

PASSPHRASE = "correct horse battery"


@pytest.fixture()
def node(gateway_of):
    gateway = gateway_of({"web": {"identity": None, "level": "medium"}}, store=True)
    gateway.admin = Admin(gateway)
    yield gateway
    gateway.stop()
    secrets = [b"PRIVATE KEY", PASSPHRASE.encode()] + [key for path in glob.glob(gateway.folder + "/state/keys/*.key")
                                                       for key in read(path).splitlines()[1:-1]]
    leaks = [path for path in [gateway.stderr, gateway.log] + glob.glob(gateway.folder + "/state/*.*")
             if os.path.isfile(path) and any(secret in read(path) for secret in secrets)]
    assert len(secrets) > 2 and leaks == []
    for path in glob.glob(gateway.folder + "/state/keys/*"):
        assert os.stat(path).st_mode & 0o777 == 0o600, path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def act(node, op, name="default", expected=200, **more):
    return node.admin.post("/identities", expected, op=op, name=name, **more)


def listed(node, name="default"):
    return {it["name"]: it for it in node.admin.get("/identities")["identities"]}[name]


def sent(node, good, name="gw.example.test"):
    """What a peer is shown: SHA-256 of each certificate."""
    text = s_client(node.ports["web"], good, name=name, extra=["-showcerts"]).text
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)
    return [hashlib.sha256(ssl.PEM_cert_to_DER_cert(block)).hexdigest() for block in blocks]


def trusted(node):
    return {it["sha256"] for it in node.admin.get("/tcs")["certificates"]}


def sign(pki, pem):
    """What a CA makes of a request."""
    request = x509.load_pem_x509_csr(pem.encode())
    assert request.is_signature_valid
    builder = (x509.CertificateBuilder().subject_name(request.subject).issuer_name(pki.ca.subject)
               .public_key(request.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(pki.ca.not_valid_before).not_valid_after(pki.ca.not_valid_after))
    for extension in request.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(pki.ca_key, hashes.SHA256())


def test_created_and_presented_by_name(node, good):
    act(node, "create", "main", hosts=["main.example.test", "192.0.2.1"], key="rsa2048", days=90)
    main = listed(node, "main")
    assert main["sans"] == ["DNS:main.example.test", "IP:192.0.2.1"]
    assert (main["key"], main["self_signed"], main["interfaces"]) == ("RSA 2048 bits", True, [])
    node.configure({"web": {"identity": ["default", "main"], "level": "medium"}})
    node.reload(3)
    assert listed(node, "main")["interfaces"] == ["web"]
    assert sent(node, good, "main.example.test") == [main["sha256"]]
    assert sent(node, good, "other.example.test") == [listed(node)["sha256"]]


def test_asked_for_and_installed(node, good, pki):
    before = listed(node)
    pem = act(node, "csr", hosts=["gw.example.test"], key="p384", subject="CN=gw,O=Example", new_key=True)["csr"]
    assert listed(node)["csr"] and sent(node, good) == [before["sha256"]]
    cert = sign(pki, pem)
    chain = to_pem(pki.root_der) + to_pem(pki.ca_der) + cert.public_bytes(Encoding.PEM)
    act(node, "install", certificate=chain.decode())
    after = listed(node)
    assert (after["subject"], after["csr"], after["self_signed"]) == ("CN=gw,O=Example", False, False)
    # The CA is not trusted for it: only the root that the file has named is.
    assert trusted(node) == {hashlib.sha256(pki.root_der).hexdigest()}
    node.wait_generation(2)
    assert sent(node, good) == [cert.fingerprint(hashes.SHA256()).hex(), hashlib.sha256(pki.ca_der).hexdigest()]


def test_an_answer_to_somebody_else_is_refused(node, pki):
    act(node, "csr", hosts=["gw.example.test"], new_key=True)
    other = pki.leaf("other", eku=(Eku.SERVER_AUTH,))
    error = act(node, "install", expected=400, certificate=other.pem.decode())["error"]
    assert error["message"] == "none of the certificates is of the private key"
    assert listed(node)["csr"]


def test_imported_with_its_chain(node, good, pki):
    cert = pki.leaf("imported", eku=(Eku.SERVER_AUTH,), san=("gw.example.test",))
    container = pkcs12.serialize_key_and_certificates(
        b"gw", cert.key, x509.load_der_x509_certificate(cert.der), [pki.root, pki.ca],
        BestAvailableEncryption(PASSPHRASE.encode()))
    data = base64.b64encode(container).decode()
    error = act(node, "import", expected=400, data=data, passphrase="wrong")["error"]
    assert "does not open with this password" in error["message"]
    act(node, "import", data=data, passphrase=PASSPHRASE)
    node.wait_generation(2)
    assert sent(node, good) == [cert.sha256, hashlib.sha256(pki.ca_der).hexdigest()]
    assert hashlib.sha256(pki.ca_der).hexdigest() in trusted(node)


@pytest.mark.parametrize("new_key", [False, True])
def test_renewed_and_rolled_back(node, good, new_key):
    """The old key is there still when the generation before is put in force again; a restart presents the same."""
    before = listed(node)
    act(node, "renew", new_key=new_key)
    after = listed(node)
    assert (after["key_path"] != before["key_path"]) == new_key
    assert after["sha256"] != before["sha256"] and after["sans"] == before["sans"]
    node.wait_generation(2)
    assert sent(node, good) == [after["sha256"]]
    node.admin.change({"op": "rollback", "generation": 1})
    node.wait_generation(3)
    assert sent(node, good) == [before["sha256"]]
    node.stop()
    node.start(3)
    assert sent(node, good) == [before["sha256"]]


def test_what_a_ca_has_issued_is_asked_for_again(node, pki):
    pem = act(node, "csr", hosts=["gw.example.test", "sip:example.test"])["csr"]
    act(node, "install", certificate=sign(pki, pem).public_bytes(Encoding.PEM).decode())
    again = x509.load_pem_x509_csr(act(node, "renew")["csr"].encode())
    names = again.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw.example.test"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["sip:example.test"]
    assert again.public_key().public_numbers() == x509.load_pem_x509_csr(pem.encode()).public_key().public_numbers()


@pytest.mark.parametrize("op, more", [("create", {"hosts": ["a"]}), ("renew", {"new_key": True}), ("renew", {})])
def test_a_preview_leaves_no_key_and_takes_none(node, op, more):
    before = node.admin.get("/identities"), sorted(glob.glob(node.folder + "/state/keys/*"))
    told = act(node, op, preview=True, **more)
    assert told["preview"] and told["identity"]["subject"]
    assert (node.admin.get("/identities"), sorted(glob.glob(node.folder + "/state/keys/*"))) == before


@pytest.mark.parametrize("op, more, wanted", [
    ("create", {"hosts": []}, "0 host names"), ("create", {"hosts": ["a b"]}, "'a b' is neither"),
    ("create", {"hosts": ["a"], "days": 0}, "there may be 1 to 3653"), ("create", {"hosts": ["a"], "key": "dsa"}, "dsa"),
    ("csr", {"hosts": ["a"], "subject": "X=1"}, "each part must be"), ("import", {"data": "AAAA"}, "no PKCS#12"),
    ("install", {"certificate": "x"}, "neither PEM nor DER")])
def test_wrong_wishes_change_nothing(node, op, more, wanted):
    before = node.admin.get("/identities"), sorted(glob.glob(node.folder + "/state/keys/*"))
    assert wanted in act(node, op, expected=400, **more)["error"]["message"]
    assert (node.admin.get("/identities"), sorted(glob.glob(node.folder + "/state/keys/*"))) == before
