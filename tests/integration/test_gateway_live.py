"""Connected peers that are no longer admitted: by the settings, the trust store or the clock."""
import datetime
import os

import pytest

from conftest import until
from pki import now
from test_gateway import connect
from test_gateway_http import Client
from http_backend import HttpBackend


@pytest.fixture(scope="module")
def web():
    backend = HttpBackend()
    yield backend
    backend.close()


def echoing(gateway, interface, cert):
    conn = connect(gateway.ports[interface], cert)
    conn.sendall(b"ECHO")
    assert conn.recv(4) == b"ECHO"
    return conn


def live(gateway, what):
    return until("the record", lambda: [r for r in gateway.records() if r.get("live") == what])[-1]


@pytest.mark.parametrize("what", ["close", "drain", "leave"])
def test_a_raised_level_is_applied_to_connected_peers(gateway_of, good, what):
    gateway = gateway_of({"web": {"level": "medium", "live": what}})
    conn = echoing(gateway, "web", good)
    gateway.configure({"web": {"level": "high", "live": what}})
    gateway.reload(2)
    record = live(gateway, what)
    assert (record["reason"], record["generation"], record["step"]) == ("not-in-tcs", 2, "relay")
    if what == "leave":
        conn.sendall(b"x")
        assert conn.recv(1) == b"x"
    else:
        assert conn.recv(1) == b""
    conn.close()


def test_a_certificate_taken_out_of_the_store_closes_its_connection(gateway_of, good):
    gateway = gateway_of({"web": {"level": "high"}}, pinned=(good,))
    conn = echoing(gateway, "web", good)
    for name in os.listdir(gateway.tcs):
        with open(os.path.join(gateway.tcs, name), encoding="ascii") as f:
            if good.pem.decode().strip() in f.read():
                os.remove(os.path.join(gateway.tcs, name))
    gateway.reload(2)
    assert live(gateway, "close")["reason"] == "not-in-tcs"
    assert conn.recv(1) == b""
    conn.close()


def test_a_reload_that_changes_nothing_for_a_peer_leaves_it_alone(gateway_of, good):
    gateway = gateway_of({"web": {"level": "high"}}, pinned=(good,))
    conn = echoing(gateway, "web", good)
    gateway.configure({"web": {"level": "high", "idle-timeout": "2h"}})
    gateway.reload(2)
    conn.sendall(b"x")
    assert conn.recv(1) == b"x"
    assert not [r for r in gateway.records() if r.get("live")]
    conn.close()


def test_the_clock_closes_a_connection_whose_certificate_expires(gateway_of, pki):
    soon = pki.leaf("soon", end=now() + datetime.timedelta(seconds=4))
    gateway = gateway_of({"web": {"level": "medium", "live": "close"}})
    conn = echoing(gateway, "web", soon)
    assert conn.recv(1) == b""
    assert live(gateway, "close")["reason"] == "expired"
    conn.close()


def test_later_requests_are_judged_by_the_new_generation(gateway_of, good, web):
    line = 'line "hq" {{ interface = "web" path = "/hq" level = "{}" }}'
    gateway = gateway_of({"web": {"level": "none"}}, backend=web, blocks=[line.format("low")])
    client = Client(gateway, "web", good)
    assert client.get("/")[0] == 200
    gateway.blocks = [line.format("high")]
    gateway.configure({"web": {"level": "none"}})
    gateway.reload(2)
    assert client.upgrade("/hq")[0] == 403
    assert gateway.records()[-1]["generation"] == 2
    client.close()
