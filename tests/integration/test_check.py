"""certgate check: what a person reads, what a script gets, and what is said of wrong usage and unreadable input."""
import base64
import json
import os
import pty
import re
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs12, pkcs7
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from conftest import BUILD
from pki import DAY, now

CERTGATE = os.path.join(BUILD, "cmd", "certgate")
ENV = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}


def certgate(*arguments, stdin=b"", env=None):
    done = subprocess.run([CERTGATE, *map(str, arguments)], input=stdin, capture_output=True, timeout=60,
                          env={**ENV, **(env or {})}, check=False)
    assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr, done.stderr
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def certs(pki, good, identity):
    return {"good": good, "expired": pki.leaf("expired", end=now() - DAY),
            "server": pki.leaf("server", eku=(Eku.SERVER_AUTH,)), "no-usage": pki.leaf("no-usage", key_usage=False),
            "identity": identity}


@pytest.fixture(scope="module")
def tcs(pki, good, tmp_path_factory):
    return pki.tcs(tmp_path_factory.mktemp("tcs"), good)


def test_accepted(certs, tcs):
    status, out, err = certgate("check", "--tcs", tcs, "--level", "high", certs["good"].chain_file)
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0] == "ACCEPT at level high"
    assert lines[1] == "  CN=good"
    checks = [line for line in lines if line.startswith("  \u2713 ")]
    assert len(checks) == 10, out
    columns = {re.match(r"  \u2713 .*?  +", line).end() for line in checks}
    assert len(columns) == 1, "what was found stands in one column"
    assert "To fix" not in out


def test_refused_with_verdict_first_and_the_way_to_fix_it_last(certs, tcs):
    status, out, err = certgate("check", "--tcs", tcs, "--level", "high", certs["expired"].chain_file)
    lines = out.splitlines()
    assert (status, err) == (1, "")
    assert lines[0] == "REJECT at level high: expired, the certificate is past its last valid second"
    assert re.search(r"  \u2717 in date +expired after \S+; wanted: valid at \S+", out)
    assert lines[-2:] == ["To fix: have the peer's certificate renewed",
                          "        add the peer's certificate to the Trusted Certificate Store"]


def test_all_levels_at_once(certs, tcs):
    status, out, _ = certgate("check", "--tcs", tcs, "--all-levels", certs["server"].chain_file)
    assert status == 1
    assert out.splitlines()[:6] == [
        "  accept  None", "  accept  Low", "  reject  Medium: purpose-mismatch", "  reject  High: purpose-mismatch",
        "  reject  Medium + Remote Checks: purpose-mismatch", "  reject  High + Remote Checks: purpose-mismatch"]
    assert len(re.findall("^  [\u2713\u2717?\u2013] ", out, re.M)) == 12
    # The exit status is that of the level asked for.
    assert certgate("check", "--tcs", tcs, "--all-levels", "--level", "low", certs["server"].chain_file)[0] == 0


def test_the_search_as_a_tree(certs, tcs):
    leaf = certs["good"].chain_file
    _, plain, _ = certgate("check", "--tcs", tcs, leaf)
    status, out, _ = certgate("check", "--tcs", tcs, "--trace", leaf)
    table, tree = out.split("\nPath search ")
    assert status == 0 and table == plain, "the tree follows the table and changes nothing of it"
    lines = tree.splitlines()
    assert re.fullmatch(r"\(signatures verified: \d+, candidate issuers tried: \d+\):", lines[0])
    assert re.match(r"'CN=good' \(received, [0-9a-f]{8}\): ", lines[1])
    assert re.match(r"  '.*' \((sent|TCS), [0-9a-f]{8}\): ", lines[2])
    assert lines[-1].endswith(": trusted: path found")
    _, out, _ = certgate("check", "--tcs", tcs, "--trace", "--format", "json", leaf)
    assert json.loads(out)["trace"] == lines[1:]
    _, out, _ = certgate("check", "--tcs", tcs, "--format", "json", leaf)
    assert "trace" not in json.loads(out)
    assert "--trace" in certgate("check", "--help")[1]


def test_all_levels_as_json(certs, tcs):
    _, out, _ = certgate("check", "--tcs", tcs, "--all-levels", "--format", "json", certs["server"].chain_file)
    decision = json.loads(out)
    assert len(decision["findings"]) == 12
    assert [level for level, v in decision["levels"].items() if v["verdict"] == "accept"] == ["none", "low"]
    enforced = [f["check"] for f in decision["findings"] if f["enforced"]]
    assert enforced == ["in-date", "key-1024", "chain", "key-usage", "extended-key-usage", "critical-extensions"]


def test_json_holds_what_the_text_says(certs, tcs):
    status, out, _ = certgate("check", "--tcs", tcs, "--format", "json", certs["expired"].chain_file)
    decision = json.loads(out)
    assert (status, decision["verdict"], decision["reason"], decision["alert"]) == (1, "reject", "expired", 45)
    assert decision["findings"][0]["outcome"] == "fail"
    assert decision["certificate"]["sha256"] == certs["expired"].sha256
    assert decision["path"][-1]["subject"] == "CN=Test Root" and decision["anchored"]


def terminal(*arguments, env=None):
    """Standard output is a terminal here."""
    leader, follower = pty.openpty()
    with subprocess.Popen([CERTGATE, *map(str, arguments)], stdout=follower, env={**ENV, **(env or {})}) as process:
        os.close(follower)
        out = b""
        try:
            while piece := os.read(leader, 65536):
                out += piece
        except OSError:
            pass  # the end of a terminal
        process.wait(60)
    os.close(leader)
    return out.decode()


@pytest.mark.parametrize("env, colours", [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
                                          ({"TERM": "dumb"}, False)])
def test_colour_only_on_a_terminal_that_wants_it(certs, tcs, env, colours):
    arguments = ("check", "--tcs", tcs, certs["good"].chain_file)
    assert ("\x1b[" in terminal(*arguments, env=env)) == colours
    assert "\x1b[" not in certgate(*arguments, env=env)[1]


def test_marks_in_ascii_where_the_locale_has_no_others(certs, tcs):
    _, out, _ = certgate("check", "--tcs", tcs, certs["expired"].chain_file, env={"LC_ALL": "C"})
    assert out.isascii()
    assert re.search("^  NO in date", out, re.M) and re.search("^  ok key usage", out, re.M)


@pytest.mark.parametrize("kind", ["pem", "der", "pkcs7-pem", "pkcs7-der", "pkcs12"])
@pytest.mark.parametrize("how", ["file", "standard input"])
def test_every_format(certs, pki, tmp_path, tcs, kind, how):
    loaded = [x509.load_der_x509_certificate(der) for der in (certs["good"].der, pki.ca_der)]
    data = {
        "pem": lambda: open(certs["good"].chain_file, "rb").read(),
        "der": lambda: certs["good"].der,
        "pkcs7-pem": lambda: pkcs7.serialize_certificates(loaded, Encoding.PEM),
        "pkcs7-der": lambda: pkcs7.serialize_certificates(loaded, Encoding.DER),
        "pkcs12": lambda: pkcs12.serialize_key_and_certificates(b"peer", certs["good"].key, loaded[0], loaded[1:],
                                                                NoEncryption()),
    }[kind]()
    path = tmp_path / "certificate"
    path.write_bytes(data)
    intermediate = tmp_path / "ca.der"
    intermediate.write_bytes(pki.ca_der)
    arguments = ["check", "--tcs", tcs, "--level", "high", "--chain", intermediate]
    status, out, err = certgate(*arguments, path) if how == "file" else certgate(*arguments, "-", stdin=data)
    assert (status, err) == (0, ""), out


def test_a_container_with_a_password(certs, tmp_path, tcs, pki):
    ca = x509.load_der_x509_certificate(pki.ca_der)
    path, password = tmp_path / "peer.p12", tmp_path / "password"
    path.write_bytes(pkcs12.serialize_key_and_certificates(
        b"peer", certs["good"].key, x509.load_der_x509_certificate(certs["good"].der), [ca],
        BestAvailableEncryption(b"secret")))
    password.write_text("secret\nand a second line\n")
    assert certgate("check", "--tcs", tcs, path) == (
        2, "", f"certgate: {path}: PKCS#12 container needs a password\n")
    # The password counts wherever it stands.
    assert certgate("check", "--tcs", tcs, "--password-file", password, path)[0] == 0
    assert certgate("check", path, "--tcs", tcs, "--password-file", password)[0] == 0


# Files that cannot be read: exit 2, one line, with file, byte or line, and cause.
UNREADABLE = [
    (b"", "FILE: empty"),
    (b"hello\n", "FILE byte 0: neither PEM nor DER"),
    (b"\x30\x82\x01\x00\x30", "FILE: not a DER certificate: no complete SEQUENCE at byte 0"),
    (b"-----BEGIN CERTIFICATE-----\nAA!A\n-----END CERTIFICATE-----\n", "FILE line 2: not base64"),
    (b"\n-----BEGIN CERTIFICATE-----\nAAAA\n", "FILE line 2: BEGIN without END"),
    (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "FILE: no certificate in this PEM file"),
]


@pytest.mark.parametrize("option", ["CERTIFICATE", "--tcs", "--chain", "--identity"])
@pytest.mark.parametrize("data, message", UNREADABLE)
def test_what_cannot_be_read(certs, tmp_path, tcs, option, data, message):
    path = tmp_path / "broken"
    path.write_bytes(data)
    arguments = ["check", "--tcs", tcs] + ([path] if option == "CERTIFICATE" else
                                           [option, path, certs["good"].cert_file])
    assert certgate(*arguments) == (2, "", f"certgate: {message.replace('FILE', str(path))}\n")


def test_a_field_that_is_malformed_is_named_with_its_byte(certs, tmp_path, tcs):
    der = bytearray(certs["good"].der)
    at = der.index(b"\x17\x0d")  # the first UTCTime
    der[at] = 0x04
    path = tmp_path / "broken.der"
    path.write_bytes(der)
    status, out, err = certgate("check", "--tcs", tcs, path)
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"certgate: {path}: malformed validity at byte \d+\n", err)


def test_a_file_that_is_not_there(tcs):
    assert certgate("check", "--tcs", tcs, "/nowhere") == (
        2, "", "certgate: /nowhere: cannot be read: No such file or directory\n")


WRONG_USAGE = [
    ((), "name one CERTIFICATE file, or - for standard input; see certgate check --help"),
    (("a", "b"), "name one CERTIFICATE file, or - for standard input; see certgate check --help"),
    (("--levle", "high"), "unknown option '--levle'; did you mean '--level'?"),
    (("-z",), "unknown option '-z'; see certgate check --help"),
    (("--level",), "--level needs a value; see certgate check --help"),
    (("--level", "hihg", "a"), "unknown level 'hihg'; did you mean 'high'?"),
    (("--level", "all", "a"), "unknown level 'all'; see certgate help levels"),
    (("--role", "both", "a"), "--role is inbound or outbound, not 'both'"),
    (("--service", "http", "a"), "--service is https, sip or line, not 'http'"),
    (("--at", "yesterday", "a"),
     "--at 'yesterday' is neither RFC 3339 (2026-11-24T12:00:00Z) nor seconds since 1970"),
    (("--at", "2026-02-30T00:00:00Z", "a"),
     "--at '2026-02-30T00:00:00Z' is neither RFC 3339 (2026-11-24T12:00:00Z) nor seconds since 1970"),
    (("--peer-address", "gw.example.test", "a"), "--peer-address 'gw.example.test' is no IP address"),
    (("--max-depth", "33", "a"), "--max-depth is a number from 0 to 32, not '33'"),
    (("--max-depth", "4294967296", "a"), "--max-depth is a number from 0 to 32, not '4294967296'"),
    (("--max-depth", "-1", "a"), "--max-depth is a number from 0 to 32, not '-1'"),
    (("--max-depth", "", "a"), "--max-depth is a number from 0 to 32, not ''"),
    (("--checks", "in-date,chian", "a"), "unknown check 'chian'; see certgate help checks"),
    (("--checks", "in-date", "--level", "high", "a"), "--checks stands in place of a level: leave out --level"),
    (("--checks", "in-date", "--all-levels", "a"),
     "--checks stands in place of a level: leave out --all-levels"),
    (("--allow", "everything", "a"), "--allow 'everything' is no allowance (certgate help levels lists them), or its "
     "end is no date like 2027-06-30"),
    (("--format", "xml", "a"), "--format is text or json, not 'xml'"),
    (("--batch", "a"), "--batch reads standard input; 'a' is too much"),
]


@pytest.mark.parametrize("arguments, message", WRONG_USAGE)
def test_wrong_usage(arguments, message):
    assert certgate("check", *arguments) == (2, "", f"certgate: {message}\n")


def test_a_name_that_is_none(certs, tcs):
    for option in ("--name", "--sip-domain"):
        status, out, err = certgate("check", "--tcs", tcs, option, "a b", certs["good"].cert_file)
        assert (status, out) == (2, "")
        assert err.startswith("certgate: 'a b' is ")


# Each option decides something here: the arguments, the file, and the first line of what is said.
OPTIONS = [
    ([], "good", "ACCEPT at level medium"),
    (["--level", "none"], "no-usage", "ACCEPT at level none"),
    ([], "no-usage", "REJECT at level medium: key-usage-missing"),
    (["--latched"], "no-usage", "ACCEPT at level medium, latched"),
    (["--role", "outbound"], "good", "REJECT at level medium: purpose-mismatch"),
    (["--role", "outbound"], "server", "ACCEPT at level medium"),
    (["--allow", "allow-server-auth-clients"], "server", "ACCEPT, with allowance, at level medium"),
    (["--allow", "allow-server-auth-clients=2020-01-01"], "server", "REJECT at level medium: purpose-mismatch"),
    (["--checks", "in-date,in-tcs"], "good", "ACCEPT at the given checks"),
    (["--checks", "in-tcs"], "server", "REJECT at the given checks: not-in-tcs"),
    (["--at", "2020-01-01T00:00:00Z"], "good", "REJECT at level medium: not-yet-valid"),
    (["--at", "4000000000"], "good", "REJECT at level medium: expired"),
    (["--max-depth", "0"], "good", "REJECT at level medium: path-too-deep"),
    (["--max-depth", "1"], "good", "ACCEPT at level medium"),
    (["--level", "medium+remote", "--name", "peer.example.test"], "good", "ACCEPT at level medium+remote"),
    (["--level", "medium+remote", "--name", "192.0.2.1", "--name", "PEER.example.test"], "good",
     "ACCEPT at level medium+remote"),
    (["--level", "medium+remote", "--name", "other.example.test"], "good",
     "REJECT at level medium+remote: name-mismatch"),
    (["--level", "medium+remote"], "good", "REJECT at level medium+remote: name-missing"),
    (["--level", "medium+remote", "--peer-address", "192.0.2.1"], "good",
     "REJECT at level medium+remote: name-mismatch"),
    (["--level", "medium+remote", "--service", "sip", "--name", "peer.example.test"], "good",
     "REJECT at level medium+remote: sip-identity-missing"),
    (["--level", "medium+remote", "--service", "sip", "--name", "peer.example.test", "--sip-domain",
      "peer.example.test"], "good", "ACCEPT at level medium+remote"),
    (["--level", "medium+remote", "--service", "sip", "--name", "peer.example.test", "--sip-domain",
      "peer.example.test", "--from-domain", "other.example.test"], "good",
     "REJECT at level medium+remote: sip-domain-mismatch"),
]


@pytest.mark.parametrize("arguments, name, first", OPTIONS)
def test_options(certs, tcs, arguments, name, first):
    status, out, err = certgate("check", "--tcs", tcs, *arguments, certs[name].chain_file)
    assert err == ""
    assert out.splitlines()[0].startswith(first), out
    assert status == (0 if first.startswith("ACCEPT") else 1)


def test_our_own_certificate(certs, tcs, pki, tmp_path):
    store = pki.tcs(tmp_path / "tcs", certs["identity"])
    arguments = ["check", "--tcs", store, "--checks", "not-reflected", certs["identity"].chain_file]
    assert certgate(*arguments)[0] == 0
    status, out, _ = certgate(*arguments, "--identity", certs["identity"].chain_file)
    assert status == 1 and "reflected" in out.splitlines()[0]


def test_the_store_may_be_files_and_folders(certs, pki, tmp_path):
    root = tmp_path / "root.der"
    root.write_bytes(pki.root_der)
    assert certgate("check", "--tcs", root, certs["good"].chain_file)[0] == 0
    assert certgate("check", "--tcs", root, "--tcs", certs["good"].cert_file, "--level", "high",
                    certs["good"].chain_file)[0] == 0
    assert certgate("check", "--tcs", root, certs["good"].cert_file)[0] == 1, "the intermediate is missing"
    assert certgate("check", "--partial-chain", "--tcs", root, certs["good"].cert_file)[0] == 1
    intermediate = tmp_path / "ca.der"
    intermediate.write_bytes(pki.ca_der)
    assert certgate("check", "--tcs", root, "--chain", intermediate, certs["good"].cert_file)[0] == 0
    assert certgate("check", "--tcs", intermediate, certs["good"].cert_file)[0] == 1
    assert certgate("check", "--partial-chain", "--tcs", intermediate, certs["good"].cert_file)[0] == 0


def test_a_verdict_that_cannot_be_written_is_none(certs, tcs):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CERTGATE, "check", "--tcs", tcs, certs["good"].chain_file], stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (2, b"certgate: standard output cannot be written\n")


def batch(lines, *arguments):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
    status, out, err = certgate("check", "--batch", *arguments, stdin=text.encode())
    assert (status, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(lines)
    return answers


def b64(der):
    return base64.b64encode(der).decode()


@pytest.fixture(scope="module")
def case(certs, pki):
    return {"leaf": b64(certs["good"].der), "intermediates": [b64(pki.ca_der)], "anchors": [b64(pki.root_der)]}


# What a key of a line does to a case that is accepted at medium: the first reason, or None.
KEYS = [
    ({}, None), ({"level": "high"}, "not-in-tcs"), ({"level": "none"}, None),
    ({"checks": ["in-date", "in-tcs"]}, "not-in-tcs"), ({"checks": "in-date"}, None),
    ({"intermediates": []}, "issuer-unknown"), ({"intermediates": None}, "issuer-unknown"),
    ({"anchors": []}, "issuer-unknown"), ({"leaf": None}, "certificate-missing"),
    ({"leaf": "MAAA"}, "unparsable"), ({"time": 0}, "not-yet-valid"), ({"time": 4000000000.5}, "expired"),
    ({"time": "2020-01-01T00:00:00+01:00"}, "not-yet-valid"), ({"role": "outbound"}, "purpose-mismatch"),
    ({"service": "line"}, None), ({"max_depth": 0}, "path-too-deep"), ({"max_depth": 1}, None),
    ({"level": "medium+remote", "name": "peer.example.test"}, None),
    ({"level": "medium+remote", "name": ["192.0.2.1", "peer.example.test"]}, None),
    ({"level": "medium+remote", "name": "other.example.test"}, "name-mismatch"),
    ({"level": "medium+remote", "peer_address": "192.0.2.1"}, "name-mismatch"),
    ({"level": "medium+remote", "name": "peer.example.test", "service": "sip",
      "sip_domain": ["a.test", "peer.example.test"]}, None),
    ({"level": "medium+remote", "name": "peer.example.test", "service": "sip", "sip_domain": "peer.example.test",
      "from_domain": "other.test"}, "sip-domain-mismatch"),
    ({"level": "medium+remote", "name": "peer.example.test", "service": "sip"}, "sip-identity-missing"),
    ({"partial_chain": True}, None), ({"ca_eku": True}, None), ({"latched": True}, None),
    ({"allow": "allow-sha1-chain=2030-01-01"}, None), ({"allow": ["allow-sha1-chain", "allow-sip-wildcard"]}, None),
]


@pytest.mark.parametrize("keys, reason", KEYS)
def test_the_keys_of_a_line(case, keys, reason):
    answer, = batch([{"id": 7, **case, **keys}])
    assert (answer["id"], answer["reason"]) == (7, reason)
    assert answer["verdict"] == ("accept" if reason is None else "reject")


# What cannot be read gives "error", and the batch goes on.
ERRORS = [
    ("not json", "not a JSON object: "), ("[]", "not a JSON object: another type"), ('"x"', "not a JSON object: "),
    ('{"id":1,"id":2}', "not a JSON object: duplicate object key"), ({"nonsense": 1}, "unknown key 'nonsense'"),
    ({"leaf": 5}, "'leaf' is not a string"), ({"leaf": "A"}, "'leaf' is neither PEM nor base64"),
    ({"leaf": "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"}, "'leaf' is neither PEM nor base64"),
    ({"intermediates": 1}, "'intermediates' is not a list of strings"), ({"anchors": ["MAAA"]}, "anchors: "),
    ({"anchors": ["AAAA"]}, "anchors byte 0: neither PEM nor DER"),
    ({"time": "soon"}, "'time' is neither seconds"), ({"time": 1e300}, "'time' is neither seconds"),
    ({"time": 10**15}, "'time' is neither seconds"), ({"time": True}, "'time' is neither seconds"),
    ({"level": "hihg"}, "'level' is not a level"), ({"level": None}, "'level' is not a level"),
    ({"checks": []}, "'checks' is empty"), ({"checks": ["x"]}, "unknown check 'x'"),
    ({"checks": "in-date", "level": "low"}, "'checks' stand in place of 'level'"),
    ({"role": "in"}, "'role' is neither"), ({"service": "SIP"}, "'service' is none of"),
    ({"name": 5}, "'name' is neither a name nor a list"), ({"name": "*.b"}, "'*.b' is neither a DNS name"),
    ({"name": ["a.test"] * 65}, "'name' is neither a name nor a list of at most 64"),
    ({"peer_address": "a.test"}, "'peer_address' is no IP address"), ({"latched": 1}, "'latched' is neither true"),
    ({"allow": "all"}, "'allow' holds no allowance"), ({"max_depth": 33}, "'max_depth' is not a number"),
    ({"max_depth": -1}, "'max_depth' is not a number"), ({"max_depth": "1"}, "'max_depth' is not a number"),
    ('{"id":1,"leaf":"\\u0000"}', "not a JSON object: "), ('{"leaf":"\\ud800"}', "not a JSON object: "),
]


@pytest.mark.parametrize("line, message", ERRORS)
def test_a_line_that_cannot_be_read(case, line, message):
    broken, whole = batch([line if isinstance(line, str) else {"id": "x", **case, **line}, case])
    assert broken["verdict"] == "error" and broken["error"].startswith(message), broken
    assert set(broken) == {"id", "verdict", "error"}
    assert whole["verdict"] == "accept"


def test_what_a_line_leaves_out_comes_from_the_command_line(certs, pki, case, tmp_path):
    root, intermediate = tmp_path / "root.der", tmp_path / "ca.der"
    root.write_bytes(pki.root_der)
    intermediate.write_bytes(pki.ca_der)
    bare = {"leaf": case["leaf"]}
    assert batch([bare])[0]["reason"] == "issuer-unknown"
    arguments = ["--tcs", root, "--chain", intermediate, "--identity", certs["good"].cert_file, "--level",
                 "medium+remote", "--name", "peer.example.test"]
    answers = batch([bare, {**bare, "anchors": []}, {**bare, "intermediates": []}, {**bare, "name": "b.test"},
                     {**bare, "checks": ["not-reflected"]}, {**bare, "checks": ["not-reflected"], "identities": []},
                     {**bare, "level": "low"}], *arguments)
    assert [answer["reason"] for answer in answers] == [
        None, "issuer-unknown", "issuer-unknown", "name-mismatch", "reflected", None, None]


def test_each_line_is_answered_before_the_next_is_read(case):
    with subprocess.Popen([CERTGATE, "check", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, **case}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.write(json.dumps({"id": "last", **case}).encode())  # without a line feed
        process.stdin.close()
        assert json.loads(process.stdout.readline())["id"] == "last"
        assert process.wait(60) == 0


def test_identifiers_come_back_as_they_are(case):
    for name in (1, "x", None, [1, {"a": 2}], 1.5, "\u20ac\"\\"):
        assert batch([{"id": name, **case}])[0]["id"] == name
    assert batch([case])[0]["id"] is None


def test_a_line_too_long_is_passed_over(case):
    long, whole = batch(["x" * (8 * 1024 * 1024 + 1), case])
    assert (long["verdict"], long["error"]) == ("error", "line too long")
    assert whole["verdict"] == "accept"


def test_help_comes_from_the_rows():
    _, checks, _ = certgate("help", "checks")
    _, levels, _ = certgate("help", "levels")
    _, reasons, _ = certgate("help", "reasons")
    _, out, _ = certgate("check", "--help")
    ids = re.findall(r"^([a-z0-9-]+)(?: \*)?$", checks, re.M)
    assert len(ids) == 13 and ids[0] == "in-date" and ids[-2:] == ["sip-domain", "revocation"]
    for check in ids:
        assert re.search(rf"^{check} ", levels, re.M)
    for level in ("none", "low", "medium", "high", "medium+remote", "high+remote"):
        assert level in levels.splitlines()[0].split() and level in out
    for allowance in ("allow-server-auth-clients", "allow-sip-wildcard", "allow-sha1-chain"):
        assert allowance in levels
    assert "not-in-tcs" in reasons and "TLS alert: 48" in reasons
    assert certgate("help", "nothing")[0] == 2
    assert certgate("help", "check")[1] == out


def test_the_command_itself():
    assert certgate("chekc") == (2, "", "certgate: unknown command 'chekc'; did you mean 'check'?\n")
    status, out, _ = certgate()
    assert status == 2 and "certgate check" in out
    assert certgate("--version")[1] == certgate("version")[1]
    assert certgate("--help")[0] == 0
