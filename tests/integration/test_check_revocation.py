"""certgate check --revocation: CRLs and OCSP responses from files."""
import base64
import json

import pytest

from pki import DAY, new_key, now
from test_check import certgate


@pytest.fixture(scope="module")
def files(pki, tmp_path_factory):
    """Writes a file once for its name; PEM where the name says so."""
    folder = tmp_path_factory.mktemp("evidence")

    def write(name, data):
        if name.endswith(".pem"):
            data = b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(data) + b"-----END X509 CRL-----\n"
        (folder / name).write_bytes(data)
        return str(folder / name)
    return write


@pytest.fixture(scope="module")
def peer(pki):
    return pki.leaf("peer", crl="http://crl.example.test/ca.crl")


def judge(pki, tmp_path, peer, *options):
    tcs = pki.tcs(tmp_path / "tcs")
    status, out, err = certgate("check", "--format", "json", "--tcs", tcs, *options, peer.chain_file)
    assert err == "", err
    decision = json.loads(out)
    assert status == (decision["verdict"] == "reject")
    return decision, {f["check"]: f for f in decision["findings"]}.get("revocation")


def test_off_by_default(pki, tmp_path, peer):
    decision, finding = judge(pki, tmp_path, peer)
    assert decision["verdict"] == "accept" and finding is None


@pytest.mark.parametrize("mode,verdict,reason,outcome", [
    ("off", "accept", None, None), ("soft", "accept", None, "pass"), ("hard", "reject", "revocation-unknown", "fail")])
def test_nothing_known(pki, tmp_path, peer, mode, verdict, reason, outcome):
    decision, finding = judge(pki, tmp_path, peer, "--revocation", mode)
    assert (decision["verdict"], decision["reason"]) == (verdict, reason)
    assert finding is None if outcome is None else finding["outcome"] == outcome
    if finding:
        assert "http://crl.example.test/ca.crl" in finding["found"]


@pytest.mark.parametrize("suffix", ["der", "pem"])
@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_crl(pki, tmp_path, peer, files, suffix, mode):
    root = files("root." + suffix, pki.crl(of="Root"))
    good, bad = files("good." + suffix, pki.crl()), files("bad." + suffix, pki.crl(peer))
    decision, finding = judge(pki, tmp_path, peer, "--revocation", mode, "--crl", root, "--crl", good)
    assert decision["verdict"] == "accept" and good in finding["found"] and "2 certificates" in finding["found"]
    decision, finding = judge(pki, tmp_path, peer, "--revocation", mode, "--crl", root, "--crl", bad)
    assert (decision["reason"], decision["alert"]) == ("revoked", 44)
    assert "keyCompromise" in finding["found"] and finding["certificate"] == "received" and bad in finding["found"]
    assert decision["levels"]["none"] == {"verdict": "reject", "reason": "revoked"}
    both = judge(pki, tmp_path, peer, "--revocation", mode, "--crl", root, "--crl", good, "--level", "none")
    assert both[0]["verdict"] == "accept"


def test_revoked_ca(pki, tmp_path, peer, files):
    root = files("root-bad.der", pki.crl(pki.ca_der, of="Root"))
    decision, finding = judge(pki, tmp_path, peer, "--revocation", "soft", "--crl", root)
    assert decision["reason"] == "revoked" and "Test CA" in finding["certificate"]


@pytest.mark.parametrize("what,words", [
    ({"signer": new_key("p256")}, "not signed by the issuer"), ({"end": now() - DAY / 48}, "stale"),
    ({"start": now() + DAY, "end": now() + 2 * DAY}, "future")])
def test_of_no_use(pki, tmp_path, peer, files, what, words):
    options = ("--revocation", "hard", "--crl", files("root.der", pki.crl(of="Root")))
    for option, name, data in (("--crl", "x.crl", pki.crl(peer, **what)), ("--ocsp", "x.ocsp", pki.ocsp(peer, **what))):
        decision, finding = judge(pki, tmp_path, peer, *options, option, files(name, data))
        assert decision["reason"] == "revocation-unknown" and words in finding["found"], finding


def test_ocsp(pki, tmp_path, peer, files):
    options = ("--revocation", "hard", "--crl", files("root.der", pki.crl(of="Root")))
    good, bad = files("good.ocsp", pki.ocsp(peer)), files("bad.ocsp", pki.ocsp(peer, revoked=True))
    decision, finding = judge(pki, tmp_path, peer, *options, "--ocsp", good)
    assert decision["verdict"] == "accept" and "OCSP response from " + good in finding["found"]
    decision, finding = judge(pki, tmp_path, peer, *options, "--ocsp", bad)
    assert decision["reason"] == "revoked" and "superseded" in finding["found"]
    other = pki.leaf("other")
    assert judge(pki, tmp_path, other, *options, "--ocsp", good)[0]["reason"] == "revocation-unknown"


def test_words_for_people(pki, tmp_path, peer, files):
    tcs = pki.tcs(tmp_path / "tcs")
    status, out, _ = certgate("check", "--tcs", tcs, "--revocation", "hard", "--crl", files("bad.der", pki.crl(peer)),
                              peer.chain_file)
    assert status == 1 and out.startswith("REJECT at level medium: revoked, ")
    assert "not revoked" in out and "To fix: have the peer get a new certificate" in out


def test_wrong_usage(pki, tmp_path, peer, files):
    tcs = pki.tcs(tmp_path / "tcs")
    junk, crl = files("junk.crl", b"junk"), files("good.der", pki.crl())
    for options, words in (
            (("--revocation", "on"), "--revocation is off, soft or hard, not 'on'"),
            (("--revocation", "hard", "--crl", junk), "not a CRL"),
            (("--revocation", "hard", "--crl", "/nonexistent"), "cannot be opened"),
            (("--revocation", "hard", "--ocsp", crl), "not an OCSP response"),
            (("--crl", crl), "--revocation soft or hard"),
            (("--revocation", "off", "--crl", crl), "--revocation soft or hard")):
        status, out, err = certgate("check", "--tcs", tcs, *options, peer.chain_file)
        assert (status, out) == (2, "") and words in err, err


def test_batch_takes_them_from_the_command_line(pki, tmp_path, peer, files):
    tcs = pki.tcs(tmp_path / "tcs")
    line = json.dumps({"id": 1, "leaf": peer.pem.decode(), "intermediates": [base64.b64encode(pki.ca_der).decode()]})
    status, out, err = certgate("check", "--batch", "--tcs", tcs, "--revocation", "soft", "--crl",
                                files("bad.der", pki.crl(peer)), stdin=line.encode() + b"\n")
    assert json.loads(out)["reason"] == "revoked", (status, out, err)
