"""The manual pages: sound mdoc, and nothing that the programs have is missing. And the unit of the service manager."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CERTGATE = os.path.join(BUILD, "cmd", "certgate")
PAGES = ("certgate.1", "certgated.8", "certgate.conf.5", "certgate-checks.7")


# Of these mandoc says that it does not find them, for it looks only where manuals are installed.
OURS = re.compile(r"referenced manual not found: Xr (%s)\b" % "|".join(
    re.escape(page[:-2]) + " " + page[-1] for page in PAGES))


def source(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def shown(page):
    """The page as a reader sees it, every run of blanks one."""
    done = subprocess.run(["mandoc", "-Tutf8", "-Owidth=200", os.path.join(BUILD, "man", page)], capture_output=True,
                          check=True)
    return " ".join(re.sub(r".\x08", "", done.stdout.decode("utf-8")).split())


def certgate(*arguments):
    return subprocess.run([CERTGATE, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc here")
@pytest.mark.parametrize("page", PAGES)
def test_mandoc_has_nothing_to_say(page):
    done = subprocess.run(["mandoc", "-Tlint", os.path.join(BUILD, "man", page)], capture_output=True, text=True,
                          check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines()
            if not OURS.search(line) and "outdated mandoc.db" not in line]
    assert said == []


def test_every_command_is_told_with_its_help():
    page = shown("certgate.1")
    commands = re.findall(r"^  certgate (\S+)", certgate("help"), re.M)
    assert len(commands) > 10
    for command in commands:
        assert f"certgate {command} " in page
        if command in ("help", "version"):
            continue
        usage, *rest = certgate(command, "--help").splitlines()
        assert " ".join(usage.split()) in page
        for line in rest:
            assert " ".join(line.split()) in page or "ACTION --help" in line or line.startswith("  "), line
    for line in certgate("settings", "--help").splitlines():
        action = re.match(r"  ([a-z]+)  ", line)
        assert not action or f"certgate settings {action[1]}" in page


def test_every_setting_is_told():
    page = shown("certgate.conf.5")
    rows = re.findall(r'^    \{ "([a-z-]+)", ', source("src", "settings", "rows.c"), re.M)
    node = re.findall(r'CFG_(?:STR|INT|BOOL|FLOAT|SEC)\("([a-z-]+)"', source("src", "settings", "settings.c"))
    stored = re.findall(r'^    X\("([^"]*)"(?: PLACE "([^"]*)")?,\s+[A-Z_]+,.*\b(?:SHOWN|SECRET)\b',
                        source("src", "store", "registry.c"), re.M)
    assert len(rows) > 40 and len(node) > 15 and len(stored) > 10
    for name in rows + node + [before + ("<name>" + after if after else "") for before, after in stored]:
        assert re.search(rf"(^| ){re.escape(name)} ", page), name


def test_every_check_level_and_reason_is_told():
    page = shown("certgate-checks.7")
    checks = re.findall(r"^(\S+)(?: \*)?$", certgate("help", "checks"), re.M)
    reasons = re.findall(r"^(\S+)$", certgate("help", "reasons"), re.M)
    assert len(checks) >= 12 and len(reasons) > 30
    for name in checks + reasons + ["none", "low", "medium", "high", "medium+remote", "high+remote",
                                    "admitted-by-administrator"]:
        assert f" {name} " in page, name


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_unit_is_sound(tmp_path):
    unit = source("packaging", "certgated.service.in")
    for name in ("sbindir", "bindir"):
        unit = unit.replace(f"@{name}@", os.path.abspath(os.path.join(BUILD, "cmd")))
    path = tmp_path / "certgated.service"
    path.write_text(unit)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True,
                          check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "certgated.service" in line]
    assert (done.returncode, said) == (0, []), done.stdout + done.stderr
    # 10 is a service that nothing confines.
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=30", str(path)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
