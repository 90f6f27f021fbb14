"""What is foretold of a change is what then happens: a mix of real clients, the inventory of certgated, and the store."""
import json

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from admin import Admin
from clients import s_client
from conftest import until
from pki import DAY, Pki, now
from test_gateway_admitted import admit
from test_record_commands import certgate

PINNED = ("good", "self-signed")


@pytest.fixture(scope="module")
def certs(pki, good, tmp_path_factory):
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    return {
        "good": good,
        "unpinned": pki.leaf("unpinned"),
        "self-signed": pki.leaf("self-signed", self_signed=True),
        "weak": pki.leaf("weak", kind="rsa1024"),
        "stranger": stranger.leaf("stranger"),
        "no-key-usage": pki.leaf("no-key-usage", key_usage=False),
        "server-only": pki.leaf("server-only", eku=(Eku.SERVER_AUTH,)),
        "old": pki.leaf("old", end=now() - DAY / 2),
    }


@pytest.fixture()
def node(gateway_of, certs):
    return gateway_of({"web": {"allow": ["allow-server-auth-clients"], "admit": [admit(certs["old"])]}},
                      pinned=[certs[name] for name in PINNED], store=True)


def served(gateway, certs):
    return {name for name, cert in certs.items() if s_client(gateway.ports["web"], cert).served}


def asked(gateway, *change, expect=1):
    return json.loads(certgate("what-if", *change, "--config", gateway.config, "--format", "json", expect=expect))


def names(rows):
    return {row["subject"][3:] for row in rows}


def known(gateway, certs):
    """What came is in the inventory, with what the admitted ones sent, two seconds later at the latest."""
    until("the inventory", lambda: json.loads(certgate(
        "peers", "--config", gateway.config, "--format", "json")).__len__() == len(certs))


@pytest.mark.parametrize("what", ["level", "root", "copy", "allowance", "pins"])
def test_what_is_foretold_then_happens(node, pki, certs, what):
    admin = Admin(node)
    before = served(node, certs)
    assert before == {"good", "unpinned", "self-signed", "weak", "server-only", "old"}
    known(node, certs)
    sha256 = {c["subject"]: c["sha256"] for c in admin.get("/tcs")["certificates"]}
    question, edit = {
        "level": (("--set", "checks.management=high"), {"op": "set", "name": "checks.management", "value": "high"}),
        "root": (("--tcs-remove", sha256["CN=Test Root"]), {"op": "tcs-remove", "sha256": sha256["CN=Test Root"]}),
        "copy": (("--tcs-remove", sha256["CN=self-signed"]), {"op": "tcs-remove", "sha256": sha256["CN=self-signed"]}),
        "allowance": (("--set", "interface.web.allow="), {"op": "set", "name": "interface.web.allow", "value": ""}),
        "pins": (("--set", "checks.management=high+remote"),
                 {"op": "set", "name": "checks.management", "value": "high+remote"}),
    }[what]
    answer = asked(node, *question)
    assert all(row["from_certificates"] for row in answer["breaks"])
    admin.change(edit, force=True)
    after = served(node, certs)
    assert names(answer["breaks"]) == before - after and before != after
    assert answer["unsure"] == []
    if what != "pins":
        assert "old" in after, "an administrator admits it"


def test_the_end_of_a_latch(gateway_of, certs):
    """Peers whose key usage nobody looked at are judged by what they sent."""
    gateway = gateway_of({"web": {"level": "medium", "latched": True}}, pinned=[certs[name] for name in PINNED],
                         store=True)
    before = served(gateway, certs)
    assert {"no-key-usage", "server-only"} < before
    known(gateway, certs)
    same = asked(gateway, "--set", "interface.web.level=medium", expect=0)
    assert same["covers"] == [] and same["certificates"] == 0, "it is no change"
    answer = asked(gateway, "--set", "interface.web.level=high")
    assert answer["covers"] == [{"interface": "web", "class": "other", "from": "medium", "to": "high",
                                 "latch_ends": True}]
    reasons = {row["subject"][3:]: row["then"]["reason"] for row in answer["breaks"]}
    assert reasons == {"no-key-usage": "key-usage-missing", "server-only": "purpose-mismatch", "unpinned": "not-in-tcs",
                       "weak": "key-too-small", "self-signed": "self-signed"}
    Admin(gateway).set("interface.web.level", "high", force=True)
    assert before - served(gateway, certs) == set(reasons)


def test_more_trust_refuses_nobody(node, pki, certs, tmp_path):
    served(node, certs)
    known(node, certs)
    extra = tmp_path / "extra.pem"
    extra.write_bytes(certs["stranger"].pem)
    answer = asked(node, "--tcs-add", str(extra), expect=0)
    assert (answer["tcs_added"], answer["breaks"], answer["unsure"]) == (1, [], [])
    text = certgate("what-if", "--tcs-add", str(extra), "--config", node.config)
    assert "1 certificate would be trusted besides" in text and "Nobody of them" in text


def test_a_log_answers_what_it_can(node, pki, certs):
    served(node, certs)
    sha256 = {c["subject"]: c["sha256"] for c in Admin(node).get("/tcs")["certificates"]}
    until("all records", lambda: len(node.records()) == len(certs))
    answer = asked(node, "--tcs-remove", sha256["CN=Test Root"], "--replay", node.log, expect=0)
    assert answer["breaks"] == [] and answer["judged"] == 0
    assert {"good", "unpinned", "weak", "server-only"} <= names(answer["unsure"])


@pytest.mark.parametrize("arguments, message", [
    (("--tcs-remove", "00"), "is no SHA-256"),
    (("--tcs-remove", "00" * 32), "no certificate of that SHA-256 is trusted"),
    (("--tcs-add", "/nowhere"), "/nowhere"),
    (("--set", "checks.management"), "is not SETTING=VALUE"),
])
def test_changes_that_are_none(node, arguments, message):
    assert message in certgate("what-if", *arguments, "--config", node.config, expect=2)
