"""The program is put in place of the running one: nobody outside notices, and a bad one changes nothing."""
import os
import re
import shutil
import signal
import stat
import subprocess

import pytest

from clients import s_client
from conftest import BUILD, until
from load import Load
from test_gateway import connect
from test_workers import echo, gone, listening

CERTGATE = os.path.join(BUILD, "cmd", "certgate")
TAKEN = "has taken over from"


@pytest.fixture()
def program(reachable):
    """certgated and its worker in a folder of their own, as a package would install them."""
    for name in ("certgated", "certgate-worker"):
        shutil.copy(os.path.join(BUILD, "cmd", name), reachable)
    return os.path.join(reachable, "certgated")


@pytest.fixture()
def start(gateway_of, program):
    def start(interfaces=None, **options):
        return gateway_of(interfaces or {"web": {"level": "medium"}}, program=program, **options)
    return start


def install(program, source=None, text=None):
    """As a package manager does: written beside, then renamed over the one that runs."""
    beside = program + ".new"
    if text is None:
        shutil.copy(source or os.path.join(BUILD, "cmd", os.path.basename(program)), beside)
    else:
        with open(beside, "w", encoding="ascii") as file:
            file.write(text)
    os.chmod(beside, stat.S_IRWXU | 0o055)
    os.rename(beside, program)


def upgrade(gateway):
    return subprocess.run([CERTGATE, "upgrade", "--state", os.path.join(gateway.folder, "state")],
                          capture_output=True, text=True, check=False, timeout=120)


def executable(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


def test_every_connection_succeeds_and_old_ones_go_on(start, program, good):
    gateway = start({"web": {"level": "medium"}, "other": {"level": "low"}}, workers=2)
    old = [connect(gateway.ports["web"], good) for _ in range(8)]
    assert all(echo(conn, b"ECHO") for conn in old)
    before, sockets, workers = executable(gateway.process.pid), listening(gateway), gateway.worker_pids()
    install(program)
    install(os.path.join(os.path.dirname(program), "certgate-worker"))
    with Load(gateway.ports["web"], good) as load:
        until("clients are served", lambda: load.served > 20)
        done = upgrade(gateway)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r"certgated \d+\.\d+\.\d+, generation 1\n", done.stdout), done.stdout
        assert all(echo(conn, b"later bytes") for conn in old)
        assert listening(gateway) == sockets
        served = load.served
        until("clients are served by the new one", lambda: load.served > served + 50)
    assert load.failures == []
    assert gateway.process.poll() is None, "the same process"
    assert executable(gateway.process.pid) == os.stat(program).st_ino != before
    new = set(gateway.worker_pids()) - set(workers)
    assert len(new) == 2
    assert {executable(pid) for pid in new} == {os.stat(os.path.join(os.path.dirname(program), "certgate-worker")).st_ino}
    assert all(echo(conn, b"and later still") for conn in old)
    for conn in old:
        conn.close()
    until("the old workers' end", lambda: all(gone(pid) for pid in workers))
    until("that certgated knows", lambda: set(gateway.worker_pids()) == new)


def test_by_signal_and_more_than_once(start, good):
    gateway = start()
    old = []
    for number in range(1, 4):
        old.append(connect(gateway.ports["web"], good))
        assert echo(old[-1], b"ECHO")
        gateway.process.send_signal(signal.SIGUSR2)
        until("the upgrade", lambda: gateway.messages().count(TAKEN) == number)
        assert all(echo(conn, b"still there") for conn in old)
    assert len(gateway.worker_pids()) == 4, "one that serves, and three with a connection each"
    gateway.reload(2)
    assert all(echo(conn, b"after a reload too") for conn in old)
    assert "does not know generation" not in gateway.messages()
    for conn in old:
        conn.close()
    until("the old workers' end", lambda: len(gateway.worker_pids()) == 1)
    assert s_client(gateway.ports["web"], good).served


def test_old_workers_judge_by_a_new_generation(start, good):
    gateway = start({"web": {"level": "medium", "live": "close"}})
    old = connect(gateway.ports["web"], good)
    assert echo(old, b"ECHO")
    worker, = gateway.worker_pids()
    assert upgrade(gateway).returncode == 0
    gateway.configure({"web": {"level": "high", "live": "close"}})
    gateway.reload(2)
    record = until("the record", lambda: [r for r in gateway.records() if r.get("live") == "close"])[0]
    assert (record["reason"], record["generation"]) == ("not-in-tcs", 2)
    assert old.recv(1) == b""
    old.close()
    until("the old worker's end", lambda: gone(worker))


def test_sessions_of_before_resume_and_records_go_on(start, good, tmp_path):
    gateway = start()
    session = str(tmp_path / "session")
    assert s_client(gateway.ports["web"], good, extra=["-sess_out", session]).served
    assert upgrade(gateway).returncode == 0
    mark = gateway.mark()
    assert mark == 1
    answer = s_client(gateway.ports["web"], good, extra=["-sess_in", session])
    record = gateway.record(mark)
    assert answer.served and answer.resumed
    assert (record["resumed"], record["generation"]) == (True, 1)


def test_changed_settings_are_a_new_generation(start, good, tmp_path):
    gateway = start()
    session = str(tmp_path / "session")
    assert s_client(gateway.ports["web"], good, extra=["-sess_out", session]).served
    gateway.configure({"web": {"level": "low"}, "more": {"level": "high"}})
    done = upgrade(gateway)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("generation 2\n")
    answer = s_client(gateway.ports["web"], good, extra=["-sess_in", session])
    assert answer.served and not answer.resumed
    assert s_client(gateway.ports["more"], good).alert == 46


def test_counters_go_on(start, good):
    gateway = start()
    command = [CERTGATE, "metrics", "--state", os.path.join(gateway.folder, "state")]

    def accepted():
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return float(re.search(r'decisions_total{interface="web",verdict="accept",reason=""} (\d+)', text)[1])
    for _ in range(3):
        assert s_client(gateway.ports["web"], good).served
    assert accepted() == 3
    assert upgrade(gateway).returncode == 0
    assert s_client(gateway.ports["web"], good).served
    assert accepted() == 4
    until("the old worker's end", lambda: len(gateway.worker_pids()) == 1)
    assert accepted() == 4


def test_old_workers_end_at_the_limit(start, good):
    gateway = start(blocks=['upgrade-drain-timeout = "1s"'])
    old = connect(gateway.ports["web"], good)
    assert echo(old, b"ECHO")
    worker, = gateway.worker_pids()
    assert upgrade(gateway).returncode == 0
    until("the old worker's end", lambda: gone(worker))
    assert s_client(gateway.ports["web"], good).served
    old.close()


def test_stopping_after_an_upgrade_ends_old_and_new(start, good):
    gateway = start()
    old = connect(gateway.ports["web"], good)
    assert echo(old, b"ECHO")
    assert upgrade(gateway).returncode == 0
    workers = gateway.worker_pids()
    assert len(workers) == 2
    gateway.process.terminate()
    old.close()
    assert gateway.process.wait(20) == 0
    assert all(gone(pid) for pid in workers)


def test_the_lock_is_kept(start, program, good):
    gateway = start()
    assert upgrade(gateway).returncode == 0
    second = subprocess.run([program, "--config", gateway.config], capture_output=True, text=True, check=False,
                            timeout=20)
    assert second.returncode == 1
    assert "another certgated uses the state directory" in second.stderr


# What cannot start does not take over.

def refused(gateway, good, old, *words):
    done = upgrade(gateway)
    assert done.returncode == 1, done
    for word in words:
        assert re.search(word, done.stderr), done.stderr
    assert "upgrade refused, this version goes on" in gateway.messages()
    assert TAKEN not in gateway.messages()
    assert echo(old, b"goes on")
    assert s_client(gateway.ports["web"], good).served


@pytest.fixture()
def running(start, good):
    gateway = start()
    old = connect(gateway.ports["web"], good)
    assert echo(old, b"ECHO")
    yield gateway, old
    old.close()


@pytest.mark.parametrize("text,words", [
    ("#!/bin/sh\necho 'certgated: no luck today' >&2\nexit 3\n", [r"cannot start \(status 3\)", "^no luck today$"]),
    ("neither a program nor a script\n", ["it cannot be run"]),
    ("#!/bin/sh\nkill -SEGV $$\n", [r"cannot start \(status 139\)"]),
    ("#!/bin/sh\nprintf 'a\\033[31mb\\n' >&2\nexit 1\n", [r"a\\x1B\[31mb|a\\x1b\[31mb"]),
])
def test_a_program_that_does_not_run(running, program, good, text, words):
    install(program, text=text)
    refused(*running[:1], good, running[1], *[f"(?m){word}" for word in words])
    install(program)
    assert upgrade(running[0]).returncode == 0, "the next one may be better"


def test_a_program_that_is_not_there(running, program, good):
    os.unlink(program)
    refused(running[0], good, running[1], "it cannot be run")


def test_settings_that_are_wrong(running, good):
    gateway, old = running
    gateway.configure({"web": {"level": "higher"}})
    refused(gateway, good, old, r"certgate.conf:\d+: level: 'higher' is not none")


@pytest.mark.parametrize("setting", ["workers", "state"])
def test_settings_that_cannot_change(running, good, setting):
    gateway, old = running
    with open(gateway.config, encoding="utf-8") as file:
        text = file.read()
    text = {"workers": text.replace("workers = 1", "workers = 2"),
            "state": text.replace("/state\"", "/elsewhere\"")}[setting]
    with open(gateway.config, "w", encoding="utf-8") as file:
        file.write(text)
    refused(gateway, good, old, f"'{setting}' cannot change while certgated runs: restart it")


def test_a_new_port_in_use(running, good, backend):
    gateway, old = running
    gateway.configure({"web": {"level": "medium"},
                       "taken": {"level": "low", "listen": [f"127.0.0.1:{backend.port}"]}})
    refused(gateway, good, old, "interface 'taken': cannot listen on .*Address already in use")


def test_a_worker_that_does_not_run(running, program, good):
    install(os.path.join(os.path.dirname(program), "certgate-worker"), source="/bin/false")
    refused(*running[:1], good, running[1], r"tried worker: process \d+ ended with status 1")
    # The running one starts its own again, not what lies there now.
    victim, = running[0].worker_pids()
    os.kill(victim, signal.SIGKILL)
    assert s_client(running[0].ports["web"], good).served


def test_one_that_fails_only_afterwards(running, program, good):
    """Fine when it was tried, and settings that cannot be read when it begins: the old workers hold the door."""
    gateway, old = running
    real = os.path.join(BUILD, "cmd", "certgated")
    # The trial's argument is the last; the other run finds a file that is not there.
    install(program, text=f"""#!/bin/sh
for last; do :; done
[ "$last" = --check ] || [ -e {program}.now ] || set -- --config {gateway.folder}/missing.conf --handover "$4"
exec {real} "$@"
""")
    done = upgrade(gateway)
    assert done.returncode == 1 and "missing.conf" in done.stderr, done
    assert echo(old, b"goes on")
    assert s_client(gateway.ports["web"], good).served, "by the worker of before"
    assert "workers of before go on, and it is tried again" in gateway.messages()
    install(program)
    shutil.copy(gateway.config, f"{gateway.folder}/missing.conf")
    until("the next try", lambda: TAKEN in gateway.messages())
    assert echo(old, b"and on")
    assert s_client(gateway.ports["web"], good).served


def test_check_tries_without_serving(start, program, good):
    gateway = start()
    done = subprocess.run([program, "--check", "--config", gateway.config], capture_output=True, text=True,
                          check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with open(gateway.config, "a", encoding="utf-8") as file:
        file.write("nonsense = 1\n")
    done = subprocess.run([program, "--check", "--config", gateway.config], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 1 and "unknown setting 'nonsense'" in done.stderr


def test_two_at_once(start, program, good):
    gateway = start()
    install(program, text=f"#!/bin/sh\nwhile ! [ -e {program}.now ]; do :; done\nexit 1\n")
    first = subprocess.Popen([CERTGATE, "upgrade", "--state", os.path.join(gateway.folder, "state")],
                             stderr=subprocess.PIPE, text=True)
    until("the trial", lambda: "trying" in gateway.messages())
    for command in ("upgrade", "reload"):
        done = subprocess.run([CERTGATE, command, "--state", os.path.join(gateway.folder, "state")],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1 and "an upgrade is under way" in done.stderr
    assert s_client(gateway.ports["web"], good).served
    with open(f"{program}.now", "w", encoding="ascii"):
        pass
    assert "cannot start (status 1)" in first.communicate(timeout=60)[1]
    gateway.reload(2)
