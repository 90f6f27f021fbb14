"""The admin API: one validated commit for every change, and everything that can be read."""
import json
import os

import pytest

from admin import Admin, LocalConnection
from clients import s_client
from conftest import until


@pytest.fixture(scope="module")
def node(gateway_of):
    gateway = gateway_of({"web": {}}, store=True)
    gateway.admin = Admin(gateway)
    return gateway


@pytest.fixture()
def admin(node):
    return node.admin


def test_status_names_the_interfaces_and_what_is_in_force(node, admin):
    status = admin.get("/status")
    [web] = status["interfaces"]
    assert (web["name"], web["level"], web["level_from"]) == ("web", "medium", "management")
    assert status["workers"] == {"wanted": 1, "running": 1, "restarts": 0}
    assert status["store"] and status["pending"] is None


def test_the_socket_makes_an_administrator(admin):
    who = admin.get("/whoami")
    assert (who["role"], who["via"]) == ("administrator", "socket")


def test_an_unknown_path_is_said(admin):
    assert admin.get("/nothing", 404)["error"]["code"] == "not-found"


def test_a_body_that_is_no_json_is_refused(admin):
    status, _, body = admin.raw("POST", "/changes", "{", {"Content-Type": "application/json"})
    assert status == 400 and json.loads(body)["error"]["code"] == "invalid"


def test_a_change_makes_a_generation_that_judges(node, admin, good):
    before = admin.get("/status")["generation"]
    told = admin.set("checks.management", "high", comment="tighten")
    assert told["changed"] and told["generation"] == before + 1
    assert [(d["name"], d["before"], d["after"]) for d in told["diff"]] == [
        ("checks.management", "medium", "high")] or told["diff"][0]["after"] == "high"
    node.wait_generation(before + 1)
    mark = node.mark()
    s_client(node.ports["web"], good)
    assert node.record(mark)["reason"] == "not-in-tcs"
    admin.set("checks.management", "medium")
    newest = admin.get("/generations")["generations"][0]
    assert newest["number"] == before + 2 and "socket" in newest["actor"]


def test_a_preview_changes_nothing(admin):
    before = admin.get("/status")["generation"]
    told = admin.set("checks.management", "low", preview=True)
    assert told["preview"] and not told["changed"] and told["diff"][0]["after"] == "low"
    assert admin.get("/status")["generation"] == before


def test_a_value_outside_its_bounds_is_refused_with_what_it_may_be(admin):
    error = admin.set("max-path-depth", 33, expected=400)["error"]
    assert error["message"] == "max-path-depth: '33' is not a number from 1 to 32"


def test_a_setting_of_an_interface_that_is_not_there_is_refused(admin):
    error = admin.set("interface.nowhere.live", "close", expected=400)["error"]
    assert "no interface, trunk or line 'nowhere'" in error["message"]


def test_an_unknown_setting_gets_the_nearest_name(admin):
    assert "did you mean 'checks.management'?" in admin.set(
        "checks.managment", "high", expected=400)["error"]["message"]


def test_several_edits_are_one_generation(admin):
    before = admin.get("/status")["generation"]
    told = admin.change({"op": "set", "name": "partial-chain", "value": True},
                        {"op": "set", "name": "max-path-depth", "value": 5})
    assert told["generation"] == before + 1
    assert admin.value("max-path-depth") == "5" and admin.value("partial-chain") == "true"


def test_one_wrong_edit_undoes_all(admin):
    admin.change({"op": "set", "name": "max-path-depth", "value": 7},
                 {"op": "set", "name": "partial-chain", "value": "maybe"}, expected=400)
    assert admin.value("max-path-depth") != "7"


def test_rolling_back_brings_the_values_of_then(admin):
    number = admin.set("expiry.warning-days", 90)["generation"]
    admin.set("expiry.warning-days", 120)
    told = admin.change({"op": "rollback", "generation": number})
    assert told["changed"] and admin.value("expiry.warning-days") == "90"


def test_trusted_certificates_come_and_go(admin, pki, tmp_path):
    leaf = pki.leaf("newcomer")
    with open(leaf.cert_file, encoding="utf-8") as f:
        pem = f.read()
    [seen] = admin.post("/tcs/inspect", data=pem)["certificates"][:1]
    assert seen["kind"] == "end-entity" and not seen["present"]
    admin.change({"op": "tcs-add", "data": pem})
    assert admin.get("/tcs/" + seen["sha256"])["subject"] == seen["subject"]
    [found] = admin.get("/tcs?q=newcomer")["certificates"]
    assert found["sha256"] == seen["sha256"]
    admin.change({"op": "tcs-remove", "sha256": seen["sha256"]})
    admin.get("/tcs/" + seen["sha256"], 404)


def test_a_decision_is_found_and_told(node, admin, good):
    mark = node.mark()
    s_client(node.ports["web"], good)
    record = node.record(mark)
    newest = admin.get("/decisions?limit=1&interface=web")["records"][0]
    assert newest["incident"] == record["incident"]
    assert "web" in admin.get("/decisions/" + record["incident"])["story"]


def test_decisions_are_paged_from_the_newest(node, admin, good):
    for _ in range(3):
        mark = node.mark()
        s_client(node.ports["web"], good)
        node.record(mark)
    first = admin.get("/decisions?limit=2")
    second = admin.get("/decisions?limit=2&before=" + first["next"])
    incidents = [r["incident"] for r in first["records"] + second["records"]]
    logged = [r["incident"] for r in node.records()]
    assert incidents == logged[::-1][:len(incidents)]


def test_peers_hold_verdicts_at_all_levels(node, admin, good):
    s_client(node.ports["web"], good)
    peers = until("the peer", lambda: admin.get("/peers?interface=web")["peers"])
    assert set(peers[0]["verdicts"]) == {"none", "low", "medium", "high", "medium+remote", "high+remote"}


def test_rates_count_this_minute(node, admin, good):
    mark = node.mark()
    s_client(node.ports["web"], good)
    node.record(mark)
    [web] = [i for i in admin.get("/rates?minutes=60")["interfaces"] if i["name"] == "web"]
    assert sum(web["accepted"]) >= 1 and len(web["accepted"]) == 60


def test_the_audit_holds_every_change_and_fits_together(admin):
    admin.set("expiry.warning-days", 61)
    rows = admin.get("/audit?limit=1000")["rows"]
    assert rows[-1]["action"] == "commit" and "socket" in rows[-1]["actor"]
    assert admin.get("/audit/verify")["ok"]


def test_metrics_are_the_same_text_as_elsewhere(admin):
    _, headers, body = admin.raw("GET", "/metrics")
    assert headers["Content-Type"].startswith("text/plain") and b"certgate_" in body


def test_the_description_names_every_route_that_answers(admin):
    described = admin.get("/openapi.json")
    assert described["openapi"] == "3.0.3" and "/changes" in described["paths"]
    for path, methods in described["paths"].items():
        if "get" in methods and "{" not in path and path != "/events":
            assert admin.raw("GET", path)[0] in (200, 409), path


def test_a_refused_certificate_is_admitted_by_its_incident_until_a_date(node, admin, pki):
    expired = pki.leaf("pinned", key_usage=False)
    mark = node.mark()
    s_client(node.ports["web"], expired)
    record = node.record(mark)
    assert record["reason"] == "key-usage-missing"
    told = admin.change({"op": "pin", "incident": record["incident"], "interface": "web", "until": "2999-12-31",
                         "reason": "until the vendor renews it"})
    node.wait_generation(told["generation"])
    mark = node.mark()
    assert s_client(node.ports["web"], expired).served
    assert node.record(mark)["allowances"]
    [pin] = [p for p in admin.get("/pins")["pins"] if p["sha256"] == expired.sha256]
    assert pin["until"] == "2999-12-31T23:59:59Z" and pin["incident"] == record["incident"]
    node.wait_generation(admin.change({"op": "unpin", "sha256": expired.sha256, "interface": "web"},
                                      force=True)["generation"])
    mark = node.mark()
    s_client(node.ports["web"], expired)
    assert node.record(mark)["verdict"] == "reject"


def test_who_depends_on_a_trusted_certificate_and_what_nobody_needs(node, admin, good, pki):
    mark = node.mark()
    s_client(node.ports["web"], good)
    record = node.record(mark)
    root = record["path"][-1]["sha256"]
    dependents = until("them", lambda: admin.get(f"/tcs/{root}/dependents")["peers"])
    assert good.sha256 in [peer["sha256"] for peer in dependents]
    lonely = pki.leaf("lonely", kind=None)
    with open(lonely.cert_file, encoding="utf-8") as f:
        admin.change({"op": "tcs-add", "data": f.read()})
    unused = [c["sha256"] for c in admin.get("/tcs/unused?days=90")["certificates"]]
    assert lonely.sha256 in unused and root not in unused


def test_the_trust_store_is_linted(admin, pki):
    weak = pki.leaf("short", kind="rsa1024")
    with open(weak.cert_file, encoding="utf-8") as f:
        admin.change({"op": "tcs-add", "data": f.read()})
    with open(weak.cert_file, encoding="utf-8") as f:
        assert any("key-weak" in text for text in admin.post("/tcs/inspect", data=f.read())["certificates"][0]["lint"])
    found = {(f["kind"], f["sha256"]) for f in admin.get("/tcs/lint")["findings"]}
    assert ("key-weak", weak.sha256) in found


def test_a_certificate_is_tried_at_every_level(admin, good, pki):
    with open(good.chain_file, encoding="utf-8") as f:
        told = admin.post("/check", certificate=f.read(), names=["peer.example.test"])
    assert told["matrix"]["medium+remote"] == {"verdict": "accept", "reason": ""}
    assert told["matrix"]["high"]["reason"] == "not-in-tcs"
    assert {f["check"] for f in told["findings"]} == set(told["checks"]) - {"revocation"}


def test_a_backup_comes_back_whole(admin):
    admin.set("expiry.warning-days", 77)
    _, _, backup = admin.raw("POST", "/backup", "{}", {"Content-Type": "application/json"})
    admin.set("expiry.warning-days", 78)
    status, _, answer = admin.raw("POST", "/restore?force=1", backup, {"Content-Type": "application/octet-stream"})
    assert status == 200 and json.loads(answer)["changed"], answer
    assert admin.value("expiry.warning-days") == "77"


def with_keys(admin, name):
    """An identity of the store, and a backup that holds its key."""
    admin.post("/identities", op="create", name=name, hosts=["gate.example.test"], key="p256")
    [path] = [i["key_path"] for i in admin.get("/identities")["identities"] if i["name"] == name]
    _, _, backup = admin.raw("POST", "/backup", json.dumps({"passphrase": "a long one"}),
                             {"Content-Type": "application/json"})
    return path, backup


def restore(admin, backup, query):
    status, _, answer = admin.raw("POST", "/restore?" + query, backup, {
        "Content-Type": "application/octet-stream", "Certgate-Passphrase": "a long one"})
    assert status == 200, answer
    return json.loads(answer)


@pytest.mark.parametrize("data", ["", "A", "=", "no base64 at all"])
def test_what_is_no_base64_is_refused_and_leaves_nothing(admin, data):
    """The sanitizers say at the node's end what was left."""
    assert "PKCS#12" in admin.post("/identities", 400, op="import", name="x", data=data)["error"]["message"]


def test_a_key_comes_back_with_its_backup_and_not_with_a_preview(admin):
    path, backup = with_keys(admin, "kept")
    admin.change({"op": "identity-remove", "name": "kept"})
    os.unlink(path)
    restore(admin, backup, "force=1&preview=1")
    assert not os.path.exists(path)
    assert restore(admin, backup, "force=1")["changed"]
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert "kept" in [i["name"] for i in admin.get("/identities")["identities"]]


def test_no_path_of_a_backup_leads_out_of_the_folder_of_keys(gateway_of):
    one, other = gateway_of({"web": {}}, store=True), gateway_of({"web": {}}, store=True)
    path, backup = with_keys(Admin(one), "kept")
    one.stop()
    os.unlink(path)
    restore(Admin(other), backup, "force=1")
    assert not os.path.exists(path)


def test_who_comes_when_too_many_listen_is_told(gateway_of):
    admin, listeners = Admin(gateway_of({"web": {}}, store=True)), []
    for _ in range(65):
        connection = LocalConnection(admin.path)
        connection.request("GET", "/api/v1/events")
        answer = connection.getresponse()
        if answer.status != 200:
            break
        listeners.append(connection)
    assert answer.status == 503 and "listen to events already" in json.loads(answer.read())["error"]["message"]
    for connection in listeners:
        connection.close()


def test_events_tell_of_a_decision(node, admin, good):
    connection = LocalConnection(admin.path)
    connection.request("GET", "/api/v1/events")
    stream = connection.getresponse()
    assert stream.headers["Content-Type"] == "text/event-stream"
    mark = node.mark()
    s_client(node.ports["web"], good)
    record = node.record(mark)
    lines = iter(stream.readline, b"")
    event = next(line for line in lines if line.startswith(b"event: decision"))
    assert event and record["incident"].encode() in next(lines)
    connection.close()
