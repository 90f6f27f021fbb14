"""The names of trusted CAs in the request for a client's certificate: none, unless they are asked for."""
import datetime
import os
import signal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clients import s_client
from conftest import until


def test_strangers_are_not_told_whom_we_trust(gateway_of, good):
    gateway = gateway_of({"web": {}})
    answer = s_client(gateway.ports["web"], good)
    assert answer.served and "No client certificate CA names sent" in answer.text


def test_the_names_are_sent_where_they_are_wanted(gateway_of, good):
    gateway = gateway_of({"web": {"ca-names": True}})
    answer = s_client(gateway.ports["web"], good)
    assert answer.served
    assert "Acceptable client certificate CA names\nCN = Test Root\n" in answer.text


def test_names_that_no_handshake_takes_are_refused(gateway_of):
    gateway = gateway_of({"web": {"ca-names": True}})
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    with open(os.path.join(gateway.tcs, "many.pem"), "wb") as f:
        for i in range(700):
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"a root with a rather long name, number {i:04}"),
                              x509.NameAttribute(NameOID.ORGANIZATION_NAME, "organisation " + "x" * 40)])
            cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                    .serial_number(i + 1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
                    .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256()))
            f.write(cert.public_bytes(serialization.Encoding.PEM))
    gateway.process.send_signal(signal.SIGHUP)
    until("the refusal", lambda: "longer than the 65536 octets" in gateway.messages())
