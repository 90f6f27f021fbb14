"""What a change says that would refuse somebody: certgated is played, so that every answer can be had."""
import json
import tempfile

import pytest

from cli import Command
from fake_node import FakeNode

PEER = {"interface": "web", "sha256": "ab" * 32, "subject": "CN=phone-17", "last_seen": "2026-11-20T08:00:00Z",
        "count": 12, "reason": "not-in-tcs", "days_left": 40}
TOLD = {"generation": 41, "changed": False, "preview": False,
        "diff": [{"part": "setting", "name": "checks.management", "before": "medium", "after": "high",
                  "latched_before": True, "latched_after": False}],
        "latches_cleared": [{"name": "checks.management", "before": "medium", "after": "high",
                             "begin": ["key-usage", "extended-key-usage", "critical-extensions"]}],
        "would_refuse": {"total": 1, "since": "2026-10-26T00:00:00Z", "peers": [PEER]},
        "self": {"interface": "console", "admitted": False, "reason": "self-signed"}, "notes": []}


@pytest.fixture()
def fake():
    with tempfile.TemporaryDirectory() as folder:
        node = FakeNode(folder)
        yield node
        node.close()


def change(fake, *options):
    return Command(fake.state)("settings", "set", "checks.management=high", *options)


@pytest.fixture()
def locked(fake):
    fake.answers["POST", "/changes"] = (409, {"error": {"code": "lockout", "message": "1 peer would be refused",
                                                        "details": [TOLD]}})
    return fake


def test_a_lockout_is_refused_with_the_list_and_the_way_out(locked):
    result = change(locked)
    assert result.returncode == 1 and result.stderr == ""
    assert result.stdout.startswith("Refused: nothing has been changed.\n")
    assert "1 peer seen since 2026-10-26 would be refused:" in result.stdout
    [row] = [line for line in result.stdout.splitlines() if "CN=phone-17" in line]
    assert row.split() == ["web", "2026-11-20", "08:00", "12", "40", "not-in-tcs", "ab" * 8, "CN=phone-17"]
    assert "Your own certificate would be refused on console: self-signed." in result.stdout
    assert "--force" in result.stdout and "--confirm-within 10m" in result.stdout


def test_a_lockout_as_json_is_the_object_of_the_change(locked):
    result = change(locked, "--format", "json")
    assert result.returncode == 1 and json.loads(result.stdout) == TOLD


def test_a_preview_that_would_be_refused_says_so_by_its_status(fake):
    fake.answers["POST", "/changes"] = (200, {**TOLD, "preview": True})
    result = change(fake, "--preview")
    assert result.returncode == 1 and result.stdout.startswith("A preview: nothing has been changed.\n")
    assert change(fake, "--preview", "--force").returncode == 0


def test_what_was_forced_is_done_and_told(fake):
    fake.answers["POST", "/changes"] = (200, {**TOLD, "changed": True, "generation": 42,
                                              "backup": "/var/lib/certgate/backups/x.certgate",
                                              "confirm": {"reverts_at": "2026-11-25T09:10:00Z"}})
    result = change(fake, "--force", "--confirm-within", "10m")
    assert result.returncode == 0
    assert "Done: generation 42 is in force." in result.stdout
    assert "The state of before is in /var/lib/certgate/backups/x.certgate" in result.stdout
    assert "It takes itself back at 2026-11-25T09:10:00Z unless you confirm it" in result.stdout


def test_an_administrator_who_stays_admitted_is_told(fake):
    fake.answers["POST", "/changes"] = (200, {**TOLD, "changed": True, "would_refuse": {"total": 0, "peers": []},
                                              "self": {"interface": "console", "admitted": True, "reason": ""}})
    result = change(fake)
    assert result.returncode == 0 and "would still be admitted on console" in result.stdout
    assert "would be refused" not in result.stdout


def test_names_that_peers_chose_do_no_harm_to_a_terminal(fake):
    evil = {**PEER, "subject": "CN=\x1b[2Jgone\nDone: generation 1"}
    fake.answers["POST", "/changes"] = (409, {"error": {"code": "lockout", "message": "no", "details": [
        {**TOLD, "would_refuse": {"total": 1, "since": "2026-10-26T00:00:00Z", "peers": [evil]}}]}})
    out = change(fake).stdout
    assert "\x1b" not in out and "gone" in out and "\nDone" not in out


def test_a_long_list_is_cut_and_counted(fake):
    peers = [{**PEER, "sha256": f"{i:064x}"} for i in range(300)]
    fake.answers["POST", "/changes"] = (200, {**TOLD, "would_refuse": {"total": 300, "since": "", "peers": peers}})
    out = change(fake).stdout
    assert out.count("CN=phone-17") == 20 and "... and 280 more" in out


@pytest.mark.parametrize("status, body, message", [
    (500, b"<html>", "is no JSON"),
    (500, {}, "answers with status 500 and no reason"),
    (403, {"error": {"code": "forbidden", "message": "you are auditor", "details": []}}, "you are auditor"),
    (409, {"error": {"code": "busy", "message": "a generation waits", "details": []}}, "a generation waits"),
], ids=["no JSON", "no reason", "forbidden", "busy"])
def test_an_error_is_told_and_is_no_success(fake, status, body, message):
    fake.answers["POST", "/changes"] = (status, body)
    result = change(fake)
    assert result.returncode != 0 and message in result.stderr


@pytest.mark.parametrize("words, message", [
    (("settings", "set", "checks.management"), "is no NAME=VALUE"),
    (("settings", "set"), "something is missing"),
    (("settings", "rollback", "last"), "is no generation"),
    (("settings", "diff", "1", "2", "3"), "that is too much"),
    (("settings", "set", "a=b", "--confirm-within", "soon"), "no duration such as 10m"),
    (("settings", "set", "a=b", "--forse"), "did you mean '--force'?"),
    (("settings", "import", "/nowhere"), "/nowhere: cannot be read"),
    (("trust", "x", "--interface", "web", "--until", "2099-01-01"), "--reason is missing"),
    (("trust", "x", "--interface", "web", "--until", "soon", "--reason", "r"), "no date such as"),
    (("trust", "x", "--interface", "web", "--until", "2020-01-01", "--reason", "r"), "is over"),
    (("pins", "remove", "12"), "is no fingerprint"),
    (("identity", "create", "main"), "--host is missing"),
    (("identity", "create", "main", "--host", "a", "--key", "dsa"), "--key is one of p256"),
    (("user", "add", "eve"), "--role is missing"),
    (("user", "add", "eve", "--role", "auditor", "--no-password"), "is for a user that --certificate"),
    (("backup",), "something is missing"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_wrong_usage_asks_nobody(fake, words, message):
    result = Command(fake.state)(*words)
    assert result.returncode == 2 and message in result.stderr and fake.asked == []
