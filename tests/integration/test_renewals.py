"""Certificates of our own that somebody renews in their files are presented without a reload."""
import ctypes
import hashlib
import os
import re
import select
import socket
import ssl

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from clients import s_client
from conftest import PATIENCE, until


class Files:
    """An identity whose files are where and as the test wants them."""

    def __init__(self, folder, cert):
        self.chain_file, self.key_file = os.path.join(folder, "fullchain.pem"), os.path.join(folder, "privkey.pem")
        self.put(cert)

    def put(self, cert):
        self.put_key(cert)
        self.put_chain(cert)

    def put_key(self, cert):
        copy(cert.key_file, self.key_file)

    def put_chain(self, cert):
        copy(cert.chain_file, self.chain_file)


def copy(source, target):
    with open(source, "rb") as a, open(target, "wb") as b:
        b.write(a.read())


def shown(gateway, good):
    """SHA-256 of the certificate that a new connection is shown."""
    text = s_client(gateway.ports["web"], good).text
    block = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)[0]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(block)).hexdigest()


def reader_of(path):
    """Gives a function that returns once somebody has read the file since now."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_CLOEXEC)
    assert fd >= 0 and libc.inotify_add_watch(fd, path.encode(), 1) >= 0  # IN_ACCESS

    def wait():
        try:
            assert select.select([fd], [], [], PATIENCE)[0], f"nobody has read {path}"
        finally:
            os.close(fd)
    return wait


def new_identity(pki, name):
    return pki.leaf(name, eku=(Eku.SERVER_AUTH,), san=("gw.example.test",))


@pytest.fixture(params=[False, True], ids=["file", "store"])
def scene(request, gateway_of, pki, tmp_path):
    first = new_identity(pki, "first")
    files = Files(str(tmp_path), first)
    gateway = gateway_of({"web": {"level": "medium"}}, identity=files, store=request.param)
    return gateway, files, first


def test_written_in_place(scene, good, pki):
    gateway, files, first = scene
    assert shown(gateway, good) == first.sha256
    second = new_identity(pki, "second")
    files.put(second)
    until("the renewed certificate", lambda: shown(gateway, good) == second.sha256)
    assert f"identity 'gw': {files.chain_file} was renewed" in gateway.messages()


def test_certificate_long_before_key(scene, good, pki):
    """Until they fit together the old one is presented; then the new one, with no further word from anybody."""
    gateway, files, first = scene
    second = new_identity(pki, "second")
    files.put_chain(second)
    # A reload says that they do not fit, so certgated has seen the half that is there.
    gateway.process.send_signal(1)
    until("the refusal", lambda: "is not the key of the first certificate" in gateway.messages())
    assert shown(gateway, good) == first.sha256
    files.put_key(second)
    until("the renewed certificate", lambda: shown(gateway, good) == second.sha256)


def test_links_turned_as_certbot_does(scene, good, pki, tmp_path):
    gateway, files, _ = scene
    for number, cert in enumerate((new_identity(pki, "second"), new_identity(pki, "third"))):
        archive = tmp_path / f"archive{number}"
        archive.mkdir()
        there = Files(str(archive), cert)
        for link, target in ((files.key_file, there.key_file), (files.chain_file, there.chain_file)):
            os.symlink(target, link + ".new")
            os.rename(link + ".new", link)
        until("the renewed certificate", lambda: shown(gateway, good) == cert.sha256)


def test_touched_is_not_renewed(scene, good, pki):
    """The same bytes make no generation; what is renewed behind them makes the next one."""
    gateway, files, first = scene
    read = reader_of(files.key_file)
    files.put(first)
    read()
    second = new_identity(pki, "second")
    files.put(second)
    until("the renewed certificate", lambda: shown(gateway, good) == second.sha256)
    assert "generation 2 in force" in gateway.messages()
    assert "generation 3" not in gateway.messages()


def test_a_configuration_half_written_is_not_loaded(scene, good, pki):
    gateway, files, _ = scene
    with open(gateway.config, "a", encoding="utf-8") as f:
        f.write("interface \"half\" {\n")
    second = new_identity(pki, "second")
    files.put(second)
    until("the renewed certificate", lambda: shown(gateway, good) == second.sha256)


def test_without_its_store_nothing_is_renewed_until_it_is_back(gateway_of, good, pki, tmp_path):
    """What was in force last knows fewer identities than the file does now."""
    first = new_identity(pki, "first")
    files = Files(str(tmp_path), first)
    gateway = gateway_of({"web": {"level": "medium", "handshake-timeout": "2s"}}, identity=files, store=True)
    gateway.stop()
    store = os.path.join(gateway.folder, "state", "store.db")
    os.rename(store, store + ".away")
    gateway.others = {f"more{i}": first for i in range(8)}
    gateway.configure({"web": {"level": "medium", "handshake-timeout": "2s"}})
    gateway.start(1)
    second = new_identity(pki, "second")
    files.put(second)
    with socket.create_connection(("127.0.0.1", gateway.ports["web"])) as silent:
        silent.settimeout(PATIENCE)
        assert silent.recv(1) == b""  # after two seconds, and changes are looked at after half of one
    assert shown(gateway, good) == first.sha256
    os.rename(store + ".away", store)
    gateway.process.send_signal(1)
    until("the renewed certificate", lambda: shown(gateway, good) == second.sha256)
    third = new_identity(pki, "third")
    files.put(third)
    until("the renewed certificate", lambda: shown(gateway, good) == third.sha256)
