#!/usr/bin/python3
"""Starts certgated with its console, a backend and certificates, says in one line of JSON where they are, and ends with its input.

  CERTGATE_BUILD=build-test tests/console/world.py
"""
import json
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

from admin import Admin  # noqa: E402
from conftest import Backend, Gateway, free_port  # noqa: E402
from pki import DAY, Pki, now, to_pem  # noqa: E402


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


def main():
    folder = tempfile.mkdtemp(prefix="certgate-console-")
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, "gw"))
    os.chmod(os.path.join(folder, "gw"), 0o755)
    pki = Pki(os.path.join(folder, "pki"), label="Example Telephony")
    stranger = Pki(os.path.join(folder, "stranger"), label="Unlisted Issuing")
    certs = certificates(pki, stranger)
    backend = Backend()
    port = free_port()
    gateway = Gateway(os.path.join(folder, "gw"), pki, pki.identity(), backend,
                      {"web-manager": {"level": None}, "http": {}, "sip": {"service": "sip", "phones": True, "mode": "sip"}},
                      pinned=[certs["good"], certs["self-signed"], certs["soon"], certs["expired"]], store=True,
                      blocks=[f'console = "127.0.0.1:{port}"'])
    try:
        link = Admin(gateway).post("/console-link")["url"]
        with open(os.path.join(folder, "stranger-root.pem"), "wb") as f:
            f.write(to_pem(stranger.root_der))
        print(json.dumps({
            "link": link, "console": f"http://127.0.0.1:{port}", "ports": gateway.ports, "socket": Admin(gateway).path, "folder": folder,
            "strangerRoot": os.path.join(folder, "stranger-root.pem"), "pid": gateway.process.pid,
            "certs": {name: {"cert": c.chain_file, "key": c.key_file, "sha256": c.sha256, "pem": c.cert_file} for name, c in certs.items()},
        }), flush=True)
        sys.stdin.read()
    finally:
        gateway.stop()
        backend.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
