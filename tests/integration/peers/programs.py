"""Programs that the tests start: each on loopback, stopped by its pid, its output kept for the message of a failure."""
import os
import shutil
import subprocess

import pytest

from conftest import PATIENCE, until

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_MODULES = os.path.join(HERE, "..", "..", "..", "build-test", "node", "node_modules")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def where(program):
    return shutil.which(program, path=PATH)


def needs(*programs, npm=()):
    """Marks tests that are skipped, with the reason, where one of these is not installed."""
    missing = [program for program in programs if not where(program)]
    missing += [f"npm package {name}" for name in npm if not os.path.isdir(os.path.join(NODE_MODULES, name))]
    return pytest.mark.skipif(bool(missing), reason="not installed: " + ", ".join(missing))


def listens(port):
    """Asks the system, not the port: that would be a connection, of a balancer to the gateway behind it too."""
    with open("/proc/net/tcp", encoding="ascii") as sockets:
        return f"0100007F:{port:04X} 00000000:0000 0A" in sockets.read()


class Program:
    """A program in the background, its input open and empty; ready() is asked until it says yes."""

    def __init__(self, command, folder, ready, name=None, **options):
        self.name = name or os.path.basename(command[0])
        self.log = os.path.join(str(folder), self.name + ".out")
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([where(command[0]) or command[0], *command[1:]], stdout=out, stderr=out,
                                            stdin=subprocess.PIPE, cwd=str(folder), **options)
        try:
            until(f"{self.name} is ready", lambda: self._alive() and ready())
        except BaseException:
            self.stop()
            raise

    def _alive(self):
        assert self.process.poll() is None, f"{self.name} ended at once:\n{self.output()}"
        return True

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)
        self.process.stdin.close()


@pytest.fixture(scope="module")
def started():
    """A list of things with stop(): they are stopped, the last one first, when the module has ended."""
    programs = []
    yield programs
    for program in reversed(programs):
        program.stop()


def run(command, timeout=60, **options):
    return subprocess.run([where(command[0]) or command[0], *command[1:]], capture_output=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False, **options)
