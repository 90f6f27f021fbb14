"""Kamailio as a trunk, in both directions: it dials in to a SIP server behind the gateway, and we call it."""
import concurrent.futures
import json
import os
import re

import pytest

from conftest import until
from pki import Eku, Pki, to_pem
from programs import needs, started  # noqa: F401
from sip_backend import SipBackend
from sip_programs import Kamailio, SippServer, sipp

pytestmark = needs("kamailio", "sipp")
BOTH = ("1.2", "1.3")
LEVELS = ("medium+remote", "high")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def trunk(pki):
    return pki.leaf("trunk", san=["sip:sip.example.test", "peer.example.test"])


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("stranger"), label="Stranger").leaf(
        "stranger-trunk", san=["sip:sip.example.test", "peer.example.test"])


@pytest.fixture(scope="module")
def uas(folder, started):  # noqa: F811
    server = SippServer(folder)
    started.append(server)
    return server


@pytest.fixture(scope="module")
def counted():
    """A server that counts connections: nothing of a refused peer may reach it."""
    backend = SipBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def gateway(gateway_of, trunk, uas, counted):
    rows = {"medium+remote": f"127.0.0.1:{uas.port}", "high": f"127.0.0.1:{uas.port}",
            "counted": f"127.0.0.1:{counted.port}", "near": f"127.0.0.1:{counted.port}"}
    known = {"near": 'from = {"127.0.0.0/8"}'}
    return gateway_of({name: {"service": "sip", "level": "medium", "phones": True, "backend": backend}
                       for name, backend in rows.items()}, pinned=[trunk], blocks=[
        f'trunk "carrier {name}" {{ interface = "{name}" names = {{"peer.example.test"}}'
        f' level = "{name if name in LEVELS else "medium"}"'
        f' {known.get(name, "")} sip-domains = {{"sip.example.test"}} }}' for name in rows])


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("level", LEVELS)
def test_options_and_a_call(gateway, folder, identity, trunk, uas, level, tls):
    kamailio = Kamailio(folder, identity, to=gateway.ports[level], cert=trunk, tls=tls)
    try:
        mark = gateway.mark()
        options, call = sipp(folder, kamailio.port, "options"), sipp(folder, kamailio.port, "call")
    finally:
        kamailio.stop()
    assert options.complete and call.complete, call.text
    record = gateway.record(mark)
    assert (record["verdict"], record["class"], record["class_by"]) == ("accept", f"carrier {level}", "from-domain")
    assert (record["level"], record["tls"]) == (level, "TLSv" + tls)
    assert record["certificate"]["sha256"] == trunk.sha256
    until("all its requests", lambda: [line.split()[0] for line in uas.received()][-4:] ==
          ["OPTIONS", "INVITE", "ACK", "BYE"])


# Who dials in, the interface, and the reason, the step and the answer of the refusal.
REFUSED = [
    ("stranger", "counted", "issuer-unknown", "sip", 403),
    (None, "counted", "certificate-missing", "sip", 403),
    ("stranger", "near", "issuer-unknown", "handshake", None),
    (None, "near", "certificate-missing", "handshake", None),
]


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("who,interface,reason,step,status", REFUSED)
def test_a_refused_trunk_reaches_nobody(gateway, folder, identity, stranger, counted, who, interface, reason, step,
                                        status, tls):
    before, mark = counted.connections, gateway.mark()
    # It hears nothing of a connection that ends in the handshake, and waits for an answer all the same.
    kamailio = Kamailio(folder, identity, to=gateway.ports[interface], cert=who and stranger, tls=tls,
                        patience=20 if status else 2)
    try:
        options, call = sipp(folder, kamailio.port, "options"), sipp(folder, kamailio.port, "call")
    finally:
        kamailio.stop()
    assert not options.complete and not call.complete
    assert {(r["verdict"], r["reason"], r["step"], r["class"]) for r in gateway.since(mark)} == \
        {("reject", reason, step, f"carrier {interface}")}
    assert counted.connections == before
    if status:
        assert options.status == call.status == status
    else:  # Kamailio's own words for its failure, and the alert in its log
        assert options.status >= 400
        assert "alert" in kamailio.output()


def memory(pids):
    """The resident kilobytes of these processes."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            total += int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
    return total


def test_fifty_refusals_cost_little_and_disturb_nobody(gateway_of, monkeypatch, folder, identity, trunk, stranger,
                                                       counted):
    # What AddressSanitizer keeps of freed memory is no cost of ours.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    gateway = gateway_of({"counted": {"service": "sip", "level": "medium", "phones": True}}, backend=counted, blocks=[
        'trunk "carrier" { interface = "counted" sip-domains = {"sip.example.test"} level = "medium" }'])
    before = counted.connections
    bad = Kamailio(folder, identity, to=gateway.ports["counted"], cert=stranger)
    good = Kamailio(folder, identity, to=gateway.ports["counted"], cert=trunk)
    try:
        sipp(folder, bad.port, "options")
        sipp(folder, good.port, "options")
        mark, resident = gateway.mark(), memory(gateway.worker_pids())
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            retries = pool.submit(lambda: [sipp(folder, bad.port, "options") for _ in range(50)])
            calls = []
            while not retries.done():
                calls.append(sipp(folder, good.port, "options"))
        assert [answer.status for answer in retries.result()] == [403] * 50
        assert len(calls) > 10 and all(call.complete for call in calls)
    finally:
        bad.stop()
        good.stop()

    def rejected():
        return [r for r in gateway.records()[mark:] if r["verdict"] == "reject"]
    until("their records", lambda: len(rejected()) >= 50)
    records = rejected()
    assert len(records) <= 100, "one for each connection, and Kamailio may try twice"
    assert {r["reason"] for r in records} == {"issuer-unknown"}
    assert max(len(json.dumps(r)) for r in records) < 8192
    assert memory(gateway.worker_pids()) - resident < 16384
    assert counted.connections == before + 1, "the good trunk's one connection"


# ---- trunks that we call ---------------------------------------------------------------------------

# What the server's certificate says, the level, and the reason of its refusal.
SERVERS = [
    (("localhost", "sip:sip.example.test"), "medium+remote", None),
    (("localhost", "sip:sip.example.test"), "high+remote", None),
    (("localhost", "sip:other.example.test"), "medium+remote", "sip-domain-mismatch"),
    (("other.example.test", "sip:sip.example.test"), "medium+remote", "name-mismatch"),
    (("localhost", "sip:other.example.test"), "medium", None),
]


@pytest.mark.parametrize("names,level,reason", SERVERS)
def test_a_trunk_that_we_call(gateway_of, folder, identity, pki, names, level, reason):
    """Kamailio is the far end: it asks for our certificate, and answers OPTIONS and a call by TLS."""
    server = pki.leaf(f"far-trunk-{level}-{names[0]}-{names[1][4:]}", eku=(Eku.SERVER_AUTH,), san=names)
    ours = pki.leaf("ours", eku=(Eku.CLIENT_AUTH, Eku.SERVER_AUTH), san=("gw.example.test",))
    root = os.path.join(pki.folder, "root.pem")
    with open(root, "wb") as f:
        f.write(to_pem(pki.root_der))
    far = Kamailio(folder, server, verify=root)
    try:
        gateway = gateway_of({"out": {
            "role": "outbound", "backend": None, "service": "sip", "connect": f"localhost:{far.tls_port}",
            "level": level, "sip-domains": ["sip.example.test"]}}, identity=ours, pinned=[server])
        mark = gateway.mark()
        done = [sipp(folder, gateway.ports["out"], what)
                for what in ("options", "call")]
        records = gateway.since(mark)
    finally:
        far.stop()
    assert {(r["verdict"], r["reason"], r["role"], r["sni"]) for r in records} == \
        {("reject" if reason else "accept", reason, "outbound", "localhost")}
    assert [call.complete for call in done] == [reason is None] * 2, done[1].text
    assert [len(far.seen(method)) for method in ("OPTIONS", "INVITE", "BYE")] == [0 if reason else 1] * 3
    assert len(re.findall("SEEN .* by tls for localhost$", far.output(), re.M)) == (0 if reason else 4)
