"""The decision log of a running node: rotated, reopened, told elsewhere, and what happens when it cannot be written."""
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from conftest import BUILD, Gateway, until
from pki import DAY, now
from test_gateway import connect
from test_workers import echo

CERTGATE = os.path.join(BUILD, "cmd", "certgate")


def limit_files(gateway, size):
    """Files of certgated cannot grow beyond: as a full disk, for which nobody needs to be root."""
    _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def grow(gateway, size):
    """The log has at least this size, and all of it is behind us: far more than what certgated says."""
    while os.path.getsize(gateway.log) < size:
        mark = gateway.mark()
        garbage(gateway.ports["web"])
        gateway.since(mark)


def fill_disk(gateway):
    grow(gateway, 30000)
    limit_files(gateway, os.path.getsize(gateway.log))


def garbage(port):
    with socket.create_connection(("127.0.0.1", port)) as conn:
        conn.sendall(b"garbage, no ClientHello\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while conn.recv(4096):
                pass


def admitted(port, cert):
    try:
        with connect(port, cert) as conn:
            return echo(conn, b"ECHO")
    except (OSError, ValueError):
        return False


def metric(gateway, name):
    out = subprocess.run([CERTGATE, "metrics", "--state", gateway.folder + "/state"], capture_output=True, text=True,
                         check=True).stdout
    return float(re.search(rf"^{re.escape(name)}(?:{{}})? (\S+)$", out, re.M)[1])


# ---- audit ----

def test_what_must_be_recorded_and_cannot_be_does_not_happen(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium", "live": "close"}, "left": {"level": "medium", "live": "leave"},
                          "drained": {"level": "medium", "live": "drain"}},
                         blocks=["audit = required", "log-max-size = off"])
    conns = {name: connect(gateway.ports[name], good) for name in gateway.ports}
    for conn in conns.values():
        assert echo(conn, b"ECHO")
    fill_disk(gateway)
    garbage(gateway.ports["web"])  # the first record that finds no room
    until("the failure", lambda: "decisions cannot be recorded" in gateway.messages())
    assert "new peers are refused until they can" in gateway.messages()
    until("refusals", lambda: not admitted(gateway.ports["left"], good))
    assert conns["web"].recv(1) == b""
    assert conns["drained"].recv(1) == b""
    assert echo(conns["left"], b"still here")
    for name in gateway.ports:
        assert not admitted(gateway.ports[name], good)
    assert metric(gateway, "certgate_recording") == 0
    assert gateway.messages().count("cannot be recorded") == 1
    limit_files(gateway, resource.RLIM_INFINITY)
    until("that it goes on", lambda: admitted(gateway.ports["web"], good))
    assert metric(gateway, "certgate_recording") == 1
    # What waited is in the log, in order, and nothing was lost meanwhile.
    refused = [r for r in gateway.records() if r["reason"] == "audit-unavailable"]
    assert {(r["step"], r["verdict"]) for r in refused if not r.get("live")} == {("accept", "reject")}
    assert sorted(r["live"] for r in refused if r.get("live")) == ["close", "drain"]
    assert len([r for r in refused if not r.get("live")]) >= 3
    times = [r["time"] for r in gateway.records()]
    assert times == sorted(times)
    assert metric(gateway, "certgate_records_lost_total") == 0
    for conn in conns.values():
        conn.close()


def test_best_effort_goes_on(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=["log-max-size = off"])
    fill_disk(gateway)
    mark = gateway.mark()
    assert admitted(gateway.ports["web"], good)
    assert admitted(gateway.ports["web"], good)
    until("both to wait", lambda: metric(gateway, "certgate_records_waiting") == 2)
    assert gateway.mark() == mark
    assert "records wait in memory" in gateway.messages()
    limit_files(gateway, resource.RLIM_INFINITY)
    until("both", lambda: len(gateway.records()) == mark + 2)
    until("the word", lambda: "decisions are recorded again" in gateway.messages())
    assert metric(gateway, "certgate_records_waiting") == 0


def test_an_upgrade_waits_for_the_log(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=["log-max-size = off"])
    fill_disk(gateway)
    assert admitted(gateway.ports["web"], good)
    until("it to wait", lambda: metric(gateway, "certgate_records_waiting") == 1)
    upgrade = [CERTGATE, "upgrade", "--state", gateway.folder + "/state"]
    answer = subprocess.run(upgrade, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode == 1
    assert "1 decision records wait for the disk" in answer.stderr
    limit_files(gateway, resource.RLIM_INFINITY)
    until("that it was written", lambda: metric(gateway, "certgate_records_waiting") == 0)
    mark = gateway.mark()
    answer = subprocess.run(upgrade, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert admitted(gateway.ports["web"], good)
    assert gateway.record(mark)["verdict"] == "accept"


# ---- files ----

def test_the_log_is_rotated(gateway_of):
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=['log-max-size = "1MB"', "log-keep = 1"])
    with open(gateway.log + ".1", "w", encoding="utf-8") as file:
        file.write("the one before\n")
    before, sent = os.stat(gateway.log).st_ino, 1
    while os.stat(gateway.log).st_ino == before:
        for _ in range(50):
            garbage(gateway.ports["web"])
        sent += 50
    assert os.stat(gateway.log + ".1").st_ino == before
    assert 990000 < os.path.getsize(gateway.log + ".1") <= 1000000
    assert not os.path.exists(gateway.log + ".2")
    garbage(gateway.ports["web"])
    with open(gateway.log + ".1", encoding="utf-8") as file:
        rotated = len(file.readlines())
    until("all records", lambda: rotated + len(gateway.records()) == sent)
    out = subprocess.run([CERTGATE, "log", "--file", gateway.log, "-n", "0", "--format", "json"], capture_output=True,
                         text=True, check=True).stdout
    assert len(out.splitlines()) == sent > 1000


def test_another_program_rotates_it(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}})
    assert admitted(gateway.ports["web"], good)
    until("the record", lambda: len(gateway.records()) == 1)
    os.rename(gateway.log, gateway.log + ".yesterday")
    gateway.process.send_signal(signal.SIGHUP)
    until("a new file", lambda: os.path.exists(gateway.log))
    assert admitted(gateway.ports["web"], good)
    until("the record", lambda: len(gateway.records()) == 1)
    with open(gateway.log + ".yesterday", encoding="utf-8") as file:
        assert len(file.readlines()) == 1


# ---- told elsewhere ----

@contextlib.contextmanager
def service():
    """A socket such as syslog's and journald's; paths of sockets are short."""
    with tempfile.TemporaryDirectory(prefix="certgate-") as folder:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
            it.bind(folder + "/socket")
            it.settimeout(60)
            yield it, folder + "/socket"


def heard(service, words):
    """The next message with these words: certgated has other things to say too."""
    while True:
        message = service.recv(65536).decode()
        if words in message:
            return message


def test_refusals_are_told_to_syslog_and_journald(gateway_of, good):
    with service() as (syslog, syslog_path), service() as (journald, journald_path):
        gateway = gateway_of({"web": {"level": "medium"}},
                             blocks=[f'log-to = "syslog:{syslog_path} journald:{journald_path}"'])
        assert admitted(gateway.ports["web"], good)
        garbage(gateway.ports["web"])
        record = until("the refusal", lambda: [r for r in gateway.records() if r["verdict"] == "reject"])[0]
        line = heard(syslog, "refused")
        assert re.match(r"<85>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d certgated\[\d+\]: refused ", line)
        assert record["incident"] in line and "handshake-failed" in line
        fields = dict(field.split("=", 1) for field in heard(journald, "CERTGATE_TOPIC=decision").splitlines())
        assert fields["CERTGATE_INCIDENT"] == record["incident"]
        assert fields["CERTGATE_REASON"] == "handshake-failed"
        assert fields["PRIORITY"] == "5"
        # Admissions too, from a reload on.
        gateway.blocks.append("log-to-accepted = true")
        gateway.configure({"web": {"level": "medium"}})
        gateway.reload(2)
        assert admitted(gateway.ports["web"], good)
        assert ": admitted 127.0.0.1:" in heard(syslog, "admitted")


# ---- a full disk ----

@pytest.fixture()
def small_disk():
    with tempfile.TemporaryDirectory(prefix="certgate-disk-") as folder:
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "certgate", folder],
                                               capture_output=True, check=False).returncode != 0:
            pytest.skip("no file system can be mounted here")
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


def fill(path, leave):
    """Fills the file system of the folder but for some octets."""
    facts = os.statvfs(os.path.dirname(path))
    with open(path, "ab") as file:
        at = file.seek(0, os.SEEK_END)
        os.posix_fallocate(file.fileno(), at, facts.f_bavail * facts.f_frsize - leave)


def test_a_full_disk_stops_the_inventory_then_the_log_and_the_store_never(small_disk, pki, identity, backend, good):
    gateway = Gateway(small_disk, pki, identity, backend, {"web": {}}, store=True,
                      blocks=['disk-reserve = "2MB"', "audit = required", 'management = "medium"'])
    try:
        assert admitted(gateway.ports["web"], good)
        assert os.path.getsize(small_disk + "/state/reserve") == 2000000
        fill(small_disk + "/fill", 6000000)
        until("the inventory to stop", lambda: "the inventory of peers stops" in said(small_disk))
        assert admitted(gateway.ports["web"], good)
        fill(small_disk + "/fill", 1000000)
        until("the log to stop", lambda: metric(gateway, "certgate_recording") == 0)
        assert not admitted(gateway.ports["web"], good)
        fill(small_disk + "/fill", 0)
        # An administrator's change, and what the audit says of it.
        run = subprocess.run([CERTGATE, "settings", "set", "checks.management=high", "--force", "--state",
                              gateway.folder + "/state"], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr + run.stdout
        assert not os.path.exists(small_disk + "/state/reserve")
        history = subprocess.run([CERTGATE, "history", "--state", gateway.folder + "/state"], capture_output=True, text=True,
                                 check=True).stdout
        assert "2" in history
        assert not admitted(gateway.ports["web"], good)
        os.remove(small_disk + "/fill")
        until("the log to go on", lambda: metric(gateway, "certgate_recording") == 1)
        until("the reserve", lambda: os.path.exists(small_disk + "/state/reserve"))
        assert "audit-unavailable" in {r["reason"] for r in gateway.records()}
        assert metric(gateway, "certgate_records_lost_total") == 0
    finally:
        if os.path.exists(small_disk + "/fill"):
            os.remove(small_disk + "/fill")
        gateway.stop()
    assert not os.path.exists(small_disk + "/state/reserve")


def said(folder):
    with open(folder + "/stderr", encoding="utf-8") as file:
        return file.read()


# ---- once a day ----

def test_what_expires_is_told(gateway_of, pki):
    own = pki.leaf("gw.example.test", eku=(Eku.SERVER_AUTH,), san=("gw.example.test",), end=now() + 5.5 * DAY)
    peer = pki.leaf("soon", end=now() + 20.5 * DAY)
    with service() as (syslog, path):
        gateway = gateway_of({"web": {"level": "medium"}}, identity=own, blocks=[f'log-to = "syslog:{path}"'])
        assert "certificates expire within 7 days: 1 identity; first gw on " in heard(syslog, "within 7 days")
        assert metric(gateway, 'certgate_expiring{kind="identity",within="7-days"}') == 1
        assert metric(gateway, 'certgate_expiring{kind="peer",within="30-days"}') == 0
        mark = gateway.mark()
        assert admitted(gateway.ports["web"], peer)
        gateway.since(mark)
        gateway.stop()
        gateway.start(2)
        assert "certificates expire within 30 days: 1 peer; first CN=soon" in heard(syslog, "within 30 days")
        assert metric(gateway, 'certgate_expiring{kind="peer",within="30-days"}') == 1
