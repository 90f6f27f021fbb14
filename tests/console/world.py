#!/usr/bin/python3
"""Starts certgated with its console, a backend, a server and certificates, says in one line of JSON where they are, and ends with its input.

  CERTGATE_BUILD=build-test tests/console/world.py [--users]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku  # noqa: E402

from admin import Admin  # noqa: E402
from conftest import BUILD, Backend, Gateway, free_port  # noqa: E402
from pki import DAY, Pki, now, to_pem  # noqa: E402
from servers import TlsServer  # noqa: E402

PASSWORD = "correct horse battery staple"


def certificates(pki, stranger):
    return {
        "good": pki.leaf("voicemail-pro", san=("voicemail.example.com",)),
        "unpinned": pki.leaf("phone-0012", san=("phone-0012.example.com",)),
        "expired": pki.leaf("old-softconsole", end=now() - DAY / 2, san=("softconsole.example.com",)),
        "self-signed": pki.leaf("reception-desk", self_signed=True, san=("reception.example.com",)),
        "stranger": stranger.leaf("vendor-tool", san=("tool.vendor.example.net",)),
        "no-key-usage": pki.leaf("door-camera-3", key_usage=False, san=("camera3.example.com",)),
        "soon": pki.leaf("wallboard", end=now() + 5 * DAY, start=now() - 3 * DAY, san=("wallboard.example.com",)),
    }


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def add_users(gateway, folder, certs):
    """By the command, as the manual says: anna and bert by password, eve by her certificate."""
    password = write(folder, "password", PASSWORD.encode() + b"\n")
    for name, role, how in (("anna", "administrator", ["--password-file", password]), ("bert", "operator", ["--password-file", password]),
                            ("eve", "auditor", ["--no-password", "--certificate", certs["good"].cert_file])):
        subprocess.run([os.path.join(BUILD, "cmd", "certgate"), "user", "add", "--state", gateway.state, name, "--role", role, *how],
                       check=True, stdout=subprocess.DEVNULL)


def main():
    folder = tempfile.mkdtemp(prefix="certgate-console-")
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, "gw"))
    os.chmod(os.path.join(folder, "gw"), 0o755)
    pki = Pki(os.path.join(folder, "pki"), label="Example Telephony")
    stranger = Pki(os.path.join(folder, "stranger"), label="Unlisted Issuing")
    certs = certificates(pki, stranger)
    backend = Backend()
    server = TlsServer(pki.leaf("pbx", eku=(Eku.SERVER_AUTH,), san=("localhost",)))
    port, socket = free_port(), os.path.join(folder, "console.sock")
    gateway = Gateway(os.path.join(folder, "gw"), pki, pki.identity(), backend,
                      {"web-manager": {"level": None}, "http": {}, "sip": {"service": "sip", "phones": True, "mode": "sip"},
                       "console": {"backend": f"unix:{socket}", "mode": "http"}},
                      pinned=[certs["good"], certs["self-signed"], certs["soon"], certs["expired"]], store=True,
                      node=[f'console = "127.0.0.1:{port}"', f'console-socket = "{socket}"', 'user = "daemon"',
                            "revocation-allow-private = true"])
    try:
        if "--users" in sys.argv:
            add_users(gateway, folder, certs)
        link = Admin(gateway).post("/console-link")["url"]
        ca_key = pki.ca_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        print(json.dumps({
            "link": link, "console": f"http://127.0.0.1:{port}", "ports": gateway.ports, "socket": Admin(gateway).path, "folder": folder,
            "strangerRoot": write(folder, "stranger-root.pem", to_pem(stranger.root_der)), "pid": gateway.process.pid,
            "ca": write(folder, "ca.pem", to_pem(pki.ca_der)), "caKey": write(folder, "ca.key", ca_key), "server": server.port,
            "password": PASSWORD,
            "certs": {name: {"cert": c.chain_file, "key": c.key_file, "sha256": c.sha256, "pem": c.cert_file} for name, c in certs.items()},
        }), flush=True)
        sys.stdin.read()
    finally:
        gateway.stop()
        server.close()
        backend.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
