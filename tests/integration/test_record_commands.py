"""The commands that read the decision log and what follows from it, fed by a gateway with a mix of real clients."""
import csv
import io
import json
import os
import subprocess

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from clients import s_client
from conftest import BUILD, until
from pki import DAY, Pki, now
from ports import free_port

FEED = os.path.join(BUILD, "tests", "bench", "bench-inventory")
CERTGATE = os.path.join(BUILD, "cmd", "certgate")


def certgate(*arguments, expect=0, env=None):
    """What it printed; its messages too where it is to fail."""
    done = subprocess.run([CERTGATE, *arguments], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", **(env or {})})
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + (done.stderr if expect else "")


@pytest.fixture(scope="module")
def certs(pki, good, tmp_path_factory):
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    return {
        "good": good,
        "unpinned": pki.leaf("unpinned"),
        "unpinned-too": pki.leaf("unpinned-too", san=("other.example.test",)),
        "self-signed": pki.leaf("self-signed", self_signed=True),
        "weak": pki.leaf("weak", kind="rsa1024"),
        "stranger": stranger.leaf("stranger"),
        "no-key-usage": pki.leaf("no-key-usage", key_usage=False),
        "expired": pki.leaf("expired", end=now() - DAY / 2),
        "soon": pki.leaf("soon", end=now() + 5 * DAY, start=now() - 3 * DAY),
    }


PINNED = ("good", "self-signed", "soon")


@pytest.fixture(scope="module")
def gateway(gateway_of, certs):
    """`web` takes its level from checks.management, `own` has one, `phones` from checks.telephony."""
    interfaces = {"web": {}, "own": {"level": "medium"},
                  "sip": {"service": "sip", "phones": True, "mode": "sip", "require-certificate": True}}
    gateway = gateway_of(interfaces, pinned=[certs[name] for name in PINNED])
    for cert in certs.values():
        s_client(gateway.ports["web"], cert)
    s_client(gateway.ports["web"], None)
    s_client(gateway.ports["own"], certs["unpinned"])
    until("all records", lambda: len(gateway.records()) == len(certs) + 2)
    return gateway


def incident_of(gateway, certs, name, interface="web"):
    return next(r["incident"] for r in gateway.records() if r["interface"] == interface
                and r.get("certificate", {}).get("sha256") == certs[name].sha256)


# ---- log


def test_log_as_a_table(gateway, certs):
    lines = certgate("log", "--config", gateway.config).splitlines()
    assert lines[0].split()[:4] == ["TIME", "(UTC)", "INTERFACE", "PEER"]
    assert len(lines) == 1 + len(certs) + 2
    refused = next(line for line in lines if "CN=stranger" in line)
    assert refused.split()[2] == "web" and "issuer-unknown" in refused and " reject " in refused
    assert incident_of(gateway, certs, "stranger") in refused
    assert "(no certificate)" in next(line for line in lines if "certificate-missing" in line)


@pytest.mark.parametrize("options, count", [
    (("--interface", "own"), 1),
    (("--interface", "own", "--interface", "web"), 11),
    (("--verdict", "accept"), 6 + 1),
    (("--verdict", "reject", "--interface", "web"), 4),
    (("--reason", "expired"), 1),
    (("--reason", "not-in-tcs"), 0),
    (("--peer", "127.0.0.1"), 11),
    (("--peer", "127.0.0.0/8"), 11),
    (("--peer", "192.0.2.0/24"), 0),
    (("--class", "other"), 11),
    (("--since", "1h"), 11),
    (("--until", "1h"), 0),
    (("--since", "2099-01-01"), 0),
    (("-n", "3"), 3),
    (("-n", "0"), 11),
    (("-n", "2", "--verdict", "reject"), 2),
])
def test_log_filters(gateway, options, count):
    records = [json.loads(line) for line in certgate("log", "--file", gateway.log, "--format", "json",
                                                      *options).splitlines()]
    assert len(records) == count
    assert records == [r for r in gateway.records() if r in records], "in order, and unchanged"
    if "-n" in options and count == 3:
        assert records == gateway.records()[-3:]


def test_log_by_certificate(gateway, certs):
    out = certgate("log", "--file", gateway.log, "--sha256", certs["unpinned"].sha256[:12])
    assert out.count("CN=unpinned\n") == 2 and len(out.splitlines()) == 3


def test_log_says_what_it_left_out(gateway, tmp_path):
    log = tmp_path / "log"
    log.write_text("not a record\n" + open(gateway.log, encoding="utf-8").readline() + '{"v":1,"torn')
    done = subprocess.run([CERTGATE, "log", "--file", log], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    assert "1 line is no decision record" in done.stderr


def test_follow_goes_on_after_a_rotation(gateway, tmp_path):
    log, line = tmp_path / "log", open(gateway.log, encoding="utf-8").readline()

    def record(name):
        with open(log, "a", encoding="utf-8") as file:
            file.write(line.replace('"interface":"web"', f'"interface":"{name}"'))
    record("first")
    process = subprocess.Popen([CERTGATE, "log", "--file", log, "--follow", "--format", "json"],
                               stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())["interface"] == "first"
        record("second")
        assert json.loads(process.stdout.readline())["interface"] == "second"
        os.rename(log, tmp_path / "log.1")
        record("third")
        assert json.loads(process.stdout.readline())["interface"] == "third"
        record("fourth")
        assert json.loads(process.stdout.readline())["interface"] == "fourth"
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize("arguments, message", [
    (("log", "--reason", "expierd"), "did you mean 'expired'?"),
    (("log", "--verdict", "maybe"), "--verdict is accept or reject"),
    (("log", "--since", "soon"), "neither a time"),
    (("log", "--peer", "peer"), "no address"),
    (("log", "-n", "many"), "not a number"),
    (("log", "--file", "/nowhere"), "/nowhere: cannot be read"),
    (("log", "--config", "/nowhere"), "name it with --file"),
    (("log", "--intreface", "x"), "did you mean '--interface'?"),
    (("explain", "key-usgae"), "did you mean 'key-usage'?"),
    (("explain",), "name one incident"),
    (("peers", "--level", "top"), "unknown level"),
    (("peers", "--inventory", "/nowhere"), "no peer inventory"),
    (("what-if",), "say what is to change"),
    (("what-if", "--set", "checks.managment=high"), "did you mean 'checks.management'?"),
    (("what-if", "--set", "checks.management=top"), "is not one of none, low, medium"),
    (("expiring", "--days", "few"), "no number of days"),
    (("tcs", "lints"), "did you mean 'lint'?"),
    (("tcs", "lint", "--state", "/nowhere"), "is certgated running"),
    (("tcs", "lint", "/nowhere"), "/nowhere: cannot be read"),
])
def test_wrong_usage(arguments, message):
    assert message in certgate(*arguments, expect=2)


@pytest.mark.parametrize("command", [("log",), ("explain",), ("peers",), ("what-if",), ("expiring",), ("tcs",),
                                     ("tcs", "lint")])
def test_help(command):
    assert certgate(*command, "--help").startswith("usage: certgate " + " ".join(command))
    assert "  certgate " + command[0] in certgate("help")


# ---- explain


def test_the_whole_story(gateway, certs):
    incident = incident_of(gateway, certs, "no-key-usage")
    story = certgate("explain", "--config", gateway.config, incident)
    for part in ("Incident " + incident, "127.0.0.1:", "to interface 'web'", "It spoke TLSv1.3",
                 "It was REFUSED at level medium: key-usage-missing", "TLS alert 43", "subject      CN=no-key-usage",
                 certs["no-key-usage"].sha256, "CN=Test CA", "3. CN=Test Root", "FAILED         key usage",
                 "found: no key usage", "wanted: digitalSignature", "What to do: have the certificate issued again",
                 "reject: key-usage-missing   <- the one in force", "  Low                      accept"):
        assert part in story, part
    record = json.loads(certgate("explain", "--file", gateway.log, "--format", "json", incident))
    assert record["records"] == [r for r in gateway.records() if r["incident"] == incident]
    assert record["decided_in"] is None


def test_no_such_incident(gateway):
    assert "there is no incident" in certgate("explain", "--file", gateway.log, "a" * 26, expect=1)


def test_a_resumed_session_is_told_with_its_origin(gateway, tmp_path):
    origin = next(r for r in gateway.records() if r["verdict"] == "accept")
    resumed = {**origin, "incident": "b" * 26, "resumed": True, "decided_in": origin["incident"],
               "decided_at": origin["time"], "findings": []}
    other = {**origin, "incident": "c" * 26, "class": "line-1"}
    log = tmp_path / "log"
    log.write_text("".join(json.dumps(r) + "\n" for r in (origin, resumed, other, {**other, "class": "line-2"})))
    story = certgate("explain", "--file", str(log), "b" * 26)
    assert "It resumed an earlier session" in story and "in which that session was decided" in story
    assert story.count("What level medium asks") == 1
    assert json.loads(certgate("explain", "--file", str(log), "--format", "json", "b" * 26))["decided_in"] == origin
    # Several classes of one connection, and the origin itself without the others.
    story = certgate("explain", "--file", str(log), "c" * 26)
    assert "2 decisions on one connection" in story and "judged as 'line-1'" in story and "'line-2'" in story
    assert "Decision" not in certgate("explain", "--file", str(log), origin["incident"])


@pytest.mark.parametrize("word, text, member", [
    ("key-usage", "is a check", {"check": "key-usage", "latchable": True}),
    ("not-in-tcs", "What to do:", {"reason": "not-in-tcs", "alert": 46}),
    ("class-unknown", "is a reason", {"reason": "class-unknown"}),
    ("high+remote", "is a level", {"level": "high+remote"}),
])
def test_explain_words(word, text, member):
    assert text in certgate("explain", word)
    assert member.items() <= json.loads(certgate("explain", "--format", "json", word)).items()


# ---- peers


def peers_json(*options):
    return json.loads(certgate("peers", "--format", "json", *options))


def test_peers(gateway, certs):
    rows = peers_json("--replay", gateway.log)
    assert len(rows) == len(certs) + 1
    row = next(r for r in rows if r["sha256"] == certs["unpinned"].sha256 and r["interface"] == "web")
    record = next(r for r in gateway.records() if r["interface"] == "web"
                  and r.get("certificate", {}).get("sha256") == row["sha256"])
    assert row["levels"] == record["levels"] and row["subject"] == "CN=unpinned" and row["count"] == 1
    assert row["verdict"] == "accept" and row["days_left"] in (29, 30) and row["peer"] == record["peer"]
    only = peers_json("--replay", gateway.log, "--interface", "own")
    assert [r["sha256"] for r in only] == [certs["unpinned"].sha256]


def test_peers_as_a_table(gateway):
    lines = certgate("peers", "--replay", gateway.log).splitlines()
    strip = next(line for line in lines if line.startswith("web") and "CN=unpinned" in line)
    assert "✓  ✓  ✓  ✗  ✗  ✗" in strip
    assert "+  +  +  -  -  -" in certgate("peers", "--replay", gateway.log, env={"LC_ALL": "C"})
    assert lines[-1].startswith(f"{len(lines) - 2} certificates")


def test_peers_as_csv(gateway):
    rows = list(csv.DictReader(io.StringIO(certgate("peers", "--replay", gateway.log, "--format", "csv"))))
    by_subject = {row["subject"]: row for row in rows if row["interface"] == "web"}
    assert by_subject["CN=weak"]["high"] == "key-too-small" and by_subject["CN=weak"]["medium"] == "accept"
    assert by_subject["CN=expired"]["reason"] == "expired"


def test_peers_that_a_level_would_refuse(gateway, certs):
    refused = {r["subject"] for r in peers_json("--replay", gateway.log, "--level", "high", "--interface", "web")}
    assert refused == {"CN=" + name for name in certs} - {"CN=good", "CN=soon"}
    assert "not-in-tcs" in certgate("peers", "--replay", gateway.log, "--level", "high")


def test_peers_that_expire(gateway):
    soon = peers_json("--replay", gateway.log, "--expiring", "7")
    assert {r["subject"] for r in soon} == {"CN=soon", "CN=expired"}


@pytest.fixture(scope="module")
def inventory(gateway, tmp_path_factory):
    """As certgated would have made it from the same records."""
    path = tmp_path_factory.mktemp("inventory") / "inventory.db"
    subprocess.run([FEED, gateway.log, path], check=True, stdout=subprocess.DEVNULL, timeout=60)
    return str(path)


def test_the_inventory_says_what_the_log_says(gateway, inventory):
    assert peers_json("--inventory", inventory) == peers_json("--replay", gateway.log)
    answers = [json.loads(certgate("what-if", "--set", "checks.management=high", "--config", gateway.config, *source,
                                   "--format", "json", expect=1))
               for source in (("--inventory", inventory), ("--replay", gateway.log))]
    assert answers[0] == answers[1] and len(answers[0]["breaks"]) == 4


def test_certgated_keeps_it_in_the_state_directory(gateway):
    """Where nothing is named, the configuration says where it is."""
    replayed = peers_json("--replay", gateway.log)
    until("every peer", lambda: peers_json("--config", gateway.config) == replayed)
    assert ("peer", "CN=soon") in {(item["kind"], item["subject"]) for item in json.loads(
        certgate("expiring", "--config", gateway.config, "--format", "json", expect=1))["expiring"]}


def test_without_an_inventory_that_is_said(gateway_of):
    gateway = gateway_of({"web": {"level": "none"}}, blocks=["inventory = false"])
    assert "no peer inventory" in certgate("peers", "--config", gateway.config, expect=2)


def test_a_successor_is_told(gateway, tmp_path):
    first = next(r for r in gateway.records() if r["verdict"] == "accept")
    later = json.loads(json.dumps(first))
    later["certificate"].update(sha256="f" * 64, not_before="2099-01-01T00:00:00Z", not_after="2100-01-01T00:00:00Z")
    log = tmp_path / "log"
    log.write_text(json.dumps(first) + "\n" + json.dumps(later) + "\n")
    rows = {row["sha256"]: row for row in peers_json("--replay", str(log))}
    old, new = rows[first["certificate"]["sha256"]], rows["f" * 64]
    assert (old["successor"], old["successor_by"], new["successor"]) == ("f" * 64, "name", None)
    assert "(replaced by ffffffffffffffff)" in certgate("peers", "--replay", str(log))


# ---- what-if: told before, then done


def test_what_if_names_exactly_those_that_then_fail(gateway_of, certs, pki):
    gateway = gateway_of({"web": {}, "own": {"level": "medium"}}, pinned=[certs[name] for name in PINNED])
    node = gateway.config
    served = {name for name, cert in certs.items() if s_client(gateway.ports["web"], cert).served}
    s_client(gateway.ports["own"], certs["unpinned"])
    until("all records", lambda: len(gateway.records()) == len(certs) + 1)

    answer = json.loads(certgate("what-if", "--set", "checks.management=high", "--config", node, "--replay",
                                 gateway.log, "--format", "json", expect=1))
    foretold = {row["subject"][3:] for row in answer["breaks"]}
    text = certgate("what-if", "--set", "checks.management=high", "--config", node, "--replay", gateway.log,
                    expect=1)
    lower = json.loads(certgate("what-if", "--set", "checks.management=low", "--config", node, "--replay",
                                gateway.log, "--format", "json"))

    with open(node, encoding="utf-8") as file:
        lines = file.read()
    with open(node, "w", encoding="utf-8") as file:
        file.write('management = "high"\n' + lines)
    gateway.reload(2)
    still = {name for name, cert in certs.items() if s_client(gateway.ports["web"], cert).served}
    assert still < served and foretold == served - still
    assert s_client(gateway.ports["own"], certs["unpinned"]).served, "it has a level of its own"

    assert answer["covers"] == [{"interface": "web", "class": "other", "from": "medium", "to": "high"}]
    assert {row["then"]["reason"] for row in answer["breaks"]} == {"not-in-tcs", "self-signed", "key-too-small"}
    assert answer["admits"] == [] and answer["unsure"] == [] and answer["expired"] == 1
    assert "These would be REFUSED" in text and "CN=weak" in text and "high: key-too-small" in text

    with open(node, "w", encoding="utf-8") as file:
        file.write('management = "low"\n' + lines)
    gateway.reload(3)
    wider = {name for name, cert in certs.items() if s_client(gateway.ports["web"], cert).served}
    assert {row["subject"][3:] for row in lower["admits"]} == wider - served and lower["breaks"] == []
    assert wider - served == {"stranger", "no-key-usage"}


def test_what_if_of_a_setting_that_nothing_takes(gateway):
    answer = json.loads(certgate("what-if", "--set", "checks.telephony=high", "--config", gateway.config, "--replay",
                                 gateway.log, "--format", "json"))
    assert answer["covers"] == [{"interface": "sip", "class": "phone", "from": "medium", "to": "high"}]
    assert answer["certificates"] == 0
    text = certgate("what-if", "--set", "checks.management=high", "--interface", "own", "--config", gateway.config,
                    "--replay", gateway.log)
    assert "Nobody of them" in text


def test_what_if_needs_a_recent_record(gateway):
    answer = json.loads(certgate("what-if", "--set", "checks.management=high", "--since", "2099-01-01", "--config",
                                 gateway.config, "--replay", gateway.log, "--format", "json"))
    assert answer["certificates"] == 0


# ---- expiring, tcs lint


def test_expiring(gateway, certs, pki):
    answer = json.loads(certgate("expiring", "--config", gateway.config, "--replay", gateway.log, "--format", "json",
                                 expect=1))
    found = {(item["kind"], item["subject"], item["urgency"]) for item in answer["expiring"]}
    assert {("tcs", "CN=soon", "7-days"), ("peer", "CN=soon", "7-days"), ("tcs", "CN=Test Root", "30-days"),
            ("identity", "CN=gw.example.test", "30-days")} <= found
    assert not any(kind == "peer" and subject == "CN=expired" for kind, subject, _ in found), "never admitted"
    days = [item["days_left"] for item in answer["expiring"]]
    assert days == sorted(days)
    text = certgate("expiring", "--days", "7", "--config", gateway.config, "--replay", gateway.log, expect=1)
    assert text.startswith("Within 7 days:") and "CN=soon" in text and "CN=Test Root" not in text
    assert "Nothing expires" in certgate("expiring", "--days", "3", "--config", gateway.config, "--replay",
                                         gateway.log)
    assert "CN=soon" in certgate("expiring", "--config", gateway.config, expect=1), "without an inventory"


def test_tcs_lint(pki, certs, tmp_path):
    folder = tmp_path / "tcs"
    pki.tcs(folder, certs["good"])
    clean = json.loads(certgate("tcs", "lint", "--format", "json", str(folder)))
    assert (clean["roots"], clean["end_entities"], clean["with_problems"]) == (1, 1, 0)
    assert clean["ca_names_fit"] and clean["ca_names_bytes"] == 2 + len(pki.root.subject.public_bytes())
    (folder / "again.pem").write_bytes(certs["good"].pem)
    (folder / "expired.pem").write_bytes(certs["expired"].pem)
    (folder / "weak.pem").write_bytes(certs["weak"].pem)
    answer = json.loads(certgate("tcs", "lint", "--format", "json", str(folder), expect=1))
    problems = {(os.path.basename(c["file"]), tuple(c["problems"])) for c in answer["certificates"]}
    assert {("expired.pem", ("expired",)), ("weak.pem", ("key-weak",)), ("pin-good.pem", ("duplicate",)),
            ("again.pem", ()), ("root.pem", ())} == problems
    text = certgate("tcs", "lint", str(folder), expect=1)
    assert "1 root, 0 intermediates, 3 end entities, 1 duplicate; 3 with problems" in text
    assert "first in " in text and "key below the 2048-bit class" in text


def test_tcs_lint_of_many_names(tmp_path):
    """A list of names that no handshake would send."""
    file = tmp_path / "roots.pem"
    first = Pki(tmp_path / "one", label="A" * 40)
    from pki import to_pem
    from cryptography.hazmat.primitives.serialization import Encoding
    names = []
    for i in range(1300):
        builder = Pki._builder(f"{'Long name of a certification authority ':.40}{i}", "Root", first.root_key, ca=True)
        names.append(to_pem(Pki._sign(builder, first.root_key).public_bytes(Encoding.DER)))
    file.write_bytes(b"".join(names))
    assert "more than the 64 KiB" in certgate("tcs", "lint", str(file), expect=1)
