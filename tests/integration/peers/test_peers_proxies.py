"""PROXY protocol with those who speak it: HAProxy in front; nginx, HAProxy and Kamailio behind."""
import socket
import ssl

import pytest

from clients import REQUEST, curl
from programs import needs, started  # noqa: F401
from sip_backend import read_message, request
from sip_programs import Kamailio
from test_gateway import connect
from web_programs import Nginx, client_context, haproxy_backend, haproxy_front

FAR = "127.0.0.2"  # loopback has more addresses than one: so the peer's is not the balancer's


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def at_far(pki):
    return pki.leaf("at-far", san=[FAR])


@pytest.fixture(scope="module")
def gateway(gateway_of, good):
    behind = {"proxy-from": ["127.0.0.1"], "mode": "http"}
    return gateway_of({
        "named": {"level": "medium+remote", **behind},
        "classed": {"level": "none", "require-certificate": False, **behind},
        "headerless": {"level": "medium", "proxy-from": ["127.0.0.1"]},
    }, pinned=[good], blocks=[
        f'line "far" {{ interface = "classed" path = "/line" from = {{"{FAR}"}} level = "high" }}'])


@pytest.fixture(scope="module")
def front(gateway, folder, started):  # noqa: F811
    """front(interface, header) is the port of an HAProxy before it."""
    def start(interface, header="send-proxy-v2"):
        started.append(haproxy_front(folder, gateway.ports[interface], header))
        return started[-1].port
    return start


def from_far(port, cert):
    return curl(port, cert, extra=["--interface", FAR])


# ---- HAProxy in front ------------------------------------------------------------------------------

@needs("haproxy")
@pytest.mark.parametrize("header", ("send-proxy", "send-proxy-v2"))
def test_names_are_judged_by_the_address_that_haproxy_tells(gateway, front, good, at_far, header):
    port = front("named", header)
    mark = gateway.mark()
    assert from_far(port, at_far).served
    record = gateway.record(mark)
    assert record["verdict"] == "accept"
    assert record["peer"].startswith(FAR + ":") and record["via"].startswith("127.0.0.1:")
    for who in (lambda: curl(port, at_far), lambda: from_far(port, good)):
        mark = gateway.mark()
        assert not who().served
        assert gateway.record(mark)["reason"] == "name-mismatch"


@needs("haproxy")
def test_classes_are_told_by_the_address_that_haproxy_tells(gateway, front):
    port = front("classed")
    mark = gateway.mark()
    assert curl(port).served
    assert gateway.record(mark)["class"] == "other"
    mark = gateway.mark()
    assert from_far(port, None).alert == 116
    record = gateway.record(mark)
    assert (record["class"], record["class_by"], record["reason"], record["step"]) == \
        ("far", "source-address", "certificate-missing", "handshake")


@needs("haproxy")
def test_haproxy_that_tells_nothing_is_shown_the_door(gateway, front, good, backend):
    port, reached = front("headerless", ""), backend.connections
    mark = gateway.mark()
    assert not curl(port, good).served
    record = gateway.record(mark)
    assert (record["verdict"], record["step"]) == ("reject", "proxy")
    assert "no PROXY header" in record["detail"]
    assert backend.connections == reached


# ---- backends that are told ------------------------------------------------------------------------

@pytest.fixture(scope="module")
def told(gateway_of, folder, identity, good, started):  # noqa: F811
    """A gateway before the backends: {name: interface}."""
    rows = {}
    try:
        for name, backend in (("nginx", Nginx), ("haproxy", haproxy_backend),
                              ("kamailio", lambda where: Kamailio(where, identity, haproxy=True))):
            if not needs(name).args[0]:
                started.append(backend(folder))
                rows[name] = started[-1].port
    except FileNotFoundError as error:
        pytest.skip(str(error))
    interfaces = {}
    for name, port in rows.items():
        for version in ("v1", "v2"):
            for mode in ("tcp", "sip" if name == "kamailio" else "http"):
                interfaces[f"{name} {version} {mode}"] = {
                    "level": "high", "mode": mode, "proxy": version, "backend": f"127.0.0.1:{port}",
                    "service": "sip" if name == "kamailio" else "https",
                    "require-certificate": name != "kamailio"}
    return gateway_of(interfaces, pinned=[good])


def talk(port, cert, data, tls):
    """Sends bytes over TLS from FAR: the answer until the end, and the port that they came from."""
    with socket.create_connection(("127.0.0.1", port), source_address=(FAR, 0)) as plain:
        plain.settimeout(20)
        own = plain.getsockname()[1]
        with client_context(cert, tls).wrap_socket(plain, server_hostname="gw.example.test") as conn:
            conn.sendall(data)
            answer = b""
            try:
                while True:
                    more = conn.recv(65536)
                    if not more:
                        break
                    answer += more
            except ssl.SSLError:
                pass
    return answer.decode("latin-1"), own


BOTH = ("1.2", "1.3")
MODES = ("tcp", "http")


@needs("nginx")
@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ("v1", "v2"))
def test_nginx_is_told_who_the_peer_is(told, good, version, mode, tls):
    port = told.ports[f"nginx {version} {mode}"]
    answer, own = talk(port, good, REQUEST, tls)
    assert f"{FAR}:{own} 127.0.0.1:{port}\n" in answer


@needs("haproxy")
@pytest.mark.parametrize("tls", BOTH)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ("v1", "v2"))
def test_haproxy_is_told_who_the_peer_is(told, good, version, mode, tls):
    """And with version 2 the name that the peer asked for, and the incident id."""
    port = told.ports[f"haproxy {version} {mode}"]
    mark = told.mark()
    answer, own = talk(port, good, REQUEST, tls)
    assert f"{FAR}:{own} 127.0.0.1:{port} " in answer
    if version == "v2":
        assert f"authority=gw.example.test id={told.record(mark)['incident']}\n" in answer


@needs("nginx")
@pytest.mark.parametrize("version", ("v1", "v2"))
def test_a_peer_cannot_bring_a_header_of_its_own(told, good, version):
    """Inside TLS it is the first bytes of the peer's request, behind the true header: nginx refuses that request."""
    forged = b"PROXY TCP4 192.0.2.7 192.0.2.1 5555 443\r\n"
    answer, _ = talk(told.ports[f"nginx {version} tcp"], good, forged + REQUEST, "1.3")
    assert "192.0.2.7" not in answer and "400 Bad Request" in answer
    answer, _ = talk(told.ports[f"nginx {version} http"], good, forged + REQUEST, "1.3")
    assert "192.0.2.7" not in answer and "400 Bad Request" in answer


@needs("kamailio")
@pytest.mark.parametrize("mode", ("tcp", "sip"))
@pytest.mark.parametrize("version,who", [("v1", True), ("v1", False), ("v2", False)])
def test_kamailio_is_told_who_the_peer_is(told, good, version, who, mode):
    """Version 2 without a certificate only: Kamailio 5.6 takes no header above 232 bytes, and swaps its port's bytes."""
    sock = connect(told.ports[f"kamailio {version} {mode}"], good if who else None)
    own = sock.getsockname()[1]
    with sock, sock.makefile("rb") as stream:
        sock.sendall(request("OPTIONS", "sip:gw.example.test", "<sip:peer@sip.example.test>;tag=a"))
        line, fields, _ = read_message(stream)
    assert line == "SIP/2.0 200 OK"
    swapped = int.from_bytes(own.to_bytes(2, "little"), "big")
    assert fields["x-seen-from"] == [f"127.0.0.1:{own if version == 'v1' else swapped}"]
