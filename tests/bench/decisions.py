#!/usr/bin/python3
"""
A day of decisions, queried: writes a synthetic log of 1,000,000 records (some 2.6 GB in the folder given) with
certgated's own writer, feeds the peer inventory from it, and times the questions an administrator asks.

    tests/bench/decisions.py [--build build] [--records 1000000] [--max-bytes 100000000] [--keep] FOLDER

--max-bytes 0 leaves all of it in one file; --no-index asks once more without the indexes.

Run it on an optimised build without sanitizers. It prints seconds, best of three, and fails nothing.
"""
import argparse
import hashlib
import json
import os
import random
import subprocess
import time

START = 1795564800  # 2026-11-25T00:00:00Z
LEVELS = ("none", "low", "medium", "high", "medium+remote", "high+remote")
CHECKS = ("in-date", "key-1024", "chain", "key-usage", "extended-key-usage", "critical-extensions")


def template(peer):
    """The record of one peer with places for what differs each time; as long as a real one."""
    verdict, reason = ("accept", None) if peer % 10 else ("reject", "issuer-unknown")
    levels = {level: {"verdict": "reject" if reason or "high" in level and peer % 3 == 0 else "accept",
                      "reason": reason or ("not-in-tcs" if "high" in level and peer % 3 == 0 else None)}
              for level in LEVELS}
    sha256 = hashlib.sha256(str(peer).encode()).hexdigest()
    findings = [{"check": check, "outcome": "pass", "reason": None, "certificate": "received",
                 "found": "valid until 2027-12-25T04:15:31Z", "wanted": "valid at 2026-11-25T04:15:31Z"}
                for check in CHECKS]
    record = {
        "v": 1, "time": "@TIME@", "node": "bench", "generation": 1, "incident": "@INCIDENT@",
        "interface": ("web", "sip", "line")[peer % 3], "service": "https", "role": "inbound", "step": "handshake",
        "peer": f"10.{peer >> 8 & 255}.{peer & 255}.7:@PORT@", "local": None, "via": None, "class": "other",
        "class_by": "interface", "sni": "gate.example.test", "tls": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256",
        "resumed": False, "presented": 2, "alert_sent": None, "alert_received": None, "verdict": verdict,
        "level": "medium", "latched": False, "reason": reason, "allowances": [], "findings": findings,
        "levels": levels,
        "certificate": {"subject": f"CN=peer {peer},O=Example", "issuer": "CN=Example CA", "serial": sha256[:40],
                        "sha256": sha256, "not_before": "2026-11-24T04:15:31Z", "not_after": "2027-12-25T04:15:31Z",
                        "kind": "end entity", "key": "EC P-256", "signature": "ecdsa-with-SHA256", "version": 3,
                        "key_bits": 256, "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"],
                        "san": [f"DNS:peer-{peer}.example.test"], "defects": []},
        "path": [{"subject": f"CN={who}", "sha256": sha256, "not_after": "2027-12-25T04:15:31Z"}
                 for who in ("peer", "Example CA", "Example Root")], "anchored": True}
    return json.dumps(record, separators=(",", ":"))


def write_log(log, count):
    """Ten thousand peers; the records spread evenly over the day."""
    rng = random.Random(1)
    parts = []
    for peer in range(10000):
        head, rest = template(peer).split("@TIME@")
        middle, rest = rest.split("@INCIDENT@")
        before, after = rest.split("@PORT@")
        parts.append((head, middle, before, after))
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    size, wanted = 0, None
    for i in range(count):
        head, middle, before, after = parts[rng.randrange(10000)]
        ms = i * 86400000 // count
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + ms // 1000))
        number, incident = i * 2654435761 % (1 << 40), ""
        for shift in range(0, 40, 5):
            incident += letters[number >> shift & 31]
        incident = (incident * 4)[:26]
        size += log.write(f"{head}{stamp}.{ms % 1000:03d}Z{middle}{incident}{before}{i % 60000}{after}\n")
        if i == count // 3:
            wanted = incident
    return size, wanted


def measure(what, command, runs=3):
    best, lines = None, 0
    for _ in range(runs):
        begin = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        took = time.monotonic() - begin
        best = took if best is None else min(best, took)
        lines = done.stdout.count(b"\n")
        assert done.returncode in (0, 1), command
    print(f"{best:8.3f} s  {what} ({lines} lines)", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", default="build")
    options.add_argument("--records", type=int, default=1000000)
    options.add_argument("--max-bytes", type=int, default=100000000)
    options.add_argument("--no-index", action="store_true")
    options.add_argument("--keep", action="store_true")
    options.add_argument("folder")
    options = options.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    log, inventory = os.path.join(options.folder, "decisions.jsonl"), os.path.join(options.folder, "inventory.db")
    config = os.path.join(options.folder, "certgate.conf")
    certgate = os.path.join(options.build, "cmd", "certgate")
    feed = os.path.join(options.build, "tests", "bench", "bench-inventory")
    with open(config, "w", encoding="ascii") as file:
        file.write('tcs = "tcs"\nidentity "a" { certificate = "a" key = "a" }\n')
        for i, name in enumerate(("web", "line")):
            file.write(f'interface "{name}" {{ listen = {{"127.0.0.1:{4000 + i}"}} backend = "127.0.0.1:1" '
                       'identity = "a" }\n')
    writer = os.path.join(options.build, "tests", "bench", "bench-journal")
    with subprocess.Popen([writer, log, str(options.max_bytes)], stdin=subprocess.PIPE, text=True,
                          bufsize=1 << 20) as process:
        size, incident = write_log(process.stdin, options.records)
    assert process.returncode == 0
    for name in os.listdir(options.folder):  # as if they had been written on that day
        os.utime(os.path.join(options.folder, name), (START + 86400, START + 86400))
    print(f"{options.records} records, {size / 1e9:.2f} GB, {size // options.records} octets each", flush=True)
    subprocess.run([feed, log, inventory], check=True)
    measure("inventory: all peers, json", [certgate, "peers", "--inventory", inventory, "--format", "json"])
    measure("inventory: whom level high would refuse", [certgate, "peers", "--inventory", inventory, "--level", "high"])
    measure("inventory: what-if checks.management=high", [certgate, "what-if", "--set", "checks.management=high",
                                                          "--config", config, "--inventory", inventory,
                                                          "--since", "2026-01-01"])
    ask(certgate, log, incident)
    files = [os.path.join(options.folder, name) for name in os.listdir(options.folder)]
    if options.no_index:
        for name in files:
            if name.endswith(".index"):
                os.remove(name)
        print("without the indexes:", flush=True)
        ask(certgate, log, incident)
    if not options.keep:
        for name in files:
            if os.path.exists(name):
                os.remove(name)


def ask(certgate, log, incident):
    base, window = [certgate, "log", "--file", log], ["--since", str(START + 43200), "--until", str(START + 43260)]
    measure("log: the last 50", base)
    measure("log: the last 50 refusals", base + ["--verdict", "reject"])
    measure("log: one minute at noon", base + window)
    measure("log: an hour's refusals of a network", base + [
        "--since", str(START + 43200), "--until", str(START + 46800), "--verdict", "reject", "--peer", "10.3.0.0/16"])
    measure("log: the whole day for one certificate", base + ["-n", "0", "--sha256",
                                                              hashlib.sha256(b"4711").hexdigest()])
    measure("log: the whole day for one peer", base + ["-n", "0", "--peer", "10.3.77.7"])
    measure("log: the last 1000 for a reason", base + ["-n", "1000", "--reason", "issuer-unknown"])
    measure("log: the last 1000 on an interface", base + ["-n", "1000", "--interface", "sip"])
    measure("log: a reason that never came", base + ["-n", "0", "--reason", "expired"])
    measure("explain: one incident of the day", [certgate, "explain", "--file", log, incident])


if __name__ == "__main__":
    main()
