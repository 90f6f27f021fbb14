"""Peers whose key lies in a PKCS#11 token (SoftHSM): the same verdicts as with the key in a file."""
import glob
import os
import re
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients import REQUEST, WEAK, Answer
from programs import needs

MODULE = next(iter(glob.glob("/usr/lib/*/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/softhsm/libsofthsm2.so")), "")
PIN = "1234"

pytestmark = [needs("softhsm2-util"), needs("gnutls-cli"), needs("curl")]


class Token:
    def __init__(self, folder):
        self.folder = str(folder)
        tokens = os.path.join(self.folder, "tokens")
        os.mkdir(tokens)
        config = os.path.join(self.folder, "softhsm2.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"directories.tokendir = {tokens}\n")
        self.env = {**WEAK, "SOFTHSM2_CONF": config, "PKCS11_MODULE_PATH": MODULE}
        self.run("softhsm2-util", "--init-token", "--free", "--label", "peers", "--pin", PIN, "--so-pin", PIN)
        self.count = 0

    def run(self, *command):
        subprocess.run(command, env=self.env, check=True, capture_output=True)

    def take(self, cert):
        """Puts the certificate's key into the token; its URI."""
        self.count += 1
        path = os.path.join(self.folder, f"{self.count}.key")
        with open(path, "wb") as f:
            f.write(cert.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.run("softhsm2-util", "--import", path, "--token", "peers", "--label", f"key{self.count}", "--id",
                 f"{self.count:02x}", "--pin", PIN)
        os.remove(path)
        return f"pkcs11:token=peers;object=key{self.count};type=private?pin-value={PIN}"


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    return Token(tmp_path_factory.mktemp("token"))


@pytest.fixture(scope="module")
def gateway(gateway_of):
    return gateway_of({"web": {"level": "medium"}})


def gnutls(port, cert, token, uri):
    command = ["gnutls-cli", "-d", "4", "--insecure", "--provider", MODULE, "--port", str(port), "--sni-hostname",
               "gw.example.test", "--x509certfile", cert.chain_file, "--x509keyfile", uri, "127.0.0.1"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=token.env)
    try:
        process.stdin.write(REQUEST)
        process.stdin.flush()
    except BrokenPipeError:
        pass
    text = process.stdout.read().decode("latin-1")
    process.wait(60)
    alert = [int(n) for n in re.findall(r"Received alert \[(\d+)\]", text) if n != "0"]
    return Answer(text, alert[0] if alert else None)


def curl(port, cert, token, uri):
    command = ["curl", "-sSk", "-i", "--trace-ascii", "-", "--http1.1", "--max-time", "30", "--noproxy", "*", "--cert",
               cert.chain_file, "--engine", "pkcs11", "--key-type", "ENG", "--key", uri, f"https://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, timeout=60, env=token.env)
    return Answer((done.stdout + done.stderr).decode("latin-1"), None)


@pytest.mark.parametrize("client", [gnutls, curl])
@pytest.mark.parametrize("name, options, reason", [
    ("token-good", {}, None), ("token-no-usage", {"key_usage": False}, "key-usage-missing")])
def test_a_key_in_a_token_gets_the_verdict_of_a_file(gateway, pki, token, client, name, options, reason):
    cert = pki.leaf(name, kind="rsa2048", **options)
    mark = gateway.mark()
    answer = client(gateway.ports["web"], cert, token, token.take(cert))
    record = gateway.record(mark)
    assert (record["reason"], record["certificate"]["sha256"]) == (reason, cert.sha256), answer.text
    assert answer.served == (reason is None), answer.text
