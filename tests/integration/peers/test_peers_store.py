"""What the administrator changes while peers come and go: copies in the store, levels, and our own identity."""
import os
import shutil

import pytest

from clients import CLIENTS, REQUEST, curl, s_client
from conftest import until
from pki import Eku, Pki, to_pem
from programs import needs
from servers import ask
from web_programs import NginxFarEnd


@pytest.mark.parametrize("client", CLIENTS)
def test_pinning_counts_from_the_next_connection_on(gateway_of, pki, client):
    """Refused at High, its copy added: admitted; removed: refused again."""
    cert = pki.leaf(f"pin-live-{client}")
    gateway = gateway_of({"web": {"level": "high"}})
    copy = os.path.join(gateway.tcs, "pin-live.pem")

    def attempt(reason):
        mark = gateway.mark()
        assert CLIENTS[client](gateway.ports["web"], cert).served is (reason is None)
        assert gateway.record(mark)["reason"] == reason
    attempt("not-in-tcs")
    shutil.copy(cert.cert_file, copy)
    gateway.reload(2)
    attempt(None)
    os.remove(copy)
    gateway.reload(3)
    attempt("not-in-tcs")


def test_a_copy_is_the_very_certificate(gateway_of, pki):
    """Another certificate with the same subject and key is not it; and a pinned one is nobody's issuer."""
    first = pki.leaf("twin")
    second = pki.leaf("twin", key=first.key)
    assert first.key is second.key and first.der != second.der
    namesake = pki.leaf("Test CA", san=("namesake.example.test",))  # pinned, it bears the name of the issuer of all
    gateway = gateway_of({"web": {"level": "high"}}, pinned=[first, namesake])
    for cert, reason in ((first, None), (second, "not-in-tcs")):
        mark = gateway.mark()
        assert s_client(gateway.ports["web"], cert).served is (reason is None)
        assert gateway.record(mark)["reason"] == reason


@pytest.mark.parametrize("client", CLIENTS)
def test_our_own_certificate_that_comes_back(gateway_of, pki, client):
    """Reflected: Medium has nothing against it, High has."""
    own = pki.leaf(f"own-{client}", eku=(Eku.SERVER_AUTH, Eku.CLIENT_AUTH), san=("localhost",))
    gateway = gateway_of({level: {"level": level} for level in ("medium", "high")}, identity=own, pinned=[own])
    assert CLIENTS[client](gateway.ports["medium"], own).served
    mark = gateway.mark()
    assert not CLIENTS[client](gateway.ports["high"], own).served
    assert gateway.record(mark)["reason"] == "reflected"


@pytest.mark.parametrize("level,reason", [("medium", None), ("high", "reflected")])
def test_we_call_ourselves(gateway_of, pki, level, reason):
    """An outbound interface that leads to our own listener finds our own certificate there."""
    own = pki.leaf(f"own-called-{level}", eku=(Eku.SERVER_AUTH, Eku.CLIENT_AUTH), san=("localhost",))
    gateway = gateway_of({"web": {"level": "medium"}}, identity=own, pinned=[own])
    gateway.configure({"web": {"level": "medium"}, "out": {
        "role": "outbound", "backend": None, "connect": f"localhost:{gateway.ports['web']}", "level": level}})
    gateway.reload(2)
    mark = gateway.mark()
    got, end = ask(gateway.ports["out"], REQUEST)

    def records():
        return {record["interface"]: record for record in gateway.records()[mark:]}
    record = until("our own record", lambda: records().get("out"))
    assert (b"200 OK" in got) is (reason is None)
    assert (record["verdict"], record["reason"]) == ("reject" if reason else "accept", reason)
    assert end == ("reset" if reason else "end")


@needs("nginx")
@pytest.mark.parametrize("ours,verified", [(True, True), (False, False)])
def test_nginx_tells_what_we_have_shown_it(gateway_of, pki, tmp_path, tmp_path_factory, ours, verified):
    """It knows a root alone: the intermediate comes from us. One of another root it does not take."""
    server = pki.leaf("asks", eku=(Eku.SERVER_AUTH,), san=("localhost",))
    signer = pki if ours else Pki(tmp_path_factory.mktemp("other"), label="Other")
    shown = signer.leaf("gw-shown", eku=(Eku.CLIENT_AUTH, Eku.SERVER_AUTH), san=("gw.example.test",))
    root = tmp_path / "root.pem"
    root.write_bytes(to_pem(pki.root_der))
    far = NginxFarEnd(tmp_path, server, root)
    try:
        gateway = gateway_of({"out": {"role": "outbound", "backend": None, "connect": f"localhost:{far.port}",
                                      "level": "high+remote"}}, identity=shown, pinned=[server])
        got, _ = ask(gateway.ports["out"], REQUEST)
        if verified:
            assert b"\nlocalhost SUCCESS CN=gw-shown\n" in got and shown.pem.strip() in got
        else:
            assert b"400" in got and b"SUCCESS" not in got
    finally:
        far.stop()


@pytest.mark.parametrize("latched,reason", [(True, None), (False, "key-usage-missing")])
def test_a_latched_level_skips_what_came_later(gateway_of, pki, latched, reason):
    gateway = gateway_of({"web": {"level": "medium", "latched": latched}})
    cert = pki.leaf(f"no-usage-{latched}", key_usage=False)
    mark = gateway.mark()
    assert curl(gateway.ports["web"], cert).served is (reason is None)
    record = gateway.record(mark)
    assert (record["reason"], record["latched"]) == (reason, latched)


def test_a_level_raised_is_raised_for_all_who_come(gateway_of, pki):
    """Medium, High, Medium again: each for the next connection."""
    gateway = gateway_of({"web": {"level": "medium"}})
    cert = pki.leaf("levels-live")
    for generation, level in ((1, "medium"), (2, "high"), (3, "medium")):
        if generation > 1:
            gateway.configure({"web": {"level": level}})
            gateway.reload(generation)
        mark = gateway.mark()
        assert curl(gateway.ports["web"], cert).served is (level == "medium")
        record = gateway.record(mark)
        assert (record["level"], record["generation"]) == (level, generation)
