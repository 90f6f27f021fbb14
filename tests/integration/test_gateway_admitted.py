"""Certificates that an administrator admits although checks fail on them: never simply verified, never for longer."""
import datetime
import json
import os
import ssl
import struct
import subprocess

import pytest

from clients import s_client
from conftest import BUILD
from http_backend import HttpBackend
from pki import DAY, now
from test_gateway_http import Client, received
from test_gateway_live import echoing, live
from test_gateway_proxy import tlvs, told

CERTGATE = os.path.join(BUILD, "cmd", "certgate")
NAME = "admitted-by-administrator"


@pytest.fixture(scope="module")
def web():
    backend = HttpBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def old(pki):
    return pki.leaf("old", end=now() - datetime.timedelta(hours=1))


def admit(cert, end=None, reason="the new one is ordered"):
    end = end or now() + DAY
    return f"{cert.sha256} until {end.strftime('%Y-%m-%dT%H:%M:%SZ')}: {reason}"


def test_it_is_admitted_and_told_as_what_it_is(gateway_of, old, web):
    gateway = gateway_of({"web": {"level": "high", "mode": "http", "admit": [admit(old)]}}, backend=web)
    mark = gateway.mark()
    client = Client(gateway, "web", old)
    status, _, text = client.get("/")
    assert status == 200
    verdict = received(text)[1]["certgate-verdict"]
    assert verdict.startswith("accept-with-allowance;level=high;") and verdict.endswith(f';allowances="{NAME}"')
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["allowances"]) == ("accept", None, [NAME])
    failed = [f for f in record["findings"] if f["outcome"] == "fail"]
    assert [f["check"] for f in failed] == ["in-date", "in-tcs"]
    assert all(f["allowance"] == NAME and f["note"].endswith("Z: the new one is ordered") for f in failed)
    assert record["levels"]["none"] == {"verdict": "reject", "reason": "expired"}
    told = subprocess.run([CERTGATE, "explain", "--file", gateway.log, record["incident"]], capture_output=True, text=True)
    assert "ADMITTED BY AN ADMINISTRATOR" in told.stdout and "the new one is ordered" in told.stdout
    client.close()


def test_no_other_certificate_is_admitted(gateway_of, pki, old):
    other = pki.leaf("old", end=now() - datetime.timedelta(hours=1))  # of the same name
    gateway = gateway_of({"web": {"level": "none", "admit": [admit(old)]}, "else": {"level": "none"}})
    assert s_client(gateway.ports["web"], old).served
    assert s_client(gateway.ports["web"], other).alert == 45
    assert s_client(gateway.ports["else"], old).alert == 45


def test_our_own_certificate_is_refused_all_the_same(gateway_of, identity):
    gateway = gateway_of({"web": {"level": "high", "admit": [admit(identity)]}})
    mark = gateway.mark()
    assert not s_client(gateway.ports["web"], identity).served
    record = gateway.record(mark)
    assert record["verdict"] == "reject" and record["allowances"] == []
    assert "reflected" in [f["reason"] for f in record["findings"]]


def test_a_proxy_header_does_not_call_it_verified(gateway_of, pki, backend):
    """Its chain is sound; what fails is its date."""
    old = pki.leaf("dated", end=now() - datetime.timedelta(hours=1))
    gateway = gateway_of({"web": {"level": "medium", "proxy": "v2", "admit": [admit(old)]}})
    head = told(backend, gateway.ports["web"], old)
    size = struct.unpack(">H", head[14:16])[0]
    assert tlvs(head[28:16 + size])[0x20][:5] == b"\x07\0\0\0\1"


def test_it_ends_with_its_last_second(gateway_of, old):
    end = now() + datetime.timedelta(seconds=5)
    gateway = gateway_of({"web": {"level": "medium", "live": "close", "admit": [admit(old, end)]}})
    conn = echoing(gateway, "web", old)
    assert conn.recv(1) == b""
    record = live(gateway, "close")
    assert (record["verdict"], record["reason"], record["allowances"]) == ("reject", "expired", [])
    assert s_client(gateway.ports["web"], old).alert == 45
    conn.close()


def test_taken_away_it_ends_connections_and_sessions(gateway_of, old, web):
    settings = {"level": "medium", "mode": "http", "live": "close"}
    gateway = gateway_of({"web": {**settings, "admit": [admit(old)]}}, backend=web)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(old.chain_file, old.key_file)
    first = Client(gateway, "web", old, context=context)
    assert first.get("/")[0] == 200
    gateway.record_of(first.peer)
    mark = gateway.mark()
    again = Client(gateway, "web", old, context=context, session=first.sock.session)
    assert again.get("/")[0] == 200 and again.sock.session_reused
    record = gateway.record(mark)
    assert record["resumed"] and record["allowances"] == [NAME]
    gateway.configure({"web": settings})
    gateway.reload(2)
    assert live(gateway, "close")["reason"] == "expired"
    mark = gateway.mark()
    try:
        late = Client(gateway, "web", old, context=context, session=first.sock.session)
        assert late.sock.recv(1) == b"" and not late.sock.session_reused
        late.close()
    except OSError:
        pass
    record = gateway.record(mark)
    assert (record["verdict"], record["reason"], record["resumed"]) == ("reject", "expired", False)
    for client in (first, again):
        client.close()


def test_on_a_shared_port_it_counts_where_it_stands(gateway_of, old, web):
    """Of a line it makes no other peer, and the other way round."""
    line = 'line "hq" {{ interface = "web" path = "/hq" level = "medium" {} }}'
    for on_line in (False, True):
        entry = f'admit = {{"{admit(old)}"}}'
        gateway = gateway_of({"web": {"level": "medium", **({} if on_line else {"admit": [admit(old)]})}}, backend=web,
                             blocks=[line.format(entry if on_line else "")])
        client = Client(gateway, "web", old)
        assert (client.upgrade("/hq")[0] == 101) == on_line
        client.close()
        client = Client(gateway, "web", old)
        assert (client.get("/")[0] == 200) != on_line
        client.close()


def test_check_admits_it_too(pki, old, tmp_path):
    command = [CERTGATE, "check", "--tcs", pki.tcs(tmp_path / "tcs"), "--level", "medium", old.chain_file]
    assert subprocess.run(command, capture_output=True).returncode == 1
    out = subprocess.run(command + ["--admit", old.sha256], capture_output=True, text=True)
    assert out.returncode == 0 and out.stdout.startswith("ACCEPT, with allowance, at level medium")
    assert "note: admitted by an administrator\n" in out.stdout
    out = subprocess.run(command + ["--admit", old.sha256 + "@2027-06-30", "--format", "json"],
                         capture_output=True, text=True)
    assert json.loads(out.stdout)["allowances"] == [NAME]
    assert subprocess.run(command + ["--admit", old.sha256 + "@2026-01-01"], capture_output=True).returncode == 1
    out = subprocess.run(command + ["--admit", "00"], capture_output=True, text=True)
    assert out.returncode == 2 and "--admit '00' is no SHA-256" in out.stderr
