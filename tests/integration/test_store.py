"""The node's store beside its configuration file: what seeds it, what counts afterwards, and what survives."""
import os
import re
import signal
import subprocess

import pytest

from conftest import BUILD, until


def certgate(*arguments):
    return subprocess.run([os.path.join(BUILD, "cmd", "certgate"), *arguments], capture_output=True, text=True)


@pytest.fixture()
def node(gateway_of):
    return gateway_of({"web": {"level": "medium"}}, store=True)


def test_the_first_start_fills_the_store_from_the_file(node):
    assert "a new store, filled from" in node.messages()
    assert "at level medium" in node.messages()


def test_a_reload_without_changes_makes_no_generation(node):
    node.process.send_signal(signal.SIGHUP)
    until("the answer", lambda: "generation 1 stays in force" in node.messages())


def test_the_files_level_counts_once(node):
    node.configure({"web": {"level": "none"}})
    node.reload(2)
    assert "at level none" not in node.messages()
    notes = certgate("config", "check", node.config).stderr
    assert re.search(r"interface\.web\.level: the file says 'none', in force is 'medium' of the store", notes)


def test_the_generation_goes_on_after_a_restart(node):
    node.configure({"web": {"level": "medium", "idle-timeout": "5m"}})
    node.reload(2)
    node.stop()
    node.start(2)
