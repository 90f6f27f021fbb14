"""docs/interop.md names tests: they must be there."""
import glob
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def rows():
    with open(os.path.join(ROOT, "docs", "interop.md"), encoding="utf-8") as f:
        return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in f
                if re.match(r"\| \d", line)]


def test_each_scenario_has_one_row():
    assert [int(row[0]) for row in rows()] == list(range(1, 31))
    assert {len(row) for row in rows()} == {4}


def test_each_test_that_a_row_names_is_there():
    sources = [path for ending in ("py", "c")
               for path in glob.glob(os.path.join(ROOT, "tests", "**", f"test_*.{ending}"), recursive=True)]
    text = "\n".join(open(path, encoding="utf-8").read() for path in sources)
    names = {os.path.basename(path) for path in sources} | set(re.findall(r"^def (test_\w+)\(", text, re.M))
    named = {os.path.basename(name) for row in rows() for name in re.findall(r"`([\w/]*test_\w+(?:\.\w+)?)`", row[2])}
    assert len(named) > 30
    assert named <= names, named - names
