"""certgate trust, pins, identity, audit, backup, restore, user, console and check on the store of a running certgated."""
import datetime
import json
import os
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID

from admin import Admin
from cli import Command
from clients import s_client
from pki import DAY, now

UNTIL = "2099-12-31"


@pytest.fixture(scope="module")
def node(gateway_of):
    gateway = gateway_of({"web": {}}, store=True)
    gateway.admin = Admin(gateway)
    return gateway


@pytest.fixture()
def command(node):
    return Command(os.path.join(node.folder, "state"))


@pytest.fixture()
def admin(node):
    return node.admin


# ---- trust, pins


def refused(node, leaf):
    mark = node.mark()
    s_client(node.ports["web"], leaf)
    record = node.record(mark)
    assert record["verdict"] == "reject", record
    return record


def test_a_refused_certificate_is_trusted_by_its_incident(node, command, admin, pki):
    leaf = pki.leaf("pinned")
    admin.set("checks.management", "high", force=True)
    record = refused(node, leaf)
    text = command.ok("trust", record["incident"], "--interface", "web", "--until", UNTIL, "--reason", "renews soon")
    assert "pin" in text
    [pin] = [p for p in admin.get("/pins")["pins"] if p["sha256"] == leaf.sha256]
    assert (pin["interface"], pin["until"], pin["reason"], pin["incident"]) == (
        "web", UNTIL + "T23:59:59Z", "renews soon", record["incident"])
    [row] = [line for line in command.ok("pins").splitlines() if leaf.sha256[:16] in line]
    assert "renews soon" in row and UNTIL in row
    # It was seen, and would be refused without.
    locked = command("pins", "remove", leaf.sha256[:8])
    assert locked.returncode == 1 and "would be refused" in locked.stdout
    command.ok("pins", "remove", leaf.sha256[:8], "--force")
    assert leaf.sha256 not in command.ok("pins", "--format", "json")
    admin.set("checks.management", "medium", force=True)


def test_a_certificate_is_trusted_by_its_fingerprint(command, admin):
    command.ok("trust", "cd" * 32, "--interface", "web", "--until", "2099-01-01T00:00:00Z", "--reason", "test")
    assert "cd" * 32 in [p["sha256"] for p in admin.get("/pins")["pins"]]


def test_an_exception_that_is_not_there_cannot_be_removed(command):
    result = command("pins", "remove", "ef" * 32)
    assert result.returncode == 1 and "no certificate that begins with" in result.stderr


def test_an_incident_that_is_not_there_is_said(command):
    result = command("trust", "nothing", "--interface", "web", "--until", UNTIL, "--reason", "x")
    assert result.returncode == 1 and "nothing" in result.stderr


# ---- identity


def test_create_show_and_renew(command, admin):
    text = command.ok("identity", "create", "made", "--host", "gate.example.com", "--host", "192.0.2.1")
    assert "identity" in text and "made" in text
    whole = command.ok("identity", "show", "made")
    assert "gate.example.com" in whole and "192.0.2.1" in whole and "days left" in whole
    before = command.json("identity", "show", "made")["sha256"]
    command.ok("identity", "renew", "made")
    assert command.json("identity", "show", "made")["sha256"] != before
    assert "made" in command.ok("identity", "show")
    command.ok("identity", "remove", "made")
    assert command("identity", "show", "made").returncode == 1


def test_an_identity_in_files_needs_no_certgated(tmp_path):
    folder = tmp_path / "made"
    command = Command(str(tmp_path / "nothing"))
    text = command.ok("identity", "create", "gw", "--out", str(folder), "--host", "gw.example.test", "--host",
                      "sip:example.test", "--key", "rsa3072", "--days", "90")
    assert text == (f'identity "gw" {{\n  certificate = "{folder}/gw.pem"\n  key = "{folder}/gw.key"\n}}\n')
    cert = x509.load_pem_x509_certificate((folder / "gw.pem").read_bytes())
    key = load_pem_private_key((folder / "gw.key").read_bytes(), None)
    assert key.key_size == 3072 and cert.public_key().public_numbers() == key.public_key().public_numbers()
    assert cert.not_valid_after - cert.not_valid_before == 90 * DAY - datetime.timedelta(seconds=1)
    assert os.stat(folder / "gw.key").st_mode & 0o777 == 0o600
    before = (folder / "gw.key").read_bytes()
    result = command("identity", "create", "gw", "--out", str(folder), "--host", "gw.example.test")
    assert result.returncode == 2 and "is there already" in result.stderr
    assert (folder / "gw.key").read_bytes() == before and sorted(os.listdir(folder)) == ["gw.key", "gw.pem"]
    facts = command.json("identity", "create", "machine", "--out", str(folder))
    assert facts["self_signed"] and facts["key"] == "EC P-256" and facts["sans"]


@pytest.mark.parametrize("words, wanted", [
    (["../up", "--host", "a"], "the name has to be"), (["gw", "--host", "a b"], "'a b' is neither"),
    (["gw", "--host", "a", "--days", "4000"], "there may be 1 to 3653"),
    (["gw", "--host", "a", "--days", "4294967297"], "there may be 1 to 3653"),
    (["gw", "--host", "a", "--subject", "a"], "each part must be"), (["gw", "--host", "a", "--key", "dsa"], "--key")])
def test_wrong_identities_in_files(tmp_path, words, wanted):
    result = Command("/nonexistent")("identity", "create", *words, "--out", str(tmp_path))
    assert result.returncode == 2 and wanted in result.stderr
    assert os.listdir(tmp_path) == []


def test_a_request_is_answered_by_a_ca(command, pki, tmp_path):
    pem = command.ok("identity", "csr", "asked", "--host", "asked.example.com")
    request = x509.load_pem_x509_csr(pem.encode())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["asked.example.com"]
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    builder = (x509.CertificateBuilder().subject_name(name("asked.example.com")).issuer_name(name("Test CA"))
               .public_key(request.public_key()).serial_number(7).not_valid_before(now() - DAY)
               .not_valid_after(now() + 30 * DAY).add_extension(names, False))
    answer = builder.sign(pki.ca_key, hashes.SHA256())
    path = tmp_path / "answer.der"
    path.write_bytes(answer.public_bytes(Encoding.DER))
    chain = tmp_path / "ca.der"
    chain.write_bytes(pki.ca_der)
    command.ok("identity", "install", "asked", str(path), str(chain))
    shown = command.json("identity", "show", "asked")
    assert shown["issuer"] == "CN=Test CA" and not shown["self_signed"]


def test_import_of_a_container(command, pki, tmp_path):
    leaf = pki.leaf("imported")
    path, password = tmp_path / "gate.p12", tmp_path / "password"
    path.write_bytes(pkcs12.serialize_key_and_certificates(
        b"gate", leaf.key, x509.load_der_x509_certificate(leaf.der), [pki.ca], BestAvailableEncryption(b"open sesame")))
    password.write_text("open sesame\n")
    command.ok("identity", "import", "imported", str(path), "--password-file", str(password))
    assert command.json("identity", "show", "imported")["sha256"] == leaf.sha256
    password.write_text("wrong\n")
    result = command("identity", "import", "other", str(path), "--password-file", str(password))
    assert result.returncode == 1 and "password" in result.stderr


# ---- audit


def test_the_audit_is_listed_and_whole(command, admin):
    admin.set("expiry.warning-days", 77)
    rows = command.json("audit", "list", "--limit", "3")["rows"]
    assert len(rows) == 3 and rows[-1]["action"] == "commit"
    assert command.json("audit", "list", "--after", str(rows[1]["number"]))["rows"] == rows[2:]
    assert "commit" in command.ok("audit", "list")
    assert command.ok("audit", "verify").startswith("The audit is whole")


# ---- backup, restore


def test_a_backup_brings_everything_back(command, admin, tmp_path):
    path = str(tmp_path / "all.certgate")
    admin.set("expiry.warning-days", 81)
    assert command("backup", path).returncode == 0
    assert os.stat(path).st_mode & 0o777 == 0o600
    admin.set("expiry.warning-days", 82)
    assert command.json("restore", path, "--preview")["preview"]
    assert admin.value("expiry.warning-days") == "82"
    command.ok("restore", path)
    assert admin.value("expiry.warning-days") == "81"


def test_a_backup_with_keys_needs_its_passphrase(command, tmp_path):
    path, passphrase = str(tmp_path / "keys.certgate"), tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    result = command("backup", path, "--passphrase-file", str(passphrase))
    assert result.returncode == 0 and "with the private keys" in result.stderr
    passphrase.write_text("another horse\n")
    assert command("restore", path, "--passphrase-file", str(passphrase)).returncode == 1
    passphrase.write_text("correct horse\n")
    command.ok("restore", path, "--passphrase-file", str(passphrase))


def test_a_file_that_is_no_backup_changes_nothing(command, admin, tmp_path):
    path = tmp_path / "nothing"
    path.write_text("nothing\n")
    before = admin.get("/status")["generation"]
    assert command("restore", str(path)).returncode == 1
    assert admin.get("/status")["generation"] == before


# ---- user, console


def test_a_user_comes_and_goes(command, admin, pki, tmp_path):
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    leaf = pki.leaf("alice")
    text = command.ok("user", "add", "alice", "--role", "operator", "--password-file", str(password),
                      "--certificate", leaf.cert_file)
    assert "horse" not in text and "$y$" not in text
    assert command.json("user", "list")["users"]["alice"] == {
        "role": "operator", "password": True, "certificate": leaf.sha256}
    [row] = [line for line in command.ok("user", "list").splitlines() if line.startswith("alice")]
    assert row.split() == ["alice", "operator", "yes", leaf.sha256]
    assert "already" in command("user", "add", "alice", "--role", "auditor").stderr
    command.ok("user", "remove", "alice")
    assert "alice" not in command.json("user", "list")["users"]


def test_a_password_is_asked_for_twice_and_not_shown(command, admin):
    status, shown = command.on_a_terminal([("new password: ", "correct horse"), ("again: ", "correct horse")],
                                  "user", "add", "bob", "--role", "auditor")
    assert status == 0 and "horse" not in shown
    assert command.json("user", "list")["users"]["bob"] == {"role": "auditor", "password": True}


def test_passwords_that_differ_are_refused(command):
    status, shown = command.on_a_terminal([("new password: ", "correct horse"), ("again: ", "battery horse")],
                                  "user", "add", "carol", "--role", "auditor")
    assert status == 2 and "the two differ" in shown
    assert "carol" not in command.json("user", "list")["users"]


def test_a_short_password_is_refused(command, tmp_path):
    password = tmp_path / "password"
    password.write_text("seven77\n")
    assert "at least 8 characters" in command("user", "add", "dave", "--role", "auditor", "--password-file",
                                              str(password)).stderr


def test_a_new_password_takes_the_place_of_the_old(command, admin, tmp_path):
    password = tmp_path / "password"
    password.write_text("first password\n")
    command.ok("user", "add", "erin", "--role", "auditor", "--password-file", str(password))
    password.write_text("second password\n")
    command.ok("user", "passwd", "erin", "--password-file", str(password))
    login = lambda word: admin.raw("POST", "/session", json.dumps({"user": "erin", "password": word}),
                                   {"Content-Type": "application/json"})[0]
    assert (login("first password"), login("second password")) == (401, 200)


def test_a_passwd_of_nobody_is_refused(command):
    assert "there is no user 'nobody'" in command("user", "passwd", "nobody").stderr


def test_a_console_without_an_address_says_what_to_set(command):
    result = command("console")
    assert result.returncode == 1 and "console" in result.stderr


# ---- check


def test_check_without_tcs_is_on_the_store(command, good, pki, tmp_path):
    assert command("check", good.chain_file).returncode == 0
    stranger = type(pki)(tmp_path / "other", label="Stranger").leaf("stranger")
    result = command("check", stranger.chain_file)
    assert result.returncode == 1 and "issuer-unknown" in result.stdout


def test_check_without_tcs_where_nobody_runs_says_what_to_give(good, tmp_path):
    result = Command(str(tmp_path))("check", good.chain_file)
    assert result.returncode == 2 and "give --tcs FILE or FOLDER" in result.stderr


# ---- init


@pytest.mark.parametrize("profile", ["minimal", "ip-office"])
def test_what_init_writes_passes_the_check(profile, tmp_path):
    path = str(tmp_path / "etc" / "certgate.conf")
    plain = Command("/nowhere").plain
    assert path in plain("init", "--profile", profile, "--config", path, "--node", "gate-1",
                         "--state", str(tmp_path / "state"), "--backend", "192.0.2.10")
    assert "is fine" in plain("config", "check", path)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert 'node = "gate-1"' in text and "192.0.2.10:" in text and "@" not in text


def test_init_writes_over_nothing(tmp_path):
    path = tmp_path / "certgate.conf"
    path.write_text("mine\n")
    result = subprocess.run([Command.program(), "init", "--profile", "minimal", "--config", str(path)],
                            capture_output=True, text=True)
    assert result.returncode == 2 and "is there already" in result.stderr and path.read_text() == "mine\n"


@pytest.mark.parametrize("words, message", [
    (["--profile", "ip-ofice"], "did you mean 'ip-office'?"),
    ([], "--profile is missing"),
    (["--profile", "minimal", "--node", 'a"b'], "does not fit into a configuration file"),
], ids=["mistyped", "none", "a quote"])
def test_init_refuses_what_makes_no_file(words, message, tmp_path):
    result = subprocess.run([Command.program(), "init", "--config", str(tmp_path / "x"), *words],
                            capture_output=True, text=True)
    assert result.returncode == 2 and message in result.stderr and os.listdir(tmp_path) == []


def test_init_of_the_original_has_its_factory_values(tmp_path):
    path = str(tmp_path / "certgate.conf")
    Command("/nowhere").plain("init", "--profile", "ip-office", "--config", path)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for port in ("50805", "50813", "443", "411", "8443", "5061"):
        assert f'"0.0.0.0:{port}"' in text
    assert 'management = "none"' in text and 'telephony = "none"' in text


@pytest.mark.parametrize("words", [
    ["trust"], ["pins"], ["pins", "remove"], ["identity"], ["identity", "show"], ["identity", "create"],
    ["identity", "import"], ["identity", "csr"], ["identity", "install"], ["identity", "renew"],
    ["identity", "remove"], ["audit"], ["audit", "list"], ["audit", "verify"], ["backup"], ["restore"], ["user"],
    ["user", "list"], ["user", "add"], ["user", "passwd"], ["user", "remove"], ["console"], ["init"]], ids=" ".join)
def test_help_says_how_it_goes(words):
    plain = Command("/nowhere").plain
    assert plain(*words, "--help").startswith(f"usage: certgate {' '.join(words)}")
    assert plain("help", *words) == plain(*words, "--help")
