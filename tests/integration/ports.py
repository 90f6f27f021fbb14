"""
Ports for tests: below those that the system gives to clients (one of them could take the port before it is
used), no port twice, and none that another run on this machine may choose. Each process holds blocks of them,
by a lock that ends with the process.
"""
import fcntl
import os
import random
import socket
import tempfile
import threading

LOW, HIGH, BLOCK = 10000, 32000, 200
_FOLDER = os.path.join(tempfile.gettempdir(), "certgate-test-ports")
_lock = threading.Lock()
_held = []  # files with our locks
_own = range(0)  # what is left of the block in use


def _take_block():
    """The next block that nobody holds."""
    os.makedirs(_FOLDER, exist_ok=True)
    starts = list(range(LOW, HIGH, BLOCK))
    random.shuffle(starts)
    for start in starts:
        try:
            file = open(os.path.join(_FOLDER, str(start)), "ab")
        except PermissionError:  # another user's
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        _held.append(file)
        return range(start, start + BLOCK)
    raise RuntimeError("all blocks of ports are in use")


def _is_free(port):
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def free_ports(count):
    """The first of so many free ports in a row."""
    global _own
    with _lock:
        while True:
            if len(_own) < count:
                _own = _take_block()
            row, _own = _own[:count], _own[count:]
            if all(map(_is_free, row)):
                return row[0]


def free_port():
    return free_ports(1)
