"""`certgate check --batch`: what becomes of lines that are odd."""
import base64
import json
import os
import subprocess

import pytest

from conftest import BUILD

CERTGATE = os.path.join(BUILD, "cmd", "certgate")
JUNK = base64.b64encode(b"no certificate").decode()
OUTBOUND = {"leaf": JUNK, "anchors": [], "role": "outbound"}


def batch(*cases):
    lines = "".join((c if isinstance(c, str) else json.dumps(c)) + "\n" for c in cases)
    done = subprocess.run([CERTGATE, "check", "--batch"], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(cases)
    return answers


@pytest.mark.parametrize("case, verdict, reason", [
    # a name that is none: no certificate can hold it
    ({"name": "a b", "level": "medium+remote"}, "reject", "name-mismatch"),
    ({"name": "*.example.test", "checks": ["host-name"]}, "reject", "name-mismatch"),
    ({"name": "", "checks": ["host-name"]}, "reject", "name-mismatch"),
    ({"name": "ex\u2028ample.test", "checks": ["host-name"]}, "reject", "name-mismatch"),
    ({"sip_domain": "a..b", "service": "sip", "checks": ["sip-domain"]}, "reject", "sip-domain-mismatch"),
    # the same where nothing asks for it, and in a list, is a slip of whoever wrote the case
    ({"name": "a b", "level": "medium"}, "error", None),
    ({"name": ["a b", "example.test"], "level": "medium+remote"}, "error", None),
    # leaves
    ({"leaf": "", "level": "none"}, "reject", "unparsable"),
    ({"leaf": "***", "level": "none"}, "error", None),
    ({"level": "none"}, "reject", "unparsable"),
    ({"level": "none", "leaf": None}, "reject", "certificate-missing"),
    ({"level": "none", "colour": "red"}, "error", None),
    ({"level": "none", "max_depth": 33}, "error", None),
])
def test_a_line(case, verdict, reason):
    answer = batch({"id": "x", **OUTBOUND, **case})[0]
    assert (answer["id"], answer["verdict"], answer.get("reason")) == ("x", verdict, reason), answer
    assert (verdict == "error") == bool(answer.get("error"))


def test_a_bad_line_ends_nothing():
    answers = batch("{", {"id": 1, **OUTBOUND, "level": "none"}, "[]", {"id": [2], **OUTBOUND, "level": "none"})
    assert [a["verdict"] for a in answers] == ["error", "reject", "error", "reject"]
    assert [a["id"] for a in answers] == [None, 1, None, [2]]
