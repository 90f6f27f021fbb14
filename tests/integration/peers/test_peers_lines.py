"""IP Office lines that dial in on the port of the web service: npm's ws and python3-websockets, judged by the line's level."""
import pytest

from clients import CLIENTS
from pki import DAY, Eku, Pki, now
from programs import needs
from servers import TlsServer
from test_outbound import LineServer, line_to
from web_programs import NodeFarEnd, node_line, python_line

BOTH = ("1.2", "1.3")
LINES = [pytest.param(node_line, id="ws", marks=needs("node", npm=["ws"])),
         pytest.param(python_line, id="websockets")]
# Of the interface, and of the line that shares its port.
LEVELS = [("high", "low"), ("none", "high"), ("medium", "medium"), ("high", "none"), ("low", "medium")]


@pytest.fixture(scope="module")
def certs(pki, good, tmp_path_factory):
    stranger = Pki(tmp_path_factory.mktemp("stranger"), label="Stranger")
    return {"good": good, "unpinned": pki.leaf("line-unpinned"), "small": pki.leaf("line-small", kind="rsa1024"),
            "expired": pki.leaf("line-expired", end=now() - DAY / 2), "stranger": stranger.leaf("line-stranger")}


@pytest.fixture(scope="module")
def echo():
    server = LineServer(None)
    yield server
    server.close()


@pytest.fixture(scope="module")
def gateway(gateway_of, certs, echo):
    interfaces = {f"{web}/{line}": {"level": web, "mode": "http"} for web, line in LEVELS}
    interfaces["open"] = {"level": "none", "mode": "http", "require-certificate": False}
    lines = [f'line "{web}/{line}" {{ interface = "{web}/{line}" path = "/line" level = "{line}" }}'
             for web, line in LEVELS]
    lines += ['line "open" { interface = "open" path = "/line" }',
              'line "medium" { interface = "open" path = "/medium" security = "medium" level = "high" }',
              'line "unsecured" { interface = "open" path = "/unsecured" security = "unsecured" level = "high" }']
    return gateway_of(interfaces, backend=echo, pinned=[certs["good"]], blocks=lines)


ACCEPTED = [("high/low", "good"), ("high/low", "small"), ("high/low", "unpinned"), ("none/high", "good"),
            ("medium/medium", "unpinned"), ("high/none", "stranger"), ("low/medium", "unpinned"), ("open", "good")]


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("interface,cert", ACCEPTED)
@pytest.mark.parametrize("line", LINES)
def test_a_line_echoes_through_the_tunnel(gateway, certs, line, interface, cert, tls):
    mark = gateway.mark()
    answer = line(gateway.ports[interface], "/line", certs[cert], tls)
    assert answer.works, answer.error
    record = gateway.record(mark)
    assert (record["verdict"], record["class"], record["class_by"]) == ("accept", interface, "upgrade-path")
    assert (record["level"], record["tls"]) == (interface.rpartition("/")[2].replace("open", "high"), "TLSv" + tls)
    assert record["certificate"]["sha256"] == certs[cert].sha256


REFUSED = [("none/high", "unpinned", "not-in-tcs"), ("none/high", "small", "key-too-small"),
           ("medium/medium", "stranger", "issuer-unknown"), ("high/none", "expired", "expired"),
           ("low/medium", "stranger", "issuer-unknown"), ("high/low", "expired", "expired"),
           ("open", None, "certificate-missing"), ("open", "unpinned", "not-in-tcs")]


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("interface,cert,reason", REFUSED)
@pytest.mark.parametrize("line", LINES)
def test_a_line_is_refused_by_its_own_level(gateway, certs, line, interface, cert, reason, tls):
    mark = gateway.mark()
    answer = line(gateway.ports[interface], "/line", cert and certs[cert], tls)
    assert (answer.status, answer.echoes) == (403, 0)
    record = gateway.record(mark)
    assert (record["verdict"], record["class"], record["reason"], record["step"]) == \
        ("reject", interface, reason, "http")
    if cert:
        failed = next(finding for finding in record["findings"] if finding["outcome"] == "fail")
        assert failed["reason"] == reason


@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("line", LINES)
def test_without_a_certificate_the_handshake_ends_where_everyone_needs_one(gateway, line, tls):
    mark = gateway.mark()
    answer = line(gateway.ports["high/low"], "/line", None, tls)
    assert answer.status is None
    record = gateway.record(mark)
    assert (record["reason"], record["step"], record["alert_sent"]) == \
        ("certificate-missing", "handshake", 116 if tls == "1.3" else 40)


@pytest.mark.parametrize("client", CLIENTS)
def test_beside_a_lower_line_the_web_keeps_its_level(gateway, certs, client):
    mark = gateway.mark()
    answer = CLIENTS[client](gateway.ports["high/low"], certs["small"])
    assert not answer.served and "403" in answer.text
    record = gateway.record(mark)
    assert (record["class"], record["level"], record["reason"]) == ("other", "high", "key-too-small")


@pytest.mark.parametrize("path", ("/medium", "/unsecured"))
@pytest.mark.parametrize("cert", ("unpinned", None))
@pytest.mark.parametrize("line", LINES)
def test_the_level_of_a_line_counts_at_security_high_alone(gateway, certs, line, path, cert):
    mark = gateway.mark()
    assert line(gateway.ports["open"], path, cert and certs[cert]).works
    record = gateway.record(mark)
    assert (record["verdict"], record["level"], record["class"]) == ("accept", "none", path[1:])


# ---- lines that we open ----------------------------------------------------------------------------

def node_far_end(folder, cert):
    return NodeFarEnd(folder, cert)


class PythonFarEnd(LineServer):
    def __init__(self, _, cert):
        self.tls = TlsServer(cert)
        super().__init__(self.tls.context)

    def stop(self):
        self.close()
        self.tls.close()


FAR_ENDS = [pytest.param(node_far_end, id="to-ws", marks=needs("node", npm=["ws"])),
            pytest.param(PythonFarEnd, id="to-websockets")]


@pytest.mark.parametrize("far_end", FAR_ENDS)
@pytest.mark.parametrize("line", LINES)
def test_a_line_that_we_open(gateway_of, pki, tmp_path, line, far_end):
    """The far end's certificate is judged at High; with one that is not pinned, its program hears nothing."""
    pinned, unpinned = (pki.leaf(name, eku=(Eku.SERVER_AUTH,), san=("localhost",)) for name in ("far", "far-unpinned"))
    ends = []
    try:
        ends += [far_end(tmp_path, cert) for cert in (pinned, unpinned)]
        gateway = gateway_of({"good": line_to(ends[0]), "bad": line_to(ends[1])}, pinned=[pinned])
        mark = gateway.mark()
        answer = line(gateway.ports["good"], "/line", tls=None)
        assert answer.works, answer.error
        record = gateway.record(mark)
        assert (record["verdict"], record["level"], record["role"]) == ("accept", "high", "outbound")
        mark = gateway.mark()
        answer = line(gateway.ports["bad"], "/line", tls=None)
        assert (answer.status, answer.echoes) == (None, 0)
        assert gateway.record(mark)["reason"] == "not-in-tcs"
    finally:
        for end in ends:
            end.stop()


# What is the matter with the far end, the level of the line, and the reason of the refusal.
FAR = [("nothing", "high", None), ("for clients only", "medium", "purpose-mismatch"),
       ("for clients only", "low", None), ("signed by itself", "medium", "root-not-trusted"),
       ("signed by itself", "low", None), ("a small key", "high", "key-too-small"), ("a small key", "medium", None)]


@pytest.mark.parametrize("matter,level,reason", FAR)
def test_the_far_end_of_a_line_by_level(gateway_of, pki, matter, level, reason):
    server = {"eku": (Eku.SERVER_AUTH,), "san": ("localhost",)}
    rest = {"nothing": {}, "for clients only": {"eku": (Eku.CLIENT_AUTH,)}, "signed by itself": {"self_signed": True},
            "a small key": {"kind": "rsa1024"}}[matter]
    cert = pki.leaf(f"far {matter} {level}", **{**server, **rest})
    end = PythonFarEnd(None, cert)
    try:
        gateway = gateway_of({"line": line_to(end, level=level)}, pinned=[] if matter == "signed by itself" else [cert])
        mark = gateway.mark()
        answer = python_line(gateway.ports["line"], "/line", tls=None)
        assert answer.works is (reason is None), answer.error
        record = gateway.record(mark)
        assert (record["verdict"], record["reason"], record["level"]) == \
            ("reject" if reason else "accept", reason, level)
    finally:
        end.stop()
