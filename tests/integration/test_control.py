"""What certgated and the command say of settings that are wrong: one clear line, and nothing half-started."""
import os
import re
import socket
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from conftest import BUILD
from pki import now, DAY
from ports import free_port

CERTGATED = os.path.join(BUILD, "cmd", "certgated")
CERTGATE = os.path.join(BUILD, "cmd", "certgate")


class Node:
    """A configuration in a folder, right until a test breaks it."""

    def __init__(self, folder, pki, identity):
        self.folder = str(folder)
        self.values = {"certificate": identity.chain_file, "key": identity.key_file,
                       "tcs": pki.tcs(os.path.join(self.folder, "tcs")), "listen": f"127.0.0.1:{free_port()}",
                       "extra": "", "node_extra": "", "identity": "gw"}
        self.config = os.path.join(self.folder, "certgate.conf")

    def write(self, **changes):
        values = {**self.values, **changes}
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'''node = "test"
workers = 1
state = "{self.folder}/state"
store = false tcs = "{values['tcs']}"
{values['node_extra']}
identity "gw" {{ certificate = "{values['certificate']}" key = "{values['key']}" }}
interface "web" {{
  listen = {{"{values['listen']}"}}
  backend = "127.0.0.1:1"
  identity = "{values['identity']}"
  {values['extra']}
}}
''')

    def check(self):
        return subprocess.run([CERTGATE, "config", "check", self.config], capture_output=True, text=True, check=False)

    def start(self):
        return subprocess.run([CERTGATED, "--config", self.config], capture_output=True, text=True, check=False,
                              timeout=20)

    def refused(self):
        """What the one line says with which certgated does not start; nothing is half-started."""
        result = self.start()
        assert (result.returncode, result.stdout) == (1, "")
        lines = result.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("certgated: "), result.stderr
        with pytest.raises(ConnectionRefusedError):
            host, port = self.values["listen"].split(":")
            socket.create_connection((host, int(port))).close()
        assert not os.path.exists(os.path.join(self.folder, "state", "generation")), "no generation was committed"
        return lines[0]


@pytest.fixture()
def node(tmp_path, pki, identity):
    return Node(tmp_path, pki, identity)


def test_right_settings_are_fine(node):
    node.write()
    result = node.check()
    assert (result.returncode, result.stderr) == (0, "")
    assert "1 interface, 1 identity, 1 trusted certificate" in result.stdout


@pytest.mark.parametrize("line, message", [
    ('levle = "high"', r":11: unknown setting 'levle'; did you mean 'level'\?"),
    ('level = "higher"', r":11: level: 'higher' is not none, low, medium"),
    ('max-path-depth = 40', r":11: max-path-depth: '40' is not a number from 1 to 32"),
    ('handshake-timeout = "3 weeks"', r":11: handshake-timeout: '3 weeks' is not a duration from 100ms to 2m"),
    ('allow = {"allow-everything"}', r":11: allow: 'allow-everything' is not an allowance"),
    ('names = {"*.example.com"}', r":11: names: '\*\.example\.com' is not a DNS name"),
    ('min-tls = "1.1"', r":11: min-tls: '1\.1' is not 1\.2 or 1\.3"),
    ('checks = {"in-date"}', r"'checks' counts only with level = custom"),
    ('level = "custom"', r"level custom needs 'checks'"),
    ('service = "line" level = "high+remote"', r"remote levels are not offered for lines"),
    ('service = "sip" level = "medium+remote"', r"on SIP needs 'sip-domains'"),
])
def test_a_wrong_line_is_named_with_its_cause(node, line, message):
    node.write(extra=line)
    result = node.check()
    assert result.returncode == 1
    assert re.search(re.escape(node.config) + ".*" + message, result.stderr), result.stderr


def test_every_problem_is_reported_not_only_the_first(node):
    node.write(extra='level = "higher"\n  min-tls = "9"')
    assert len(node.check().stderr.splitlines()) == 2


def test_an_unknown_identity_is_named(node):
    node.write(identity="nobody")
    assert "identity: 'nobody' is not the name of an identity block above" in node.check().stderr


@pytest.mark.parametrize("setting, name", [("certificate", "missing.pem"), ("key", "missing.key"), ("tcs", "missing")])
def test_a_file_that_is_not_there_is_named(node, setting, name):
    node.write(**{setting: os.path.join(node.folder, name)})
    message = node.refused()
    assert name in message and "No such file or directory" in message


# Files that are there and of no use: what one line says of each.
USELESS = [
    ("certificate", b"hello", "identity 'gw': FILE byte 0: neither PEM nor DER"),
    ("certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
     "identity 'gw': FILE line 1: not a DER certificate: no complete SEQUENCE at byte 0"),
    ("key", b"hello", "identity 'gw': FILE holds no private key in PEM without a passphrase"),
    ("key", b"", "identity 'gw': FILE holds no private key in PEM without a passphrase"),
    ("tcs", b"hello", "trusted certificates: FILE byte 0: neither PEM nor DER"),
]


@pytest.mark.parametrize("setting, data, message", USELESS)
def test_a_file_of_no_use_is_named_with_its_cause(node, tmp_path, setting, data, message):
    path = tmp_path / "useless"
    path.write_bytes(data)
    node.write(**{setting: path})
    assert node.refused() == "certgated: " + message.replace("FILE", str(path))


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(node, identity, tmp_path):
    path = tmp_path / "locked.key"
    path.write_bytes(identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    node.write(key=path)
    assert node.refused() == f"certgated: identity 'gw': {path} holds no private key in PEM without a passphrase"


def test_a_broken_file_in_the_trust_folder_refuses_to_start(node):
    node.write()
    with open(os.path.join(node.values["tcs"], "broken.pem"), "w", encoding="utf-8") as file:
        file.write("-----BEGIN CERTIFICATE-----\nAA!A\n-----END CERTIFICATE-----\n")
    assert node.refused().endswith("broken.pem line 2: not base64")


def test_a_key_of_another_certificate_refuses_to_start(node, pki):
    node.write(key=pki.leaf("another").key_file)
    assert re.search("the key in .*another.key is not the key of its certificate", node.refused())


def test_an_expired_identity_refuses_to_start(node, pki):
    old = pki.leaf("old", start=now() - 9 * DAY, end=now() - DAY)
    node.write(certificate=old.chain_file, key=old.key_file)
    assert re.search("old.chain.pem expired 20.*; renew it", node.refused())


def test_an_unknown_setting_refuses_to_start(node):
    node.write(extra='levle = "high"')
    assert node.refused().endswith(":11: unknown setting 'levle'; did you mean 'level'?")


def test_a_port_in_use_refuses_to_start(node):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        node.write(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        message = node.refused()
    assert "cannot listen on 127.0.0.1" in message and message.endswith("Address already in use")


def test_a_second_port_in_use_leaves_nobody_on_the_first(node):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        node.write(listen=f'{node.values["listen"]}", "127.0.0.1:{taken.getsockname()[1]}')
        assert node.refused().endswith("Address already in use")


def test_a_second_certgated_finds_the_state_directory_locked(gateway_of, node):
    gateway = gateway_of({"web": {"level": "medium"}})
    node.write()
    with open(node.config, encoding="utf-8") as file:
        text = file.read().replace(f"{node.folder}/state", f"{gateway.folder}/state")
    with open(node.config, "w", encoding="utf-8") as file:
        file.write(text)
    result = node.start()
    assert result.returncode == 1
    assert "another certgated uses the state directory" in result.stderr


def test_reload_by_the_command_answers_with_the_generation_or_the_problems(gateway_of):
    gateway = gateway_of({"web": {"level": "medium"}})
    command = [CERTGATE, "reload", "--state", os.path.join(gateway.folder, "state")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "Done: generation 2 is in force.\n")
    gateway.configure({"web": {"level": "higher"}})
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "level: 'higher' is not none" in result.stderr


def test_reload_without_certgated_says_so(tmp_path):
    result = subprocess.run([CERTGATE, "reload", "--state", str(tmp_path)], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "is certgated running with this state directory" in result.stderr


def test_a_service_manager_is_told_when_it_is_ready_and_when_it_stops(gateway_of, tmp_path):
    path = str(tmp_path / "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.settimeout(20)
    manager.bind(path)
    gateway = gateway_of({"web": {"level": "none"}}, before=lambda: os.environ.__setitem__("NOTIFY_SOCKET", path))
    assert manager.recv(512) == b"READY=1\nSTATUS=generation 1 in force, 1 worker"
    gateway.reload(2)
    assert manager.recv(512) == b"READY=1\nSTATUS=generation 2 in force, 1 worker"
    gateway.stop()
    assert manager.recv(512).startswith(b"STOPPING=1\n")
    manager.close()
