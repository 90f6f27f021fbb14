"""Phones on the trunks' port: baresip, linphonec and sipsak, without a certificate, with a good and with a bad one."""
import pytest

from conftest import until
from pki import DAY, now
from programs import needs, run, started  # noqa: F401
from sip_programs import Baresip, Kamailio, linphone, sipp

pytestmark = needs("kamailio")
LEVELS = ("none", "high", "high+remote")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def registrar(folder, identity, started):  # noqa: F811
    server = Kamailio(folder, identity)
    started.append(server)
    return server


@pytest.fixture(scope="module")
def certs(pki):
    return {"good": pki.leaf("phone"), "expired": pki.leaf("phone-expired", end=now() - DAY / 2),
            "unpinned": pki.leaf("phone-unpinned")}


@pytest.fixture(scope="module")
def gateway(gateway_of, certs, registrar):
    interfaces = {level: {"service": "sip", "phones": True, "level": level} for level in LEVELS}
    interfaces["no tickets"] = {"service": "sip", "phones": True, "level": "high", "session-timeout": "0s"}
    interfaces["from a trunk's address"] = {"service": "sip", "phones": True, "level": "high"}
    trunks = [f'trunk "carrier {level}" {{ interface = "{level}" level = "high" sip-domains = {{"sip.example.test"}} }}'
              for level in LEVELS]
    trunks.append('trunk "near" { interface = "from a trunk\'s address" from = {"127.0.0.1"} level = "high" }')
    return gateway_of(interfaces, backend=registrar, pinned=[certs["good"], certs["expired"]], blocks=trunks)


def refused(gateway, mark):
    return any(record["verdict"] == "reject" for record in gateway.records()[mark:])


def baresip(gateway, folder, interface, cert):
    mark = gateway.mark()
    phone = Baresip(folder, gateway.ports[interface], cert)
    try:
        return "ok" if phone.answer(ended=lambda: refused(gateway, mark)) == 200 else "refused"
    finally:
        phone.stop()


def linphonec(gateway, folder, interface, cert):
    return linphone(folder, gateway.ports[interface], cert)


def sipsak(gateway, _, interface, cert):
    """It takes a TLS 1.3 session ticket for an answer that failed: no tickets for it."""
    assert cert is None, "it has no option for a key"
    interface = "no tickets" if interface == "high" else interface
    done = run(["sipsak", "-s", f"sip:1003@127.0.0.1:{gateway.ports[interface]}", "-U", "-C", "sip:1003@127.0.0.1",
                "-E", "tls", "--tls-ignore-cert-failure"])
    return "ok" if done.returncode == 0 else "refused"


PROGRAMS = {baresip: "baresip", linphonec: "linphonec", sipsak: "sipsak"}


def phones(*rows):
    """Parameters that begin with a phone: skipped where it is not installed."""
    return [pytest.param(*row, id="-".join([PROGRAMS[row[0]], *row[1:]]), marks=needs(PROGRAMS[row[0]]))
            for row in rows]


BOTH = (baresip, linphonec)


def registered(server, before):
    """How many REGISTER came since; Kamailio's log may be a moment behind the answer."""
    return len(server.seen("REGISTER")) - before


@pytest.mark.parametrize("phone,level", phones(*[(phone, level) for phone in BOTH for level in LEVELS],
                                               (sipsak, "high")))
def test_a_phone_without_certificate_registers(gateway, folder, registrar, phone, level):
    mark, before = gateway.mark(), len(registrar.seen("REGISTER"))
    assert phone(gateway, folder, level, None) == "ok"
    record = gateway.record(mark)
    assert (record["verdict"], record["class"], record["presented"], record["level"]) == ("accept", "phone", 0, level)
    until("the registration", lambda: registered(registrar, before) >= 1)


@pytest.mark.parametrize("phone", phones(*[(phone,) for phone in BOTH]))
def test_a_phone_that_shows_a_good_one_registers(gateway, folder, certs, phone):
    mark = gateway.mark()
    assert phone(gateway, folder, "high+remote", certs["good"]) == "ok"
    record = gateway.record(mark)
    assert (record["verdict"], record["class"]) == ("accept", "phone")
    assert record["certificate"]["sha256"] == certs["good"].sha256


@pytest.mark.parametrize("phone,cert,level,reason", phones(*[
    (phone, *row) for phone in BOTH for row in (("expired", "none", "expired"), ("unpinned", "high", "not-in-tcs"))]))
def test_a_phone_that_shows_a_bad_one_is_refused(gateway, folder, certs, registrar, phone, cert, level, reason):
    mark, before = gateway.mark(), len(registrar.seen("REGISTER"))
    assert phone(gateway, folder, level, certs[cert]) == "refused"
    records = gateway.since(mark)
    assert {(r["verdict"], r["reason"], r["class"], r["step"]) for r in records} == \
        {("reject", reason, "phone", "sip")}
    assert registered(registrar, before) == 0


@pytest.mark.parametrize("phone", phones(*[(phone,) for phone in PROGRAMS]))
def test_from_a_trunks_address_nobody_is_a_phone(gateway, folder, registrar, phone):
    mark, before = gateway.mark(), len(registrar.seen("REGISTER"))
    assert phone(gateway, folder, "from a trunk's address", None) == "refused"
    records = gateway.since(mark)
    assert {(r["verdict"], r["reason"], r["class"], r["class_by"], r["step"]) for r in records} == \
        {("reject", "certificate-missing", "near", "source-address", "handshake")}
    assert registered(registrar, before) == 0


@needs("baresip", "kamailio", "sipp")
def test_a_call_comes_in_over_the_phones_own_flow(gateway, folder, registrar):
    """The server calls the phone: INVITE, ACK and BYE go down the connection that the phone has opened."""
    phone = Baresip(folder, gateway.ports["high"])
    try:
        assert phone.answer() == 200
        call = sipp(folder, registrar.port, "call", domain="sip.example.test", callee="1001")
        assert call.status == 200 and call.complete, call.text + phone.output() + registrar.output()
    finally:
        phone.stop()
