"""The node's store beside its configuration file: what seeds it, what counts afterwards, and what survives."""
import base64
import os
import re
import signal
import subprocess

import pytest

from admin import Admin
from clients import s_client
from conftest import BUILD, until


def certgate(*arguments):
    return subprocess.run([os.path.join(BUILD, "cmd", "certgate"), *arguments], capture_output=True, text=True)


@pytest.fixture()
def node(gateway_of):
    gateway = gateway_of({"web": {"level": "medium"}}, store=True)
    yield gateway
    gateway.stop()


def test_the_first_start_fills_the_store_from_the_file(node):
    assert "a new store, filled from" in node.messages()
    assert "at level medium" in node.messages()


def test_a_reload_without_changes_makes_no_generation(node):
    node.process.send_signal(signal.SIGHUP)
    until("the answer", lambda: "generation 1 stays in force" in node.messages())


def test_the_files_level_counts_once(node):
    node.configure({"web": {"level": "none"}})
    node.reload(2)
    assert "at level none" not in node.messages()
    notes = certgate("config", "check", node.config).stderr
    assert re.search(r"interface\.web\.level: the file says 'none', in force is 'medium' of the store", notes)


def test_the_generation_goes_on_after_a_restart(node):
    node.configure({"web": {"level": "medium", "idle-timeout": "5m"}})
    node.reload(2)
    node.stop()
    node.start(2)


def test_an_interface_without_an_identity_gets_one_that_stays(gateway_of, good, tmp_path):
    node = gateway_of({"web": {"identity": None}}, store=True)
    assert "identity 'default' is made for" in node.messages()
    assert s_client(node.ports["web"], good).served
    [identity] = [i for i in Admin(node).get("/identities")["identities"] if i["name"] == "default"]
    assert (identity["name"], identity["self_signed"], identity["from"]) == ("default", True, "store")
    assert os.stat(identity["key_path"]).st_mode & 0o777 == 0o600
    node.stop()
    node.start(1)
    assert identity["sha256"] in [i["sha256"] for i in Admin(node).get("/identities")["identities"]]


def test_config_check_takes_a_file_whose_identity_will_be_made(tmp_path):
    config = tmp_path / "certgate.conf"
    config.write_text(f'state = "{tmp_path}/state"\ninterface "web" {{ listen = {{"127.0.0.1:8443"}} '
                      'backend = "127.0.0.1:80" }\n')
    assert certgate("config", "check", str(config)).returncode == 0


# ---- the latch, no self-lockout, and changes that take themselves back

def test_an_import_of_an_older_release_latches_and_a_change_clears_for_good(node, good):
    admin = Admin(node)
    exported = admin.get("/settings/export")
    exported["settings"]["checks.telephony"] = {"value": "medium"}
    exported["settings"]["checks.management"] = {"value": "medium"}
    told = admin.change({"op": "import", "settings": exported, "from_release": "11.1.2"})
    assert told["changed"] and admin.get("/settings/checks.management")["latched"]
    preview = admin.set("checks.management", "high", preview=True)
    [cleared] = [c for c in preview["latches_cleared"] if c["name"] == "checks.management"]
    assert cleared["begin"] == ["key-usage", "extended-key-usage", "critical-extensions"]
    told = admin.set("checks.management", "high")
    assert os.path.exists(told["backup"])
    admin.set("checks.management", "medium")
    assert not admin.get("/settings/checks.management")["latched"]


def test_a_latched_level_skips_its_checks_in_the_gateway(gateway_of, pki):
    node = gateway_of({"web": {}}, store=True)
    admin = Admin(node)
    exported = {"certgate-settings": 1, "settings": {"checks.management": {"value": "medium"}}}
    number = admin.change({"op": "import", "settings": exported, "from_release": "11.1.2"})["generation"]
    node.wait_generation(number)
    peer = pki.leaf("no-usage", key_usage=False)
    mark = node.mark()
    assert s_client(node.ports["web"], peer).served
    assert node.record(mark)["latched"]
    node.wait_generation(admin.set("checks.management", "high", force=True)["generation"])
    node.wait_generation(admin.set("checks.management", "medium", force=True)["generation"])
    mark = node.mark()
    s_client(node.ports["web"], peer)
    assert node.record(mark)["reason"] == "key-usage-missing"


def test_a_change_waits_for_its_confirmation_and_holds_others_back(node):
    admin = Admin(node)
    told = admin.set("checks.telephony", "high", confirm_within=600)
    assert told["confirm"]["reverts_at"]
    assert admin.get("/status")["pending"]["generation"] == told["generation"]
    assert admin.set("checks.telephony", "low", expected=409)["error"]["code"] == "busy"
    admin.post("/confirm")
    assert admin.get("/status")["pending"] is None and admin.value("checks.telephony") == "high"


def test_a_change_can_be_taken_back_at_once(node):
    admin = Admin(node)
    admin.set("checks.telephony", "high", confirm_within=600)
    told = admin.post("/revert")
    assert told["changed"] and admin.value("checks.telephony") == "medium"


def test_a_change_that_nobody_confirms_takes_itself_back(node):
    admin = Admin(node)
    admin.set("checks.telephony", "high", confirm_within=1)
    until("the way back", lambda: admin.value("checks.telephony") == "medium")
    assert "is taken back" in node.messages()


def test_it_takes_itself_back_even_after_a_restart(node):
    admin = Admin(node)
    number = admin.set("checks.telephony", "high", confirm_within=1)["generation"]
    os.kill(node.process.pid, signal.SIGKILL)
    node.process.wait()
    node.start(number + 1)
    until("the way back", lambda: admin.value("checks.telephony") == "medium")


def test_a_clock_that_was_set_back_gives_no_more_time(node):
    admin = Admin(node)
    number = admin.set("checks.telephony", "high", confirm_within=2)["generation"]
    os.kill(node.process.pid, signal.SIGKILL)
    node.process.wait()
    pending = os.path.join(node.state, "pending")
    with open(pending, encoding="ascii") as f:
        generation, back_to, reverts_at, within = f.read().split()
    with open(pending, "w", encoding="ascii") as f:
        f.write(f"{generation} {back_to} {int(reverts_at) + 86400} {within}\n")
    node.start(number + 1)
    until("the way back", lambda: admin.value("checks.telephony") == "medium")


def test_a_change_that_cannot_wait_for_its_confirmation_is_not_made(node):
    """What waits is on the disk before the change is, or a crash between the two would let it stay."""
    admin = Admin(node)
    os.mkdir(os.path.join(node.state, "pending.new"))
    error = admin.set("checks.telephony", "high", confirm_within=600, expected=500)["error"]
    assert "cannot be written down" in error["message"]
    assert admin.value("checks.telephony") == "medium"
    os.rmdir(os.path.join(node.state, "pending.new"))


def test_what_was_written_down_and_never_committed_waits_for_nothing(node):
    os.kill(node.process.pid, signal.SIGKILL)
    node.process.wait()
    with open(os.path.join(node.state, "pending"), "w", encoding="ascii") as f:
        f.write("2 1 4102444800 600\n")
    node.start(1)
    admin = Admin(node)
    assert admin.get("/status")["pending"] is None
    assert admin.set("checks.telephony", "high")["changed"]


@pytest.mark.parametrize("way", ["unset", "block"])
def test_the_file_does_not_bring_a_cleared_latch_back(gateway_of, way):
    latched = {"level": "medium", "latched": True}
    node = gateway_of({"web": latched, "other": {}}, store=True)
    admin = Admin(node)
    assert admin.get("/settings/interface.web.level")["latched"]
    admin.set("interface.web.level", "high", force=True)
    if way == "unset":
        admin.change({"op": "unset", "name": "interface.web.level"}, force=True)
    else:
        node.configure({"other": {}})
        node.reload(admin.get("/status")["generation"] + 1)
        node.configure({"web": latched, "other": {}})
        node.reload(admin.get("/status")["generation"] + 1)
    assert admin.value("interface.web.level") == "medium"
    assert not admin.get("/settings/interface.web.level")["latched"]


def test_a_latch_comes_back_with_what_takes_itself_back(node):
    admin = Admin(node)
    exported = {"certgate-settings": 1, "settings": {"checks.telephony": {"value": "medium"}}}
    admin.change({"op": "import", "settings": exported, "from_release": "11.1.2"})
    admin.set("checks.telephony", "high", confirm_within=600)
    admin.post("/revert")
    assert admin.get("/settings/checks.telephony")["latched"]


def test_who_would_be_refused_stops_the_change_until_forced(gateway_of, good, pki):
    node = gateway_of({"web": {}}, store=True, pinned=[good])
    admin = Admin(node)
    stranger = pki.leaf("stranger-to-the-store")
    for cert in (good, stranger):
        mark = node.mark()
        assert s_client(node.ports["web"], cert).served
        node.record(mark)
    error = until("the inventory", lambda: admin.set("checks.management", "high", expected=409)["error"])
    assert error["code"] == "lockout"
    [refused] = error["details"][0]["would_refuse"]["peers"]
    assert (refused["sha256"], refused["reason"], refused["interface"]) == (stranger.sha256, "not-in-tcs", "web")
    told = admin.set("checks.management", "high", force=True)
    node.wait_generation(told["generation"])
    for cert, served in ((good, True), (stranger, False)):
        mark = node.mark()
        s_client(node.ports["web"], cert)
        assert (node.record(mark)["verdict"] == "accept") == served


def test_a_certificate_taken_out_of_the_trust_store_is_a_lockout_too(gateway_of, good):
    node = gateway_of({"web": {}}, store=True)
    admin = Admin(node)
    mark = node.mark()
    s_client(node.ports["web"], good)
    node.record(mark)
    [root] = [c for c in admin.get("/tcs")["certificates"] if c["kind"] == "root"]
    edit = {"op": "tcs-remove", "sha256": root["sha256"]}
    error = admin.change(edit, expected=409)["error"]
    assert [p["sha256"] for p in error["details"][0]["would_refuse"]["peers"]] == [good.sha256]
    assert admin.post("/what-if", edits=[edit])["would_refuse"]["total"] == 1


# ---- folders that certificates are dropped into

def drop(node, action, name, source):
    folder = os.path.join(node.state, "tcs", action)
    until(folder, lambda: os.path.isdir(folder))
    with open(source, "rb") as f:
        content = f.read()
    with open(os.path.join(folder, "." + name), "wb") as f:
        f.write(content)
    os.rename(os.path.join(folder, "." + name), os.path.join(folder, name))
    return os.path.join(folder, name)


def test_certificates_dropped_into_a_folder_are_trusted_until_they_are_dropped_into_the_other(node, good):
    admin = Admin(node)
    before = admin.get("/tcs")["count"]
    added = drop(node, "add", "peer.pem", good.cert_file)
    until("the trust", lambda: admin.get("/tcs")["count"] == before + 1)
    until("the file's end", lambda: not os.path.exists(added))
    drop(node, "delete", "peer.pem", good.cert_file)
    until("its end", lambda: admin.get("/tcs")["count"] == before)


def test_what_is_no_certificate_is_renamed_and_said(node, tmp_path):
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("no certificate\n")
    path = drop(node, "add", "rubbish.pem", rubbish)
    until("the refusal", lambda: os.path.exists(path + ".refused"))
    assert "nothing is done with it" in node.messages()


# ---- every stored setting counts in the gateway

def test_stored_settings_are_those_of_the_interfaces(gateway_of):
    node = gateway_of({"web": {"mode": "http"}, "sip": {"service": "sip", "phones": True}}, store=True, blocks=[
        'line "hq" { interface = "web" path = "/hq" }',
        'trunk "carrier" { interface = "sip" sip-domains = {"sip.example.test"} }'])
    admin = Admin(node)
    edits = {"interface.web.level": "low", "interface.web.allow": "allow-sha1-chain until 2999-12-31",
             "interface.web.live": "drain", "service.web.security": "secure-medium", "line.hq.level": "medium",
             "trunk.carrier.level": "none"}
    number = admin.change(*({"op": "set", "name": n, "value": v} for n, v in edits.items()))["generation"]
    node.wait_generation(number)
    web, sip = admin.get("/status")["interfaces"]
    assert (web["level"], web["live"], web["security"], web["require_certificate"]) == (
        "low", "drain", "secure-medium", False)
    assert web["allowances"] == [{"name": "allow-sha1-chain", "until": "2999-12-31T23:59:59Z"}]
    assert (web["classes"][0]["level"], sip["classes"][0]["level"]) == ("medium", "none")


def test_an_intermediate_ends_a_path_where_the_store_says_so(gateway_of, pki, good):
    node = gateway_of({"web": {}}, store=True)
    admin = Admin(node)
    [root] = [c["sha256"] for c in admin.get("/tcs")["certificates"] if c["kind"] == "root"]
    intermediate = base64.b64encode(pki.ca_der).decode()
    node.wait_generation(admin.change({"op": "tcs-add", "data": intermediate},
                                      {"op": "tcs-remove", "sha256": root})["generation"])
    mark = node.mark()
    s_client(node.ports["web"], good)
    assert node.record(mark)["verdict"] == "reject"
    node.wait_generation(admin.set("partial-chain", True)["generation"])
    mark = node.mark()
    assert s_client(node.ports["web"], good).served
    assert node.record(mark)["verdict"] == "accept"
