"""Metrics: what is counted, that it is Prometheus' text, and both ways to it."""
import datetime
import os
import re
import subprocess
import urllib.request

import pytest
from cryptography import x509

from clients import s_client
from conftest import BUILD, until
from ports import free_port
from test_gateway import connect


@pytest.fixture(scope="module")
def gateway(gateway_of):
    port = free_port()
    gateway = gateway_of({"web": {"level": "medium", "max-per-source": 3}, "it's odd": {"level": "none"}},
                         blocks=[f'metrics = "127.0.0.1:{port}"'])
    gateway.metrics_port = port
    return gateway


def metrics(gateway):
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.metrics_port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    return text, {name: float(value) for name, value in re.findall(r"^([^#]\S*(?:{.*})?) (\S+)$", text, re.M)}


def value(gateway, name):
    return metrics(gateway)[1].get(name, 0)


def test_promtool_finds_nothing_to_say(gateway, good):
    s_client(gateway.ports["web"], good)
    s_client(gateway.ports["web"])
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics(gateway)[0], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_decisions_are_counted_by_verdict_and_first_reason(gateway, good):
    accepted = 'certgate_decisions_total{interface="web",verdict="accept",reason=""}'
    missing = 'certgate_decisions_total{interface="web",verdict="reject",reason="certificate-missing"}'
    before = metrics(gateway)[1]
    assert s_client(gateway.ports["web"], good).served
    s_client(gateway.ports["web"])
    until("both decisions", lambda: value(gateway, accepted) == before.get(accepted, 0) + 1
          and value(gateway, missing) == before.get(missing, 0) + 1)


def test_connections_bytes_and_handshakes_are_counted(gateway, good):
    before = metrics(gateway)[1]
    conn = connect(gateway.ports["web"], good)
    conn.sendall(b"ECHO" + b"x" * 1000)
    received = b""
    while len(received) < 1004:
        received += conn.recv(4096)
    assert value(gateway, 'certgate_connections_open{interface="web"}') == 1
    conn.close()
    until("the end", lambda: value(gateway, 'certgate_connections_open{interface="web"}') == 0)
    after = metrics(gateway)[1]
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown['certgate_bytes_total{interface="web",direction="from_peer"}'] == 1004
    assert grown['certgate_bytes_total{interface="web",direction="to_peer"}'] >= 1004
    assert grown['certgate_connections_total{interface="web"}'] == 1
    assert grown['certgate_handshake_seconds_count{interface="web"}'] == 1
    assert grown['certgate_sessions_total{interface="web",outcome="full"}'] == 1


def test_a_limit_that_was_met_is_counted(gateway, good):
    held = [connect(gateway.ports["web"], good) for _ in range(3)]
    assert s_client(gateway.ports["web"], good).served is False
    assert value(gateway, 'certgate_limit_hits_total{interface="web",limit="max-per-source"}') == 1
    for conn in held:
        conn.close()
    until("the end", lambda: value(gateway, 'certgate_connections_open{interface="web"}') == 0)


def test_the_end_of_our_certificate_is_told(gateway):
    ends = value(gateway, 'certgate_identity_not_after_timestamp_seconds{identity="gw"}')
    cert = x509.load_der_x509_certificate(gateway.identity.der)
    assert ends == cert.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    # The identity of the tests is valid for thirty days.
    assert re.search("warning: the certificate of identity 'gw' expires [0-9TZ:-]+, in (29|30) days: renew it",
                     gateway.messages())


def test_the_command_prints_the_same_names(gateway):
    out = subprocess.run([os.path.join(BUILD, "cmd", "certgate"), "metrics", "--state",
                          os.path.join(gateway.folder, "state")], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^# TYPE (\S+)", out, re.M)) == set(re.findall(r"^# TYPE (\S+)", metrics(gateway)[0], re.M))


def test_counters_survive_a_worker_and_open_connections_do_not(gateway, good):
    total = 'certgate_connections_total{interface="web"}'
    conn = connect(gateway.ports["web"], good)
    before = value(gateway, total)
    os.kill(gateway.worker_pids()[0], 9)
    until("the new worker", lambda: value(gateway, "certgate_worker_restarts_total") == 1
          and value(gateway, "certgate_workers_running") == 1)
    assert s_client(gateway.ports["web"], good).served
    assert value(gateway, total) == before + 1
    until("the end", lambda: value(gateway, 'certgate_connections_open{interface="web"}') == 0)
    conn.close()


def test_only_the_metrics_are_there(gateway):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{gateway.metrics_port}/", timeout=20)
