"""Generations and workers come and go; connections stay, and nothing half-built is ever served."""
import os
import signal
import time

import pytest

from clients import s_client
from conftest import until
from test_gateway import connect


@pytest.fixture()
def gateway(gateway_of):
    return gateway_of({"web": {"level": "medium"}})


def test_a_reload_keeps_connections_and_judges_new_ones_anew(gateway, good, pki):
    old = connect(gateway.ports["web"], good)
    old.sendall(b"ECHO")
    assert old.recv(4) == b"ECHO"
    gateway.configure({"web": {"level": "high", "live": "leave"}})
    gateway.reload(2)
    until("the record of the old connection", lambda: gateway.records()[-1].get("live") == "leave")
    mark = gateway.mark()
    assert s_client(gateway.ports["web"], good).alert == 46
    record = gateway.record(mark)
    assert (record["reason"], record["generation"], record["level"]) == ("not-in-tcs", 2, "high")
    old.sendall(b" still here")
    assert old.recv(11) == b" still here"
    pki.tcs(gateway.tcs, good)
    gateway.reload(3)
    assert s_client(gateway.ports["web"], good).served
    old.close()


def test_a_generation_that_cannot_be_read_changes_nothing(gateway, good):
    with open(os.path.join(gateway.tcs, "broken.pem"), "w", encoding="utf-8") as f:
        f.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    gateway.process.send_signal(signal.SIGHUP)
    until("the refusal", lambda: "broken.pem" in gateway.messages())
    mark = gateway.mark()
    assert s_client(gateway.ports["web"], good).served
    assert gateway.record(mark)["generation"] == 1


def test_interfaces_appear_and_vanish(gateway, good):
    gateway.configure({"other": {"level": "low"}})
    gateway.reload(2)
    assert s_client(gateway.ports["other"], good).served
    with pytest.raises(OSError):
        connect(gateway.ports["web"], good)


def test_ports_stay_those_of_their_interfaces_when_one_before_them_goes(gateway_of, good):
    """A worker that is started later gets the ports by their places, which have moved."""
    gateway = gateway_of({"first": {}, "second": {}, "third": {}})
    gateway.configure({"second": {}, "third": {}})
    gateway.reload(2)
    gateway.configure({"second": {}, "third": {"level": "nonsense"}})
    gateway.process.send_signal(signal.SIGHUP)
    until("the refusal", lambda: "reload refused" in gateway.messages())
    victim, = gateway.worker_pids()
    os.kill(victim, signal.SIGKILL)
    until("the worker", lambda: "started again as process" in gateway.messages())
    for name in ("second", "third"):
        mark = gateway.mark()
        assert s_client(gateway.ports[name], good).served
        assert gateway.record(mark)["interface"] == name


def test_a_worker_that_dies_is_replaced(gateway, good):
    victim, = gateway.worker_pids()
    os.kill(victim, signal.SIGKILL)
    # The listening socket lives on in certgated: a connection made now waits for the new worker.
    assert s_client(gateway.ports["web"], good).served
    assert victim not in gateway.worker_pids()
    assert len(gateway.worker_pids()) == 1


def test_a_worker_ends_with_certgated(gateway, good):
    worker, = gateway.worker_pids()
    gateway.process.kill()
    gateway.process.wait()
    until("the worker's end", lambda: not os.path.exists(f"/proc/{worker}"))


def test_stopping_waits_no_longer_than_the_limit(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=['drain-timeout = "1s"'])
    conn = connect(gateway.ports["web"], good)
    conn.sendall(b"ECHO")
    assert conn.recv(4) == b"ECHO"
    begun = time.monotonic()
    gateway.process.terminate()
    assert gateway.process.wait(20) == 0
    assert 0.9 < time.monotonic() - begun < 10
    assert "stopping: no new connections, established ones have 1 s" in gateway.messages()
    conn.close()


def test_the_limit_may_change_on_reload(gateway, good):
    conn = connect(gateway.ports["web"], good)
    conn.sendall(b"ECHO")
    assert conn.recv(4) == b"ECHO"
    gateway.blocks = ['drain-timeout = "0s"']
    gateway.configure({"web": {"level": "medium"}})
    gateway.reload(2)
    gateway.process.terminate()
    assert gateway.process.wait(5) == 0
    conn.close()


def test_stopping_lets_connections_end(gateway, good):
    conn = connect(gateway.ports["web"], good)
    conn.sendall(b"ECHO")
    assert conn.recv(4) == b"ECHO"
    gateway.process.terminate()
    until("the stop", lambda: "stopping" in gateway.messages())
    conn.sendall(b" last")
    assert conn.recv(5) == b" last"
    assert gateway.process.poll() is None
    conn.close()
    assert gateway.process.wait(20) == 0
