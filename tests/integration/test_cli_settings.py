"""certgate status, settings, history, confirm and revert, against a running certgated."""
import json
import os
import subprocess

import pytest

from admin import Admin
from cli import Command


@pytest.fixture(scope="module")
def node(gateway_of):
    gateway = gateway_of({"web": {}, "phones": {"service": "sip", "phones": True}}, store=True)
    gateway.admin = Admin(gateway)
    return gateway


@pytest.fixture()
def command(node):
    return Command(os.path.join(node.folder, "state"))


@pytest.fixture()
def admin(node):
    return node.admin


def test_status_shows_each_interface_with_its_level(command):
    text = command.ok("status")
    assert "workers: 1 of 1 running" in text
    rows = {line.split()[0]: line for line in text.splitlines() if line}
    assert "medium" in rows["web"] and "sip" in rows["phones"]


def test_status_as_json_is_what_the_node_says(command, admin):
    told = command.json("status")
    assert [i["name"] for i in told["interfaces"]] == [i["name"] for i in admin.get("/status")["interfaces"]]


def test_settings_list_shows_values_and_where_they_come_from(command):
    lines = command.ok("settings", "list").splitlines()
    [row] = [line for line in lines if line.startswith("max-path-depth")]
    assert row.split()[1:3] == ["10", "default"]


def test_settings_list_takes_patterns(command):
    names = [s["name"] for s in command.json("settings", "list", "checks.*")["settings"]]
    assert sorted(names) == ["checks.management", "checks.telephony"]


def test_settings_get_says_what_the_setting_may_be(command):
    text = command.ok("settings", "get", "max-path-depth")
    assert "a number from 1 to 32" in text and "default: 10" in text


def test_settings_get_value_prints_nothing_else(command):
    assert command.ok("settings", "get", "--value", "expiry.warning-days") == "60\n"


def test_settings_set_makes_a_generation_and_says_so(command, admin):
    before = admin.get("/status")["generation"]
    text = command.ok("settings", "set", "max-path-depth", "9", "--comment", "shorter")
    assert f"generation {before + 1} is in force" in text and "max-path-depth" in text
    assert admin.value("max-path-depth") == "9"
    assert admin.get("/generations")["generations"][0]["comment"] == "shorter"


def test_settings_set_takes_several_at_once(command, admin):
    told = command.json("settings", "set", "max-path-depth=8", "partial-chain=true")
    assert sorted(d["name"] for d in told["diff"]) == ["max-path-depth", "partial-chain"]
    assert (admin.value("max-path-depth"), admin.value("partial-chain")) == ("8", "true")


def test_settings_set_preview_changes_nothing(command, admin):
    before = admin.value("expiry.warning-days")
    text = command.ok("settings", "set", "--preview", "expiry.warning-days=99")
    assert text.startswith("A preview") and "99" in text
    assert admin.value("expiry.warning-days") == before


def test_settings_set_to_the_same_value_is_no_generation(command, admin):
    command.ok("settings", "set", "expiry.warning-days=70")
    before = admin.get("/status")["generation"]
    assert f"generation {before} stays in force" in command.ok("settings", "set", "expiry.warning-days=70")


def test_a_wrong_value_is_refused_with_what_it_may_be(command):
    result = command("settings", "set", "max-path-depth=33")
    assert result.returncode == 1
    assert "max-path-depth: '33' is not a number from 1 to 32" in result.stderr


def test_a_mistyped_setting_gets_the_nearest_name(command):
    assert "did you mean 'checks.management'?" in command("settings", "get", "checks.managment").stderr


def test_settings_unset_goes_back_to_the_default(command, admin):
    command.ok("settings", "set", "expiry.warning-days=80")
    command.ok("settings", "unset", "expiry.warning-days")
    assert admin.value("expiry.warning-days") == "60"


def test_settings_history_names_who_changed_it(command):
    command.ok("settings", "set", "expiry.warning-days=90")
    command.ok("settings", "set", "expiry.warning-days=91")
    newest = command.json("settings", "history", "expiry.warning-days")["history"][:2]
    assert [h["value"] for h in newest] == ["91", "90"]
    assert newest[0]["actor"] in command.ok("settings", "history", "expiry.warning-days")


def test_settings_diff_and_rollback(command, admin):
    old = command.json("settings", "set", "expiry.warning-days=100")["generation"]
    new = command.json("settings", "set", "expiry.warning-days=101")["generation"]
    [change] = command.json("settings", "diff", str(old), str(new))["diff"]
    assert (change["before"], change["after"]) == ("100", "101")
    assert "expiry.warning-days" in command.ok("settings", "diff", str(old))
    command.ok("settings", "rollback", str(old))
    assert admin.value("expiry.warning-days") == "100"


def test_an_export_can_be_imported(command, admin, tmp_path):
    path = tmp_path / "settings.json"
    command.ok("settings", "set", "expiry.warning-days=110")
    command.ok("settings", "export", str(path))
    assert os.stat(path).st_mode & 0o777 == 0o600
    command.ok("settings", "set", "expiry.warning-days=111")
    command.ok("settings", "import", str(path))
    assert admin.value("expiry.warning-days") == "110"


def test_an_import_from_before_the_extra_checks_latches(command, admin, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"certgate-settings": 1, "settings": {"checks.telephony": "medium"}}))
    command.ok("settings", "import", "--from-release", "11.1.2", str(path))
    assert admin.get("/settings/checks.telephony")["latched"]
    assert "latched" in command.ok("settings", "list", "checks.telephony")
    assert "carried over by an upgrade" in command.ok("settings", "get", "checks.telephony")


def test_clearing_a_latch_says_which_checks_begin_and_makes_a_backup(command, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"certgate-settings": 1, "settings": {"checks.telephony": "medium"}}))
    command.ok("settings", "import", "--from-release", "11.1.2", str(path))
    preview = command.ok("settings", "set", "--preview", "checks.telephony=high")
    assert "The upgrade latch of checks.telephony would be cleared for good" in preview
    text = command.ok("settings", "set", "checks.telephony=high", "--force")
    for check in ("key-usage", "extended-key-usage", "critical-extensions"):
        assert f"\n  {check} " in text
    [line] = [line for line in text.splitlines() if line.startswith("The state of before is in")]
    assert os.path.exists(line.split()[6])


def test_history_lists_the_newest_first(command):
    made = command.json("settings", "set", "expiry.warning-days=120")["generation"]
    command.ok("settings", "set", "expiry.warning-days=121")
    numbers = [g["number"] for g in command.json("history", "--limit", "2")["generations"]]
    assert numbers == [made + 1, made]
    assert str(made) in command.ok("history")


def test_history_of_all_pages(command, admin):
    numbers = [g["number"] for g in command.json("history", "--limit", "0")["generations"]]
    assert numbers == [g["number"] for g in admin.get("/generations?limit=1000")["generations"]]


def test_a_change_that_is_confirmed_stays(command, admin):
    text = command.ok("settings", "set", "expiry.warning-days=130", "--confirm-within", "10m")
    assert "unless you confirm it: certgate confirm" in text
    assert "certgate confirm" in command.ok("status")
    assert "Confirmed" in command.ok("confirm")
    assert admin.get("/status")["pending"] is None and admin.value("expiry.warning-days") == "130"


def test_a_change_that_is_taken_back_is_gone(command, admin):
    command.ok("settings", "set", "expiry.warning-days=131")
    command.ok("settings", "set", "expiry.warning-days=132", "--confirm-within", "10m")
    command.ok("revert")
    assert admin.value("expiry.warning-days") == "131"


def test_nothing_to_confirm_is_said(command):
    result = command("confirm")
    assert result.returncode == 1 and "no change waits" in result.stderr


def test_a_node_that_does_not_run_is_said(tmp_path):
    result = Command(str(tmp_path))("status")
    assert result.returncode == 2
    assert f"{tmp_path}/admin.sock" in result.stderr and "is certgated running" in result.stderr


def test_a_socket_that_is_not_permitted_is_said(node, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody who may not")
    result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                             Command.program(), "status", "--state", os.path.join(node.folder, "state")],
                            capture_output=True, text=True)
    assert result.returncode == 2 and "permission denied" in result.stderr


@pytest.mark.parametrize("words", [["status"], ["settings"], ["settings", "list"], ["settings", "get"],
                                   ["settings", "set"], ["settings", "unset"], ["settings", "history"],
                                   ["settings", "diff"], ["settings", "rollback"], ["settings", "export"],
                                   ["settings", "import"], ["history"], ["confirm"], ["revert"]], ids=" ".join)
def test_help_says_how_it_goes(words):
    text = Command("/nowhere").plain(*words, "--help")
    assert text.startswith(f"usage: certgate {' '.join(words)}")


def test_a_mistyped_action_gets_the_nearest_name(command):
    assert "did you mean 'rollback'?" in command("settings", "rolback").stderr
