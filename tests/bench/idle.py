#!/usr/bin/python3
"""10,000 peers that hold an admitted connection and say nothing: what each costs, and whether others are still served.

  idle.py BUILD [COUNT]     BUILD: a folder built without sanitizers

Two workers in front of an HTTP backend (mode http: an idle peer holds no backend connection). Prints the workers' resident
memory and the time of an admission before and with the idle peers; then closes them and looks again. Exit status 1 when
one was not held, or a new peer not served; the last line counts as a test's.
"""
import os
import resource
import socket
import ssl
import sys
import tempfile
import time

if len(sys.argv) < 2:
    sys.exit(__doc__)
os.environ["CERTGATE_BUILD"] = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from clients import s_client  # noqa: E402
from conftest import Gateway, until  # noqa: E402
from http_backend import HttpBackend  # noqa: E402
from pki import Pki  # noqa: E402

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000


def resident(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def admission(port, cert):
    """Median of 21 admissions, in milliseconds, each from connect to the answer."""
    times = []
    for _ in range(21):
        start = time.monotonic()
        assert s_client(port, cert).served
        times.append(time.monotonic() - start)
    return sorted(times)[10] * 1000


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < COUNT + 500:
        print(f"skipped: a process may have {most} descriptors here\n0 passed, 0 failed, 1 skipped")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        pki, backend = Pki(os.path.join(folder, "pki")), HttpBackend()
        good = pki.leaf("good")
        gateway = Gateway(folder, pki, pki.identity(), backend,
                          {"web": {"level": "high", "mode": "http", "max-per-source": COUNT + 100,
                                   "max-connections": COUNT + 100, "request-timeout": "10m"}}, pinned=[good], workers=2)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(good.chain_file, good.key_file)
        held, port = [], gateway.ports["web"]
        try:
            workers = gateway.worker_pids()
            quiet, empty = admission(port, good), resident(workers)
            for n in range(COUNT):
                held.append(context.wrap_socket(socket.create_connection(("127.0.0.1", port))))
                if (n + 1) % (COUNT // 10) == 0:
                    print(f"{n + 1} held, {resident(workers)} KiB", flush=True)
            full, busy = resident(workers), admission(port, good)
            print(f"{(full - empty) / COUNT:.1f} KiB each; an admission took {quiet:.1f} ms before, {busy:.1f} ms with them")
            for conn in held[:: COUNT // 20]:
                conn.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert conn.recv(4096).startswith(b"HTTP/1.1 200"), "one of them was not held"
            for conn in held:
                conn.close()
            until("their end", lambda: admission(port, good))
            assert gateway.worker_pids() == workers, "a worker died"
            print(f"closed: {resident(workers)} KiB")
            print("1 passed, 0 failed")
        finally:
            gateway.stop()
            backend.close()


main()
