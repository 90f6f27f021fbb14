"""Certificates for the integration tests, each wrong in one way. All of it is made in a folder of the test run."""
import datetime
import ipaddress
import os
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID, ObjectIdentifier

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def _key_usage(**on):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: on.get(name, False) for name in names})


def _general_name(text):
    if ":" in text and text.split(":")[0] in ("sip", "sips"):
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.UniformResourceIdentifier(text) if ":" in text else x509.DNSName(text)


def new_key(kind):
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"p256": ec.SECP256R1, "p384": ec.SECP384R1}[kind]())


class Cert:
    """A certificate with its key and what is sent along; files appear when they are asked for."""

    def __init__(self, pki, name, der, key, chain):
        self.pki, self.name, self.der, self.key, self.chain = pki, name, der, key, chain

    def _write(self, suffix, data):
        """At once or not at all: a program that was started before may be reading the file just now."""
        path = os.path.join(self.pki.folder, self.name + suffix)
        descriptor, new = tempfile.mkstemp(dir=self.pki.folder)
        with open(descriptor, "wb") as f:
            f.write(data)
        os.chmod(new, 0o644)
        os.replace(new, path)
        return path

    @property
    def sha256(self):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.der)
        return digest.finalize().hex()

    @property
    def pem(self):
        return to_pem(self.der)

    @property
    def chain_file(self):
        return self._write(".chain.pem", b"".join(to_pem(der) for der in [self.der] + self.chain))

    @property
    def sent_file(self):
        """What goes along with it, or None: s_client takes the two apart."""
        return self._write(".sent.pem", b"".join(map(to_pem, self.chain))) if self.chain else None

    @property
    def cert_file(self):
        return self._write(".pem", self.pem)

    @property
    def key_file(self):
        return self._write(".key", self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def to_pem(der):
    import base64
    text = base64.encodebytes(der).replace(b"\n", b"")
    lines = b"\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n"


class Pki:
    """One root, one intermediate, and leaves on demand."""

    def __init__(self, folder, kind="p256", label="Test"):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.kind, self.label = kind, label
        self.root_key = new_key(kind)
        self.root = self._sign(self._builder(f"{label} Root", f"{label} Root", self.root_key, ca=True), self.root_key)
        self.ca_key = new_key(kind)
        self.ca = self._sign(self._builder(f"{label} CA", f"{label} Root", self.ca_key, ca=True), self.root_key)
        self.root_der = self.root.public_bytes(Encoding.DER)
        self.ca_der = self.ca.public_bytes(Encoding.DER)

    @staticmethod
    def _sign(builder, key, digest=None):
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return builder.sign(key, None)
        return builder.sign(key, digest or hashes.SHA256())

    @staticmethod
    def _builder(subject, issuer, key, ca=False, start=None, end=None):
        name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(start or now() - DAY).not_valid_after(end or now() + 30 * DAY)
                   .add_extension(x509.BasicConstraints(ca, None), True))
        if ca:
            builder = builder.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), True)
        return builder

    def leaf(self, name, kind=None, start=None, end=None, eku=(Eku.CLIENT_AUTH,), key_usage=True,
             critical=None, padding=0, self_signed=False, san=("peer.example.test",), breaks=None, chain=None, key=None, crl=None, responder=None):
        key = key or new_key(kind or self.kind)
        builder = self._builder(name, name if self_signed else f"{self.label} CA", key, start=start, end=end)
        if key_usage:
            builder = builder.add_extension(_key_usage(digital_signature=True), True)
        if eku:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(eku)), False)
        if san:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(n) for n in san]), False)
        if crl:
            builder = builder.add_extension(x509.CRLDistributionPoints(
                [x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)]), False)
        if responder:
            builder = builder.add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder))]), False)
        if critical:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(ObjectIdentifier(critical), b"\x05\x00"), True)
        if padding:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x04" * padding), False)
        der = self._sign(builder, key if self_signed else self.ca_key).public_bytes(Encoding.DER)
        if breaks == "signature":
            der = der[:-1] + bytes([der[-1] ^ 1])
        sent = chain if chain is not None else [] if self_signed else [self.ca_der]
        return Cert(self, name, der, key, sent)

    def crl(self, *revoked, of="CA", signer=None, start=None, end=None, reason=x509.ReasonFlags.key_compromise):
        """A CRL of the root or the CA, DER; what it revokes are certificates."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.label} {of}")])
        builder = x509.CertificateRevocationListBuilder(name, start or now() - DAY / 24, end or now() + DAY)
        for cert in revoked:
            serial = x509.load_der_x509_certificate(getattr(cert, "der", cert)).serial_number
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder(serial, now() - DAY).add_extension(x509.CRLReason(reason), False).build())
        key = signer or (self.ca_key if of == "CA" else self.root_key)
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)

    def ocsp(self, cert, revoked=False, signer=None, start=None, end=None):
        """The CA's own answer about a certificate below it, DER."""
        by = self._sign(self._builder(f"{self.label} CA", f"{self.label} Root", signer or self.ca_key, ca=True), self.root_key)
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        return ocsp.OCSPResponseBuilder().add_response(
            x509.load_der_x509_certificate(cert.der), self.ca, hashes.SHA1(), status, start or now() - DAY / 24,
            end or now() + DAY, now() - DAY if revoked else None,
            x509.ReasonFlags.superseded if revoked else None).responder_id(
                ocsp.OCSPResponderEncoding.NAME, by).sign(signer or self.ca_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def identity(self):
        return self.leaf("gw.example.test", eku=(Eku.SERVER_AUTH,), san=("gw.example.test", "localhost"))

    def tcs(self, folder, *pinned):
        """Writes the trusted certificates: the root and exact copies of the given ones."""
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "root.pem"), "wb") as f:
            f.write(to_pem(self.root_der))
        for cert in pinned:
            with open(os.path.join(folder, "pin-" + cert.name + ".pem"), "wb") as f:
                f.write(cert.pem)
        return str(folder)
