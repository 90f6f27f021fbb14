"""certgate tcs, against a running certgated and against one that says what it was sent."""
import json
import os
import tempfile

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from admin import Admin
from cli import Command
from clients import s_client
from conftest import until
from fake_node import FakeNode
from pki import to_pem

MANY = 3000


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


@pytest.fixture()
def fake():
    with tempfile.TemporaryDirectory() as folder:
        node = FakeNode(folder)
        node.answers["POST", "/changes"] = (200, {"generation": 7, "changed": True, "preview": False, "diff": [],
                                                  "latches_cleared": [], "notes": []})
        yield node
        node.close()


def copies(der, count):
    """Certificates that differ in their serial number alone: nobody looks at signatures here."""
    from cryptography import x509
    serial = x509.load_der_x509_certificate(der).serial_number
    length = (serial.bit_length() + 8) // 8
    octets = serial.to_bytes(length, "big")
    at = der.index(octets) + length - 4
    return [der[:at] + n.to_bytes(4, "big") + der[at + 4:] for n in range(count)]


def fingerprints(admin):
    return {c["sha256"] for c in admin.get("/tcs?limit=1000")["certificates"]}


def test_add_says_what_it_is_and_trusts_it(command, admin, pki):
    leaf = pki.leaf("tcs-add")
    text = command.ok("tcs", "add", leaf.cert_file)
    assert "1 certificate: 0 roots, 0 intermediates, 1 end entity" in text and "CN=tcs-add" in text
    assert leaf.sha256 in fingerprints(admin)


def test_adding_twice_changes_nothing(command, pki):
    leaf = pki.leaf("tcs-twice")
    command.ok("tcs", "add", leaf.cert_file)
    assert "stays in force" in command.ok("tcs", "add", leaf.cert_file)


def test_add_names_what_is_wrong_with_it(command, pki):
    import datetime
    from pki import now
    old = pki.leaf("tcs-old", start=now() - datetime.timedelta(days=9), end=now() - datetime.timedelta(days=2))
    assert "1 expired: has expired" in command.ok("tcs", "add", "--preview", old.cert_file)


def test_a_preview_trusts_nothing(command, admin, pki):
    leaf = pki.leaf("tcs-preview")
    command.ok("tcs", "add", "--preview", leaf.cert_file)
    assert leaf.sha256 not in fingerprints(admin)


def test_of_a_container_only_the_certificates_go(fake, pki, tmp_path):
    from cryptography import x509
    leaf = pki.leaf("tcs-p12")
    path, password = tmp_path / "peer.p12", tmp_path / "password"
    path.write_bytes(pkcs12.serialize_key_and_certificates(
        b"peer", leaf.key, x509.load_der_x509_certificate(leaf.der), [pki.ca], BestAvailableEncryption(b"secret")))
    password.write_text("secret\n")
    Command(fake.state).ok("tcs", "add", str(path), "--password-file", str(password))
    [sent] = fake.bodies()
    [edit] = sent["edits"]
    assert edit["data"].encode() == leaf.pem + to_pem(pki.ca_der)
    assert "PRIVATE" not in edit["data"] and "secret" not in json.dumps(sent)


def test_one_file_that_does_not_parse_and_nothing_is_sent(fake, pki, tmp_path):
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    result = Command(fake.state)("tcs", "add", pki.leaf("tcs-good").cert_file, str(tmp_path / "broken.pem"))
    assert result.returncode == 2 and "broken.pem" in result.stderr and fake.asked == []


def test_the_options_of_a_change_go_along(fake, pki):
    Command(fake.state).ok("tcs", "add", pki.leaf("tcs-options").cert_file, "--force", "--no-backup", "--preview",
                           "--confirm-within", "10m", "--comment", 'so "it" is')
    [sent] = fake.bodies()
    del sent["edits"]
    assert sent == {"force": True, "backup": False, "preview": True, "confirm_within": 600, "comment": 'so "it" is'}


def test_many_certificates_are_one_request_of_known_length(fake, pki, tmp_path):
    many = copies(pki.leaf("tcs-many").der, MANY)
    (tmp_path / "many.pem").write_bytes(b"".join(map(to_pem, many)))
    Command(fake.state).ok("tcs", "add", str(tmp_path / "many.pem"))
    [(_, _, headers, body)] = fake.asked
    assert int(headers["Content-Length"]) == len(body)
    assert json.loads(body)["edits"][0]["data"].encode() == b"".join(map(to_pem, many))


def test_a_terminal_sees_how_far_it_is(fake, pki, tmp_path):
    (tmp_path / "many.pem").write_bytes(b"".join(map(to_pem, copies(pki.leaf("tcs-bar").der, MANY))))
    status, shown = Command(fake.state).on_a_terminal([], "tcs", "add", str(tmp_path / "many.pem"))
    assert status == 0 and f"sending {MANY} certificates [" in shown
    # It is taken away again before the answer.
    assert shown.rindex("\r\x1b[K") < shown.index("generation 7 is in force")


def test_many_certificates_are_one_generation(command, admin, pki, tmp_path):
    many = copies(pki.leaf("tcs-bulk").der, MANY)
    (tmp_path / "many.pem").write_bytes(b"".join(map(to_pem, many)))
    before, count = admin.get("/status")["generation"], admin.get("/tcs?limit=1")["count"]
    command.ok("tcs", "add", str(tmp_path / "many.pem"))
    assert admin.get("/status")["generation"] == before + 1
    assert admin.get("/tcs?limit=1")["count"] == count + MANY
    listed = command.json("tcs", "list", "tcs-bulk")
    assert len({c["sha256"] for c in listed["certificates"]}) == MANY
    command.ok("tcs", "remove", str(tmp_path / "many.pem"))
    assert admin.get("/tcs?limit=1")["count"] == count


def test_what_certgated_refuses_is_told(fake, pki):
    fake.answers["POST", "/changes"] = (400, {"error": {"code": "invalid", "message": "no room",
                                                        "details": ["no room", "and no chair"]}})
    result = Command(fake.state)("tcs", "add", pki.leaf("tcs-refused").cert_file)
    assert result.returncode == 1 and result.stderr == "certgate: no room\n  and no chair\n"


def test_list_shows_kind_and_days_left(command, pki):
    rows = command.ok("tcs", "list").splitlines()
    [root] = [row for row in rows if "CN=Test Root" in row]
    assert root.split()[1] == "root" and root.split()[3] == "29"


def test_list_by_kind_and_end(command):
    assert {c["kind"] for c in command.json("tcs", "list", "--kind", "root")["certificates"]} == {"root"}
    assert command.json("tcs", "list", "--within", "1")["certificates"] == []
    assert command.ok("tcs", "list", "--expired") == "0 certificates\n"


def test_show_by_the_first_digits(command, pki):
    [root] = command.json("tcs", "list", "--kind", "root")["certificates"]
    text = command.ok("tcs", "show", root["sha256"][:10].upper())
    assert root["sha256"] in text and "CN=Test Root" in text


def test_show_pem_is_the_certificate(command, pki):
    [root] = command.json("tcs", "list", "--kind", "root")["certificates"]
    assert command.ok("tcs", "show", "--pem", root["sha256"]).encode() == to_pem(pki.root_der)


def test_digits_of_two_are_not_enough(fake):
    fake.answers["GET", "/tcs"] = (200, {"count": 2, "next": None, "certificates": [
        {"sha256": "00000000" + "a" * 56}, {"sha256": "00000000" + "b" * 56}]})
    result = Command(fake.state)("tcs", "show", "00000000")
    assert result.returncode == 2 and "give more digits" in result.stderr
    assert fake.asked[0][1] == "/tcs?limit=2"  # nothing is below the lowest


def test_digits_are_looked_for_from_just_below(fake):
    fake.answers["GET", "/tcs"] = (200, {"count": 0, "next": None, "certificates": []})
    assert Command(fake.state)("tcs", "show", "ab00000000").returncode == 1
    assert fake.asked[0][1] == "/tcs?limit=2&after=aaffffffff" + "f" * 54


def test_remove_by_fingerprint(command, admin, pki):
    leaf = pki.leaf("tcs-remove")
    command.ok("tcs", "add", leaf.cert_file)
    command.ok("tcs", "remove", leaf.sha256[:12])
    assert leaf.sha256 not in fingerprints(admin)


def test_remove_of_what_is_not_there(command):
    result = command("tcs", "remove", "ab" * 32)
    assert result.returncode == 1 and "not in the trust store" in result.stderr


def test_export_is_what_can_be_added(command, admin, tmp_path):
    path = tmp_path / "all.pem"
    command.ok("tcs", "export", str(path))
    assert path.read_text().count("BEGIN CERTIFICATE") == admin.get("/tcs?limit=1")["count"]
    assert "stays in force" in command.ok("tcs", "add", str(path))


def test_export_that_fails_leaves_no_file(fake, tmp_path):
    result = Command(fake.state)("tcs", "export", str(tmp_path / "all.pem"))
    assert result.returncode == 1 and os.listdir(tmp_path) == []


def test_lint_without_files_is_of_the_store(command, admin):
    told = json.loads(command("tcs", "lint", "--format", "json").stdout)
    assert len(told["certificates"]) == admin.get("/tcs?limit=1")["count"]


def test_who_needs_a_root_and_what_nobody_needs(node, command, pki, good):
    leaf = pki.leaf("tcs-unused")
    command.ok("tcs", "add", leaf.cert_file)
    mark = node.mark()
    s_client(node.ports["web"], good)
    node.record(mark)
    [root] = command.json("tcs", "list", "--kind", "root")["certificates"]
    needed = until("the peer", lambda: command.json("tcs", "dependents", root["sha256"])["peers"])
    assert good.sha256 in {peer["sha256"] for peer in needed}
    assert "CN=good" in command.ok("tcs", "dependents", root["sha256"][:8])
    assert "No peer of the last 90 days" in command.ok("tcs", "dependents", leaf.sha256)
    unused = {c["sha256"] for c in command.json("tcs", "unused")["certificates"]}
    assert leaf.sha256 in unused and root["sha256"] not in unused
    assert "CN=tcs-unused" in command.ok("tcs", "unused", "--days", "30")


@pytest.mark.parametrize("words", [["tcs"], ["tcs", "list"], ["tcs", "show"], ["tcs", "add"], ["tcs", "remove"],
                                   ["tcs", "export"], ["tcs", "lint"], ["tcs", "dependents"], ["tcs", "unused"]], ids=" ".join)
def test_help_says_how_it_goes(words):
    assert Command("/nowhere").plain(*words, "--help").startswith(f"usage: certgate {' '.join(words)}")
