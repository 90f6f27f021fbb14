"""A worker that dies takes its own connections with it and nothing else."""
import os
import re
import signal
import time

import pytest

from conftest import until
from load import Load
from test_gateway import connect

WORKERS = 2


@pytest.fixture()
def gateway(gateway_of):
    return gateway_of({"web": {"level": "medium"}, "other": {"level": "low"}}, workers=WORKERS)


def gone(pid):
    """No longer a process that could accept: dead, whether or not certgated has looked."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def echo(connection, data):
    connection.sendall(data)
    got = b""
    while len(got) < len(data):
        more = connection.recv(4096)
        if not more:
            return False
        got += more
    return got == data


def worker_of(connection):
    """Who holds the other end of a connection: the process whose descriptors name the socket."""
    port = "%04X" % connection.getsockname()[1]
    with open("/proc/net/tcp", encoding="ascii") as file:
        # Established: what waits after its end may have had the same port.
        inode = next(fields[9] for fields in map(str.split, list(file)[1:])
                     if fields[2].endswith(":" + port) and fields[3] == "01")
    return inode


def holders(gateway):
    found = {}
    for pid in gateway.worker_pids():
        for fd in os.listdir(f"/proc/{pid}/fd"):
            match = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
            if match:
                found[match[1]] = pid
    return found


def one_connection_in_each(gateway, good):
    """Connections with something behind them, one in each worker."""
    found, extra = {}, []
    for _ in range(200):
        connection = connect(gateway.ports["web"], good)
        assert echo(connection, b"ECHO")
        pid = holders(gateway)[worker_of(connection)]
        (extra.append(connection) if pid in found else found.update({pid: connection}))
        if len(found) == WORKERS:
            break
    for connection in extra:
        connection.close()
    assert len(found) == WORKERS, "the kernel shares connections out"
    return found


def listening(gateway):
    with open("/proc/net/tcp", encoding="ascii") as file:
        ports = [int(fields[1].split(":")[1], 16) for fields in map(str.split, list(file)[1:]) if fields[3] == "0A"]
    return {name: ports.count(port) for name, port in gateway.ports.items()}


def test_a_killed_worker_is_replaced_while_the_other_serves(gateway, good):
    connections = one_connection_in_each(gateway, good)
    victim, survivor = connections
    before = listening(gateway)
    assert set(before.values()) == {WORKERS}
    with Load(gateway.ports["web"], good) as load:
        until("clients are served", lambda: load.served > 20)
        os.kill(victim, signal.SIGKILL)
        until("the worker's end", lambda: gone(victim))
        dead = time.monotonic()
        assert listening(gateway) == before, "no listening socket is lost"
        assert echo(connections[survivor], b"the other worker goes on")
        until("another worker", lambda: len(gateway.worker_pids()) == WORKERS and victim not in gateway.worker_pids())
        served = load.served
        until("clients are served again", lambda: load.served > served + 50)
    # One that had begun while the victim lived may have been its.
    assert [failure for failure in load.failures if failure[0] > dead] == []
    assert echo(connections[survivor], b"and on")
    assert ended(connections[victim])
    assert f"process {victim} was ended by signal 9" in gateway.messages()
    until("the words", lambda: re.search(r"worker \d started again as process \d+", gateway.messages()))


def ended(connection):
    try:
        return connection.recv(10) == b""
    except OSError:
        return True


def test_one_that_dies_again_and_again_does_not_keep_certgated_busy(gateway, good):
    """One that lived for less than a second is started again only when that second is over."""
    kept = connect(gateway.ports["web"], good)
    assert echo(kept, b"ECHO")
    mine = holders(gateway)[worker_of(kept)]

    def other():
        return [pid for pid in gateway.worker_pids() if pid != mine and not gone(pid)]
    victim, = other()
    for lives in range(3):
        seen = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        until("its end", lambda: gone(victim))
        victim, = until("another one", other)
        if lives > 0:
            assert time.monotonic() - seen > 0.5, "not at once"
    assert echo(kept, b"the other one is not touched")
    kept.close()
