#!/usr/bin/python3
"""100,000 full handshakes through the gateway: its worker's memory must not grow.

  handshakes.py BUILD [COUNT]     BUILD: a folder built without sanitizers

Half of them TLS 1.3 and half 1.2, one after the other, one tenth refused; prints the worker's resident memory after each
tenth. Exit status 1 when the last is more than 2 MiB above the one after the first tenth. Takes about four minutes.
"""
import os
import subprocess
import sys
import tempfile

if len(sys.argv) < 2:
    sys.exit(__doc__)
os.environ["CERTGATE_BUILD"] = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from conftest import Backend, Gateway  # noqa: E402
from pki import DAY, Pki, now  # noqa: E402

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
PROGRAM = os.path.join(os.environ["CERTGATE_BUILD"], "tests", "bench", "handshakes")


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def main():
    subprocess.run(["ninja", "-C", os.environ["CERTGATE_BUILD"], "tests/bench/handshakes"], check=True,
                   stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        pki, backend = Pki(os.path.join(folder, "pki")), Backend()
        good, expired = pki.leaf("good"), pki.leaf("expired", end=now() - DAY / 2)
        gateway = Gateway(folder, pki, pki.identity(), backend, {"web": {"level": "high"}}, pinned=[good])
        sizes, served, tenth = [], 0, COUNT // 10
        try:
            worker, = gateway.worker_pids()
            for part in range(10):
                for cert, share in ((good, 9), (expired, 1)):
                    for tls in ("1.2", "1.3"):
                        done = subprocess.run(
                            [PROGRAM, str(gateway.ports["web"]), str(tenth * share // 20), cert.chain_file,
                             cert.key_file, tls], capture_output=True, text=True)
                        served += int(done.stdout)
                sizes.append(resident(worker))
                print(f"{tenth * (part + 1)} handshakes, {served} served: {sizes[-1]} KiB", flush=True)
            assert gateway.worker_pids() == [worker], "the worker died"
        finally:
            gateway.stop()
            backend.close()
        grown = sizes[-1] - sizes[0]
        print(f"grown by {grown} KiB between {tenth} and {tenth * 10} handshakes")
        if served != tenth * 9 // 20 * 2 * 10:
            sys.exit(f"{served} served, not what was expected")
        sys.exit(grown > 2048)


main()
