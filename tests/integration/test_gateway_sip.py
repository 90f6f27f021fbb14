"""Mode sip: phones and trunks on one port, told apart by source address and by From domain."""
import pytest

from conftest import until
from pki import Eku
from sip_backend import SipBackend, message, read_message, request
from test_gateway import connect

PHONE = "<sip:1001@phones.example.test>;tag=a"
TRUNK = "<sip:1001@sip.example.test>;tag=a"
OTHER = "<sip:1001@other.example.test>;tag=a"


@pytest.fixture(scope="module")
def server():
    backend = SipBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def trunk(pki):
    return pki.leaf("trunk", san=["sip:sip.example.test", "peer.example.test"])


@pytest.fixture(scope="module")
def gateway(gateway_of, server):
    return gateway_of({
        "sip": {"service": "sip", "level": "medium", "phones": True, "request-timeout": "1s"},
        "trunks": {"service": "sip", "level": "medium"},
        "source": {"service": "sip", "level": "low", "phones": True},
        "single": {"service": "sip", "level": "medium+remote", "mode": "sip", "names": ["peer.example.test"],
                   "sip-domains": ["sip.example.test"]},
    }, backend=server, blocks=[
        'trunk "carrier" { interface = "sip" sip-domains = {"sip.example.test"} names = {"peer.example.test"}'
        ' level = "medium+remote" sip-match = "every-request" }',
        'trunk "spelt" { interface = "sip" sip-domains = {"Spelt.Example.TEST.", "10.1.2.3"} }',
        'trunk "only" { interface = "trunks" sip-domains = {"sip.example.test"} level = "medium" }',
        'trunk "near" { interface = "source" from = {"127.0.0.0/8"} level = "medium" }',
    ])


class Peer:
    def __init__(self, gateway, interface, cert=None):
        self.sock = connect(gateway.ports[interface], cert)
        self.stream = self.sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, data):
        self.send(data)
        got = read_message(self.stream)
        return int(got[0].split(" ")[1]) if got else None

    def close(self):
        self.stream.close()
        self.sock.close()


def register(sender, **options):
    return request("REGISTER", "sip:gw.example.test", sender, **options)


def test_a_phone_registers_without_a_certificate(gateway):
    mark = gateway.mark()
    peer = Peer(gateway, "sip")
    assert peer.ask(register(PHONE)) == 200
    peer.close()
    record = gateway.record(mark)
    assert (record["verdict"], record["class"], record["class_by"]) == ("accept", "phone", "no-other-class")


def test_a_phone_that_shows_a_certificate_is_judged_by_it(gateway, pki):
    mark = gateway.mark()
    peer = Peer(gateway, "sip", pki.leaf("wrong-purpose", eku=(Eku.SERVER_AUTH,)))
    assert peer.ask(register(PHONE)) == 403
    peer.close()
    record = gateway.record(mark)
    assert (record["class"], record["reason"], record["step"]) == ("phone", "purpose-mismatch", "sip")


def test_a_trunk_is_known_by_its_domain(gateway, trunk):
    mark = gateway.mark()
    peer = Peer(gateway, "sip", trunk)
    assert peer.ask(request("OPTIONS", "sip:gw.example.test", TRUNK)) == 200
    peer.close()
    record = gateway.record(mark)
    assert (record["class"], record["class_by"], record["level"]) == ("carrier", "from-domain", "medium+remote")
    assert record["verdict"] == "accept"


@pytest.mark.parametrize("sender", [TRUNK, "sip:1001@sip.example.test;tag=a", "<sip:sip.example.test>;tag=a",
                                    '"x <sip:a@b>" <sips:1001@SIP.Example.Test:5061>;tag=a',
                                    "<sip:1001@sip.example.test.>;tag=a"])
def test_a_phone_cannot_speak_for_a_trunk(gateway, server, sender):
    mark, before = gateway.mark(), len(server.messages)
    peer = Peer(gateway, "sip")
    assert peer.ask(register(PHONE)) == 200
    assert peer.ask(request("INVITE", "sip:1@gw.example.test", sender, number=2)) == 403
    peer.close()
    until("both records", lambda: gateway.mark() >= mark + 2)
    record = gateway.records()[mark + 1]
    assert (record["class"], record["reason"]) == ("carrier", "certificate-missing")
    assert len(server.messages) == before + 1


@pytest.mark.parametrize("host", ["spelt.example.test", "SPELT.example.test.", "10.1.2.3", "[::ffff:10.1.2.3]"])
def test_a_trunks_domain_is_known_however_it_is_spelt(gateway, host):
    mark = gateway.mark()
    peer = Peer(gateway, "sip")
    assert peer.ask(register(f"<sip:1001@{host}>;tag=a")) == 403
    peer.close()
    assert gateway.record(mark)["class"] == "spelt"


def test_the_first_request_may_be_the_trunks_even_to_register(gateway):
    mark = gateway.mark()
    peer = Peer(gateway, "sip")
    assert peer.ask(register(TRUNK)) == 403
    peer.close()
    assert gateway.record(mark)["reason"] == "certificate-missing"


def test_a_certificate_of_another_domain_does_not_carry_the_trunk(gateway, pki):
    mark = gateway.mark()
    peer = Peer(gateway, "sip", pki.leaf("stranger", san=["sip:other.example.test", "peer.example.test"]))
    assert peer.ask(request("OPTIONS", "sip:gw.example.test", TRUNK)) == 403
    peer.close()
    assert gateway.record(mark)["reason"] == "sip-domain-mismatch"


def test_without_phones_nobody_else_is_served(gateway, trunk):
    mark = gateway.mark()
    peer = Peer(gateway, "trunks", trunk)
    assert peer.ask(request("OPTIONS", "sip:gw.example.test", OTHER)) == 403
    peer.close()
    assert gateway.record(mark)["reason"] == "class-unknown"


def test_no_certificate_is_refused_in_the_handshake_where_every_class_wants_one(gateway):
    mark = gateway.mark()
    peer = Peer(gateway, "trunks")
    try:
        assert peer.ask(register(PHONE)) is None
    except OSError:
        pass
    peer.close()
    record = gateway.record(mark)
    assert (record["reason"], record["step"], record["alert_sent"]) == ("certificate-missing", "handshake", 116)


def test_a_trunks_address_is_judged_in_the_handshake(gateway):
    mark = gateway.mark()
    peer = Peer(gateway, "source")
    try:
        assert peer.ask(register(PHONE)) is None
    except OSError:
        pass
    peer.close()
    record = gateway.record(mark)
    assert (record["class"], record["class_by"], record["step"]) == ("near", "source-address", "handshake")


def test_the_from_domain_of_the_first_request_must_be_the_certificates(gateway, trunk):
    for sender, status in ((TRUNK, 200), (OTHER, 403)):
        mark = gateway.mark()
        peer = Peer(gateway, "single", trunk)
        assert peer.ask(request("OPTIONS", "sip:gw.example.test", sender)) == status
        peer.close()
        assert gateway.record(mark)["reason"] == (None if status == 200 else "sip-domain-mismatch")


@pytest.mark.parametrize("interface, status", [("sip", 403), ("single", 200)])
def test_a_later_from_domain_is_judged_where_every_request_is(gateway, trunk, interface, status):
    mark = gateway.mark()
    peer = Peer(gateway, interface, trunk)
    assert peer.ask(request("OPTIONS", "sip:gw.example.test", TRUNK)) == 200
    peer.send(request("OPTIONS", "sip:gw.example.test", OTHER, number=2))
    answer = read_message(peer.stream)
    assert int(answer[0].split(" ")[1]) == status
    peer.close()
    gateway.record(mark)
    if status == 403:
        until("both records", lambda: gateway.mark() >= mark + 2)
        record = gateway.records()[mark + 1]
        assert (record["class"], record["reason"]) == ("carrier", "sip-domain-mismatch")
        assert record["incident"] in str(answer)


def test_messages_come_in_pieces_and_several_at_once(gateway, server):
    peer = Peer(gateway, "sip")
    data = register(PHONE) + b"\r\n\r\n" + request("MESSAGE", "sip:1@gw.example.test", PHONE, number=2,
                                                   body=b"hello\r\n\r\nREGISTER sip:x SIP/2.0\r\n")
    for at in range(0, len(data), 11):
        peer.send(data[at:at + 11])
    assert [read_message(peer.stream)[0] for _ in range(2)] == ["SIP/2.0 200 OK"] * 2
    assert server.messages[-1][2].startswith(b"hello")
    peer.close()


def test_a_phones_flow_carries_requests_of_the_server(gateway, server):
    peer = Peer(gateway, "sip")
    assert peer.ask(register(PHONE)) == 200
    server.flows[-1].sendall(request("INVITE", "sip:1001@phone", "<sip:1@gw.example.test>;tag=b"))
    assert read_message(peer.stream)[0].startswith("INVITE")
    peer.send(message("SIP/2.0 180 Ringing", "Via: SIP/2.0/TCP gw", "CSeq: 1 INVITE"))
    until("the response", lambda: server.messages[-1][0] == "SIP/2.0 180 Ringing")
    peer.close()


@pytest.mark.parametrize("cert, kept", [(True, True), (False, False)])
def test_an_alias_is_for_mutually_authenticated_trunks(gateway, server, trunk, cert, kept):
    peer = Peer(gateway, "sip", trunk if cert else None)
    via = "SIP/2.0/TLS peer.example.test;alias;branch=z9hG4bK1"
    assert peer.ask(request("OPTIONS", "sip:gw.example.test", TRUNK if cert else PHONE, via=via)) == 200
    peer.close()
    assert (";alias" in server.messages[-1][1]["via"][0]) is kept


def test_what_is_no_sip_reaches_nobody(gateway, server):
    mark, before = gateway.mark(), server.connections
    peer = Peer(gateway, "sip")
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert peer.stream.read() == b""
    peer.close()
    assert gateway.record(mark)["reason"] == "class-unknown"
    assert server.connections == before


HEAD = ("REGISTER sip:gw SIP/2.0\r\nVia: SIP/2.0/TLS a;branch=z9hG4bK1\r\nFrom: <sip:1@phones.example.test>;tag=a\r\n"
        "To: <sip:1@gw>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n")
HIDDEN = "REGISTER sip:gw SIP/2.0\r\nFrom: <sip:1@sip.example.test>\r\n\r\n"
TORTURE = {
    "no length": HEAD + "\r\n",
    "two lengths": HEAD + "Content-Length: 0\r\nl: 9\r\n\r\n",
    "a length in a folded line": HEAD + f"Subject: x\r\n l: 0\r\nContent-Length: {len(HIDDEN)}\r\n\r\n" + HIDDEN,
    "a length by another name": HEAD + f"Content_Length: 0\r\nContent-Length: {len(HIDDEN)}\r\n\r\n" + HIDDEN,
    "a signed length": HEAD + "Content-Length: +0\r\n\r\n",
    "two senders": HEAD + "f: <sip:1@sip.example.test>;tag=b\r\nContent-Length: 0\r\n\r\n",
    "a bare line feed": HEAD.replace("\r\nTo", "\nTo") + "Content-Length: 0\r\n\r\n",
    "a NUL": HEAD + "Subject: a\0b\r\nContent-Length: 0\r\n\r\n",
    "another scheme": HEAD.replace("sip:1@phones", "urn:x:1@phones") + "Content-Length: 0\r\n\r\n",
    "an escaped host": HEAD.replace("phones.example", "%70hones.example") + "Content-Length: 0\r\n\r\n",
    "another version": HEAD.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia") + "Content-Length: 0\r\n\r\n",
    "a body of a gigabyte": HEAD + "Content-Length: 1000000000\r\n\r\n",
    "too large a head": HEAD + "".join(f"X-{n}: {'x' * 200}\r\n" for n in range(400)) + "Content-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("what", TORTURE)
def test_what_two_parsers_could_take_differently_reaches_nobody(gateway, server, what):
    before = len(server.messages)
    peer = Peer(gateway, "sip")
    try:
        peer.send(TORTURE[what].encode("latin-1"))
        answer = peer.stream.read()
        assert not answer.startswith(b"SIP/2.0 2"), answer
    except OSError:
        pass
    peer.close()
    peer = Peer(gateway, "sip")
    assert peer.ask(register(PHONE)) == 200
    peer.close()
    assert len(server.messages) == before + 1


def test_a_ping_before_the_first_request_is_answered(gateway):
    peer = Peer(gateway, "sip")
    peer.send(b"\r\n\r\n")
    assert peer.stream.read(2) == b"\r\n"
    assert peer.ask(register(PHONE)) == 200
    peer.close()


def test_a_head_that_never_ends_is_bounded(gateway):
    mark = gateway.mark()
    peer = Peer(gateway, "sip")
    peer.send(b"REGISTER sip:gw SIP/2.0\r\nVia: ")
    assert peer.stream.read() == b""
    peer.close()
    until("its record", lambda: [r for r in gateway.records()[mark:] if r["reason"] == "handshake-timeout"])
