"""Starts certgated with a worker, a backend and certificates of its own; everything is stopped by its pid."""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from pki import Pki
from ports import free_port

BUILD = os.environ.get("CERTGATE_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build"))
PATIENCE = 60  # seconds until something that must happen counts as missing


def until(what, probe, patience=PATIENCE):
    """Polls until probe() gives something."""
    deadline = time.monotonic() + patience
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {patience} s"
        time.sleep(0.01)


class Backend:
    """Answers GET and POST in plain HTTP, echoes after `ECHO`, and counts what reached it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.received = bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        data = b""
        with conn:
            try:
                while True:
                    more = conn.recv(65536)
                    self.received += more[:4096]
                    if data.startswith(b"ECHO") and not more:
                        conn.sendall(b"END")
                    if not more:
                        return
                    data += more
                    if data.startswith(b"ECHO"):
                        conn.sendall(more)
                    elif b"\r\n\r\n" in data.partition(b" HTTP/1.1\r\n")[2]:  # a PROXY header has them too
                        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
                        return
            except OSError:
                return

    def close(self):
        self.listener.close()


class Gateway:
    """
    One certgated with the interfaces given as {name: {setting: value}}, and blocks as text behind them. Among
    the settings "block": "line" makes it a line, and None leaves a default of this class out.
    """

    def __init__(self, folder, pki, identity, backend, interfaces, pinned=(), workers=1, blocks=(),
                 descriptors=None, program=None, before=None, store=False, others=None, node=(),
                 state=None):
        self.folder, self.pki, self.identity = str(folder), pki, identity
        self.state = state or os.path.join(self.folder, "state")
        self.node = list(node)  # lines of the node's own settings
        self.store = store  # False: what the tests write into the file counts at each reload
        self.backend, self.workers, self.blocks, self.descriptors = backend, workers, list(blocks), descriptors
        self.program = program or os.path.join(BUILD, "cmd", "certgated")
        self.others = others or {}  # more identities, by name
        self.before = before  # called in the child before it becomes certgated
        self.tcs = pki.tcs(os.path.join(self.folder, "tcs"), *pinned)
        self.config = os.path.join(self.folder, "certgate.conf")
        self.log = os.path.join(self.folder, "decisions.log")
        self.stderr = os.path.join(self.folder, "stderr")
        self.ports = {}
        self.configure(interfaces)
        self.start()

    def configure(self, interfaces):
        lines = [f'node = "test"', f"workers = {self.workers}", f'state = "{self.state}"',
                 f'log = "{self.log}"', f'tcs = "{self.tcs}"', f"store = {str(self.store).lower()}", *self.node,
                 'identity "gw" {', f'  certificate = "{self.identity.chain_file}"',
                 f'  key = "{self.identity.key_file}"', "}"]
        for name, cert in self.others.items():
            lines += [f'identity "{name}" {{', f'  certificate = "{cert.chain_file}"', f'  key = "{cert.key_file}"',
                      "}"]
        for name, settings in interfaces.items():
            if name not in self.ports:
                self.ports[name] = free_port()
            settings = {"listen": [f"127.0.0.1:{self.ports[name]}"],
                        "backend": f"127.0.0.1:{self.backend.port}", "identity": "gw", **settings}
            lines.append(f'{settings.pop("block", "interface")} "{name}" {{')
            for key, value in settings.items():
                if value is None:  # a default of above that has no place here
                    continue
                if isinstance(value, bool):
                    text = "true" if value else "false"
                elif isinstance(value, int):
                    text = str(value)
                elif isinstance(value, (list, tuple)):
                    text = "{" + ", ".join(f'"{v}"' for v in value) + "}"
                else:
                    text = f'"{value}"'
                lines.append(f"  {key} = {text}")
            lines.append("}")
        lines += self.blocks
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")

    def _in_child(self):
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))
        if self.before:
            self.before()

    def start(self, generation=1):
        self.said = len(self.messages()) if os.path.exists(self.stderr) else 0  # by one before
        self.process = subprocess.Popen([self.program, "--config", self.config],
                                        stderr=open(self.stderr, "ab"), stdout=subprocess.DEVNULL,
                                        preexec_fn=self._in_child if self.descriptors or self.before else None)
        self.wait_generation(generation)

    def messages(self):
        with open(self.stderr, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_generation(self, number):
        def in_force():
            assert self.process.poll() is None, self.messages()
            return f"generation {number} in force" in self.messages()[self.said:]
        until(f"generation {number}", in_force)

    def reload(self, number):
        self.process.send_signal(signal.SIGHUP)
        self.wait_generation(number)

    def records(self):
        """The whole lines of the decision log; a line still being written is for the next look."""
        try:
            with open(self.log, "rb") as f:
                whole = f.read().rpartition(b"\n")[0]  # at once: by lines, the rest of one may come as the next
            return [json.loads(line) for line in whole.split(b"\n")] if whole else []
        except FileNotFoundError:
            return []

    def mark(self):
        return len(self.records())

    def since(self, mark):
        """The records after mark, as soon as there is one: they may come a moment after what the peer sees."""
        return until("a decision record", lambda: self.records()[mark:])

    def record(self, mark):
        """The next record after mark."""
        return self.since(mark)[0]

    def record_of(self, peer, at=0):
        """The record of the connection with this address and port, or a later one of it."""
        return until("a decision record", lambda: [r for r in self.records() if r["peer"] == peer][at:])[0]

    def worker_pids(self):
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in out.stdout.split()]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        assert self.process.returncode in (0, -signal.SIGKILL), self.messages()
        assert "Sanitizer" not in self.messages(), self.messages()
        # Whatever workers need, the sandbox must let pass.
        assert "the sandbox refused" not in self.messages(), self.messages()


@pytest.fixture()
def reachable():
    """A folder that workers reach, who are nobody where the tests are root: pytest's own are for one user alone."""
    folder = tempfile.mkdtemp(prefix="certgate-test-")
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def identity(pki):
    return pki.identity()


@pytest.fixture(scope="session")
def good(pki):
    return pki.leaf("good")


@pytest.fixture(scope="module")
def backend():
    backend = Backend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def gateway_of(tmp_path_factory, pki, identity, backend):
    """gateway_of({name: settings}, pinned=…) starts a gateway that ends with the module."""
    started = []

    def start(interfaces, **options):
        gateway = Gateway(tmp_path_factory.mktemp("gw"), pki, options.pop("identity", identity),
                          options.pop("backend", backend), interfaces, **options)
        started.append(gateway)
        return gateway
    yield start
    for gateway in started:
        gateway.stop()
