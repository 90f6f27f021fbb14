"""Who gets in by the console's address and socket, what they may do, and what keeps other pages out."""
import http.client
import json
import os
import re
import signal
import signal
import subprocess
import warnings

import pytest

from admin import Admin
from conftest import free_port, until

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt  # libcrypt's yescrypt

PASSWORD = "correct horse battery staple"


class Browser:
    """One that keeps its cookie and sends the token of GET /whoami with what it changes."""

    def __init__(self, port):
        self.port, self.cookie, self.csrf = port, None, None

    def request(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.csrf:
            headers["X-Csrf-Token"] = self.csrf
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            if answer.headers["Set-Cookie"]:
                self.set_cookie = answer.headers["Set-Cookie"]
                self.cookie = self.set_cookie.partition(";")[0]
            data = answer.read()
            return answer.status, json.loads(data) if "json" in (answer.headers["Content-Type"] or "") else data
        finally:
            connection.close()

    def sign_in(self, user, password=PASSWORD):
        status, answer = self.request("POST", "/api/v1/session", {"user": user, "password": password})
        if status == 200:
            self.csrf = self.request("GET", "/api/v1/whoami")[1]["csrf"]
        return status, answer


@pytest.fixture(scope="module")
def node(gateway_of):
    port = free_port()
    gateway = gateway_of({"web": {}}, store=True, node=[f'console = "127.0.0.1:{port}"'])
    gateway.console, gateway.admin = port, Admin(gateway)
    hashed = crypt.crypt(PASSWORD, "$y$j9T$F5Jx5fExrKuPp53xLKQ..1")
    for role in ("administrator", "operator", "auditor"):
        gateway.admin.change({"op": "set", "name": f"user.{role}.role", "value": role},
                             {"op": "set", "name": f"user.{role}.password", "value": hashed})
    return gateway


@pytest.fixture()
def browser(node):
    return Browser(node.console)


def test_nobody_reads_without_signing_in(browser):
    status, answer = browser.request("GET", "/api/v1/status")
    assert status == 401 and answer["error"]["code"] == "unauthenticated"


def test_a_path_of_any_octets_has_no_route(browser):
    status, answer = browser.request("GET", "/api/v1/%ff%fe")
    assert status == 404 and answer["error"]["code"] == "not-found"
    assert browser.request("GET", "/api/v1/" + "%c3%a4" * 300)[0] == 404
    assert browser.request("GET", "/api/v1/status")[0] == 401


def test_a_wrong_password_is_told_no_more_than_that(browser):
    first = browser.sign_in("auditor", "wrong")
    second = browser.sign_in("nobody-of-this-name", "wrong")
    assert first == second and first[0] == 401


def test_the_cookie_is_for_this_site_and_no_script(browser):
    assert browser.sign_in("auditor")[0] == 200
    assert "HttpOnly" in browser.set_cookie and "SameSite=Strict" in browser.set_cookie


@pytest.mark.parametrize("role, status", [("auditor", 403), ("operator", 403), ("administrator", 200)])
def test_only_administrators_change_settings(browser, role, status):
    browser.sign_in(role)
    assert browser.request("GET", "/api/v1/settings")[0] == 200
    assert browser.request("POST", "/api/v1/changes", {"preview": True, "edits": [
        {"op": "set", "name": "partial-chain", "value": True}]})[0] == status


def test_operators_admit_certificates(browser):
    browser.sign_in("operator")
    status, answer = browser.request("POST", "/api/v1/changes", {"edits": [
        {"op": "pin", "sha256": "ab" * 32, "interface": "web", "until": "2999-01-01", "reason": "test"}]})
    assert status == 200 and answer["changed"], answer


def test_a_change_without_the_token_is_refused(browser):
    browser.sign_in("administrator")
    browser.csrf = None
    assert browser.request("POST", "/api/v1/reload")[0] == 403
    browser.csrf = "0" * 64
    assert browser.request("POST", "/api/v1/reload")[0] == 403


def test_a_form_of_another_site_is_not_json(browser):
    browser.sign_in("administrator")
    assert browser.request("POST", "/api/v1/changes", {"edits": []},
                           Content_Type="application/x-www-form-urlencoded")[0] == 415


def test_signing_out_ends_the_session(browser):
    browser.sign_in("auditor")
    cookie = browser.cookie
    assert browser.request("DELETE", "/api/v1/session")[0] == 200
    browser.cookie = cookie
    assert browser.request("GET", "/api/v1/status")[0] == 401


def test_the_hash_of_a_password_is_shown_to_nobody(node):
    assert node.admin.get("/settings/user.auditor.password")["value"] == "hidden"
    assert "$y$" not in json.dumps(node.admin.get("/settings"))
    for number in range(2, node.admin.get("/status")["generation"] + 1):
        assert "$y$" not in json.dumps(node.admin.get(f"/diff?from={number - 1}&to={number}"))
    assert "$y$" not in json.dumps(node.admin.get("/audit?limit=1000"))


def test_the_link_of_the_command_is_good_once(node, browser):
    url = node.admin.post("/console-link")["url"]
    path = re.sub(r"^http://[^/]*", "", url)
    assert browser.request("GET", path)[0] == 303
    assert browser.request("GET", "/api/v1/whoami")[1]["role"] == "administrator"
    assert Browser(node.console).request("GET", path)[0] == 403


def test_forwarded_fields_mean_nothing_on_loopback(browser):
    status, _ = browser.request("GET", "/api/v1/status", Certgate_Verdict="accept;level=high", Client_Cert=":AAAA:")
    assert status == 401


def test_a_certificate_is_somebody_through_an_interface(gateway_of, reachable, good, pki):
    socket = f"{reachable}/console.sock"
    node = gateway_of({"manager": {"backend": f"unix:{socket}", "mode": "http"}}, store=True,
                      node=[f'console-socket = "{socket}"', 'user = "daemon"'])
    admin = Admin(node)
    node.wait_generation(admin.change(
        {"op": "set", "name": "user.eve.role", "value": "auditor"},
        {"op": "set", "name": "user.eve.certificate", "value": good.sha256})["generation"])

    def ask(cert, *more):
        done = subprocess.run(["curl", "-sk", "--http1.1", "--max-time", "20", "--noproxy", "*", *more, "--cert",
                               cert.chain_file, "--key", cert.key_file,
                               f"https://127.0.0.1:{node.ports['manager']}/api/v1/whoami"], capture_output=True)
        return json.loads(done.stdout)
    who = until("the answer", lambda: ask(good))
    assert (who["user"], who["role"], who["via"], who["certificate"]) == (
        "eve", "auditor", "certificate", good.sha256)
    assert json.loads(subprocess.run(
        ["curl", "-sk", "--http1.1", "--max-time", "20", "--noproxy", "*", "--cert", good.chain_file, "--key", good.key_file,
         "-H", f"X-Csrf-Token: {who['csrf']}", "-H", "Content-Type: application/json", "-d", "{}",
         f"https://127.0.0.1:{node.ports['manager']}/api/v1/what-if"], capture_output=True).stdout)["error"]["code"] == "invalid", "not forbidden: the token comes through"
    stranger, name = pki.leaf("stranger"), "Client-Cert"
    assert ask(stranger)["error"]["code"] == "unauthenticated"
    with open(good.cert_file, encoding="ascii") as f:
        forged = "".join(line.strip() for line in f if "-----" not in line)
    assert ask(stranger, "-H", f"{name}: :{forged}:")["error"]["code"] == "unauthenticated"


def test_the_consoles_socket_is_no_backend_of_one_that_passes_octets_on(gateway_of, reachable):
    """What comes by it says by fields whose certificate was accepted: in mode tcp the peer would write them."""
    socket = f"{reachable}/console.sock"
    node = gateway_of({"manager": {}}, store=True, node=[f'console-socket = "{socket}"', 'user = "daemon"'])
    for mode in ("tcp", None):
        node.configure({"manager": {"backend": f"unix:{socket}", "mode": mode}})
        node.process.send_signal(signal.SIGHUP)
        until("the refusal", lambda: "the console is reached only with mode = http" in node.messages())


def test_the_cookie_of_a_session_through_an_interface_is_for_tls_alone(gateway_of, reachable, good):
    socket = f"{reachable}/console.sock"
    node = gateway_of({"manager": {"backend": f"unix:{socket}", "mode": "http"}}, store=True,
                      node=[f'console-socket = "{socket}"', 'user = "daemon"'])
    hashed = crypt.crypt(PASSWORD, "$y$j9T$F5Jx5fExrKuPp53xLKQ..1")
    node.wait_generation(Admin(node).change({"op": "set", "name": "user.eve.role", "value": "auditor"},
                                            {"op": "set", "name": "user.eve.password", "value": hashed})["generation"])
    done = subprocess.run(["curl", "-sk", "-i", "--http1.1", "--max-time", "20", "--noproxy", "*",
                           "--cert", good.chain_file, "--key", good.key_file, "-H", "Content-Type: application/json",
                           "-d", json.dumps({"user": "eve", "password": PASSWORD}),
                           f"https://127.0.0.1:{node.ports['manager']}/api/v1/session"], capture_output=True, text=True)
    [cookie] = [line for line in done.stdout.splitlines() if line.lower().startswith("set-cookie:")]
    assert "; Secure" in cookie and "; HttpOnly" in cookie


def test_a_session_ends_when_its_password_is_another(node, browser):
    browser.sign_in("auditor")
    assert browser.request("GET", "/api/v1/status")[0] == 200
    node.admin.set("user.auditor.password", crypt.crypt("another", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1"))
    assert browser.request("GET", "/api/v1/status")[0] == 401
    node.admin.set("user.auditor.password", crypt.crypt(PASSWORD, "$y$j9T$F5Jx5fExrKuPp53xLKQ..1"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a worker another user")
def test_nobody_is_no_user_to_believe(gateway_of, reachable):
    node = gateway_of({"manager": {}}, store=True)
    node.node = [f'console-socket = "{reachable}/nobody.sock"']
    node.configure({"manager": {}})
    node.process.send_signal(signal.SIGHUP)
    until("the refusal", lambda: "console-socket needs 'user'" in node.messages())


def test_a_file_is_not_taken_for_a_socket_of_before(gateway_of, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep me\n")
    node = gateway_of({"web": {}}, store=True)
    node.stop()
    node.node = [f'console-socket = "{precious}"', 'user = "daemon"']
    node.configure({"web": {}})
    with open(node.stderr, "ab") as stderr:
        assert subprocess.run([node.program, "--config", node.config], stderr=stderr, timeout=60).returncode == 1
    assert "there is something that is no socket" in node.messages()
    assert precious.read_text() == "keep me\n"


def test_many_wrong_passwords_hold_up_their_own_source_alone(gateway_of, reachable, good):
    socket = f"{reachable}/tries.sock"
    node = gateway_of({"manager": {"backend": f"unix:{socket}", "mode": "http"}}, store=True,
                      node=[f'console-socket = "{socket}"', 'user = "daemon"'])
    admin = Admin(node)
    hashed = crypt.crypt(PASSWORD, "$y$j9T$F5Jx5fExrKuPp53xLKQ..1")
    node.wait_generation(admin.change(
        {"op": "set", "name": "user.eve.role", "value": "auditor"},
        {"op": "set", "name": "user.eve.password", "value": hashed})["generation"])

    def sign_in(source, password):
        done = subprocess.run(["curl", "-sk", "--http1.1", "--max-time", "20", "--noproxy", "*", "--interface", source,
                               "--cert", good.chain_file, "--key", good.key_file, "-o", "/dev/null", "-w", "%{http_code}",
                               "-H", "Content-Type: application/json", "-H", "X-Forwarded-For: 192.0.2.77",
                               "-d", json.dumps({"user": "eve", "password": password}),
                               f"https://127.0.0.1:{node.ports['manager']}/api/v1/session"], capture_output=True, text=True)
        return done.stdout
    assert [sign_in("127.0.0.1", "wrong") for _ in range(10)] == ["401"] * 10
    assert sign_in("127.0.0.1", PASSWORD) == "429"
    assert sign_in("127.0.0.2", PASSWORD) == "200"
