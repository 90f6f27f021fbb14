"""What a node does whose store is damaged, gone, on a full or read-only disk, or that is killed in a commit."""
import glob
import os
import shutil
import signal
import subprocess
import threading

import pytest

from admin import Admin
from clients import s_client
from conftest import until


@pytest.fixture()
def node(gateway_of):
    gateway = gateway_of({"web": {}}, store=True)
    yield gateway
    if gateway.process.poll() is None:
        gateway.process.kill()
    gateway.process.wait()


def store_of(node):
    return os.path.join(node.folder, "state", "store.db")


def kill(node):
    node.process.kill()
    node.process.wait()
    for pid in node.worker_pids():
        until("the worker's end", lambda: not os.path.exists(f"/proc/{pid}"))


def remove_store(node):
    for path in glob.glob(store_of(node) + "*"):
        os.remove(path)


def damage(node):
    """A page in the middle of the file, and nothing in the journal to mend it by."""
    for path in glob.glob(store_of(node) + "-*"):
        os.remove(path)
    with open(store_of(node), "r+b") as f:
        f.seek(0)
        f.write(b"\xff" * 4096)


@pytest.mark.parametrize("harm, said", [(remove_store, "the store is gone"), (damage, "store.db")])
def test_without_its_store_it_serves_what_was_in_force_last(node, good, harm, said):
    number = Admin(node).set("checks.management", "high")["generation"]
    kill(node)
    harm(node)
    node.start(number)
    assert said in node.messages()[node.said:]
    mark = node.mark()
    s_client(node.ports["web"], good)
    assert (node.record(mark)["reason"], node.record(mark)["generation"]) == ("not-in-tcs", number)
    status = Admin(node).get("/status")
    assert not status["store"] and said in status["problem"]


def test_nothing_is_changed_without_the_store(node):
    kill(node)
    remove_store(node)
    node.start(1)
    error = Admin(node).set("checks.management", "none", expected=500)["error"]
    assert "--new-store" in error["message"]


def test_a_reload_finds_the_store_when_it_is_back(node):
    kill(node)
    os.rename(store_of(node), store_of(node) + ".away")
    node.start(1)
    os.rename(store_of(node) + ".away", store_of(node))
    node.process.send_signal(signal.SIGHUP)
    until("the store", lambda: "the store can be used again" in node.messages())
    Admin(node).set("checks.management", "high")


def test_what_a_store_holds_that_was_away_is_put_in_force(node, good, tmp_path):
    """The last good snapshot may be older than the store, and must not stay in its place."""
    for name in ("last-good", "last-good.keys"):
        shutil.copy(os.path.join(node.state, name), tmp_path)
    Admin(node).set("checks.management", "high")
    node.wait_generation(2)
    kill(node)
    os.rename(store_of(node), store_of(node) + ".away")
    for name in ("last-good", "last-good.keys"):
        shutil.copy(tmp_path / name, node.state)
    node.start(1)
    os.rename(store_of(node) + ".away", store_of(node))
    node.reload(2)
    mark = node.mark()
    s_client(node.ports["web"], good)
    assert node.record(mark)["reason"] == "not-in-tcs"


def test_a_store_of_before_waits_for_a_restart(node):
    node.stop()  # nothing is left in the journal
    old = shutil.copy(store_of(node), os.path.join(node.state, "old.db"))
    node.start(1)
    Admin(node).set("checks.management", "high")
    kill(node)
    remove_store(node)
    node.start(2)
    os.rename(old, store_of(node))
    node.process.send_signal(signal.SIGHUP)
    until("the refusal", lambda: "it holds generation 1, in force is 2; restart" in node.messages())


def test_nothing_is_confirmed_or_taken_back_without_the_store(node):
    number = Admin(node).set("checks.management", "high", confirm_within=600)["generation"]
    kill(node)
    remove_store(node)
    node.start(number)
    assert Admin(node).post("/confirm", 404)["error"]
    assert Admin(node).post("/revert", 500)["error"]
    assert Admin(node).get("/status")["pending"]["generation"] == number


def test_a_new_store_is_made_only_when_asked(node):
    kill(node)
    remove_store(node)
    with open(node.stderr, "ab") as stderr:
        node.process = subprocess.Popen([node.program, "--new-store", "--config", node.config], stderr=stderr)
    node.said = len(node.messages())
    node.wait_generation(2)
    assert Admin(node).get("/status")["store"]


def test_no_commit_that_was_reported_is_lost_to_a_kill(node):
    """Commits one after another, killed somewhere among them: what was answered is there afterwards."""
    admin, reported = Admin(node), []

    def commit():
        try:
            for i in range(30, 180):
                reported.append((admin.set("expiry.warning-days", i)["generation"], str(i)))
        except OSError:
            pass
    for _ in range(3):
        thread = threading.Thread(target=commit)
        thread.start()
        before = len(reported)
        until("some commits", lambda: len(reported) > before + 3 or not thread.is_alive())
        kill(node)
        thread.join()
        number, value = reported[-1]
        with open(node.stderr, "ab") as stderr:
            node.process = subprocess.Popen([node.program, "--config", node.config], stderr=stderr)
        until("an answer", lambda: os.path.exists(admin.path) and answers(admin))
        status = admin.get("/status")
        assert status["generation"] in (number, number + 1)
        assert admin.value("expiry.warning-days") in (value, str(int(value) + 1))
        assert admin.get("/audit/verify")["ok"]


def answers(admin):
    try:
        return admin.get("/status")
    except (OSError, AssertionError):
        return None


@pytest.fixture()
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("a file system of its own cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_the_change_and_serves_on(gateway_of, small_disk, good):
    node = gateway_of({"web": {}}, store=True, node=["inventory = false"], state=str(small_disk))
    admin = Admin(node, str(small_disk))
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as f, pytest.raises(OSError):
        while True:
            f.write(b"\0" * 4096)
    error = admin.set("checks.management", "high", expected=500)["error"]
    assert "full" in error["message"] or "space" in error["message"], error
    assert s_client(node.ports["web"], good).served
    filler.unlink()
    node.wait_generation(admin.set("checks.management", "high")["generation"])
    node.stop()

