"""Workers can do little, say what they are confined by, and serve all the same."""
import ctypes
import errno
import os
import pwd
import re
import signal
import socket

import pytest

from clients import s_client
from conftest import PATIENCE, until
from test_gateway import connect
from test_gateway_resumption import twice

FULL = "sandbox=full"


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def needs_kernel(gateway):
    """What cannot be tried is skipped."""
    if FULL not in gateway.messages():
        pytest.skip("this kernel lacks seccomp or Landlock: " + gateway.messages())


@pytest.fixture(scope="module")
def gateway(gateway_of):
    gateway = gateway_of({"web": {"level": "medium"}}, workers=2)
    needs_kernel(gateway)
    return gateway


def test_a_worker_is_confined(gateway):
    for pid in gateway.worker_pids():
        status = status_of(pid)
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert [int(status[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")] == [0, 0, 0]
    assert len(gateway.worker_pids()) == 2
    assert gateway.messages().count("sandbox=") == 1, "said once, not by each worker"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")
@pytest.mark.parametrize("settings,name", [([], "nobody"), (['user = "daemon"'], "daemon")])
def test_a_worker_is_never_root(gateway_of, good, settings, name):
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=settings)
    user = pwd.getpwnam(name)
    worker, = gateway.worker_pids()
    status = status_of(worker)
    assert set(status["Uid"].split("\t")) == {str(user.pw_uid)}
    assert set(status["Gid"].split("\t")) == {str(user.pw_gid)}
    assert status["Groups"].strip() == ""
    assert ("'user' is not set: workers run as nobody" in gateway.messages()) == (settings == [])
    assert s_client(gateway.ports["web"], good).served


def test_a_worker_holds_nothing_but_sockets_and_what_the_loop_needs(gateway, good):
    conn = connect(gateway.ports["web"], good)
    for pid in gateway.worker_pids():
        links = {fd: os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        assert links.pop("2") == gateway.stderr
        assert (links.pop("0"), links.pop("1")) == ("/dev/null", "/dev/null")
        assert all(re.match(r"socket:|pipe:|anon_inode:\[event", link) for link in links.values()), links
    conn.close()


def test_it_serves_reloads_and_resumes(gateway, good, tmp_path):
    assert s_client(gateway.ports["web"], good).served
    gateway.reload(2)
    assert s_client(gateway.ports["web"], good).served
    mark = gateway.mark()
    answer, _ = twice(gateway, tmp_path, good, "1.3")
    assert answer.resumed
    until("its record", lambda: [record["generation"] for record in gateway.records()[mark:]
                                 if record["resumed"]] == [2])


def test_it_dials_unix_backends(gateway_of, good, reachable):
    path = os.path.join(reachable, "backend")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        gateway = gateway_of({"web": {"level": "medium", "backend": f"unix:{path}"}})
        needs_kernel(gateway)
        conn = connect(gateway.ports["web"], good)
        service, _ = listener.accept()
        conn.sendall(b"ping")
        assert service.recv(4) == b"ping"
        service.close()
        conn.close()


def test_a_call_that_is_not_forgiven_is_named(gateway_of, good):
    """Here the signal alone, which the kernel sends when a worker makes a call that only an attacker makes."""
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=['sandbox = "off"'])
    victim, = gateway.worker_pids()
    os.kill(victim, signal.SIGSYS)
    line = "was ended by signal 31 (a system call that the sandbox does not forgive)"
    until("the words", lambda: line in gateway.messages())
    assert s_client(gateway.ports["web"], good).served


# A kernel that lacks something: a filter around certgated answers ENOSYS, as old kernels and containers do.

def lacking(*calls):
    def install():
        library = ctypes.CDLL("libseccomp.so.2")
        library.seccomp_init.restype = ctypes.c_void_p
        allow, refuse = 0x7fff0000, 0x00050000 | errno.ENOSYS
        context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(allow)))
        for call in calls:
            number = library.seccomp_syscall_resolve_name(call.encode())
            assert library.seccomp_rule_add(context, ctypes.c_uint32(refuse), number, 0) == 0
        assert library.seccomp_load(context) == 0
    return install


def test_without_landlock_there_is_one_warning(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}}, workers=2, before=lacking("landlock_create_ruleset"))
    assert s_client(gateway.ports["web"], good).served
    warnings = re.findall("certgated: warning: sandbox.*", gateway.messages())
    assert len(warnings) == 1
    assert "sandbox=partial (no landlock: Function not implemented, seccomp" in warnings[0]
    assert {status_of(pid)["Seccomp"] for pid in gateway.worker_pids()} == {"2"}


def test_what_is_required_and_missing_refuses_to_start(gateway_of):
    with pytest.raises(AssertionError) as failure:
        gateway_of({"web": {"level": "medium"}}, blocks=['sandbox = "required"'],
                   before=lacking("landlock_create_ruleset"))
    text = str(failure.value)
    assert "sandbox=partial (no landlock: Function not implemented, seccomp" in text
    assert "could not enter the whole sandbox, which is required" in text
    assert "in force" not in text.partition("assert ")[0]


def test_required_and_there(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=['sandbox = "required"'])
    needs_kernel(gateway)
    assert s_client(gateway.ports["web"], good).served


def test_off(gateway_of, good):
    gateway = gateway_of({"web": {"level": "medium"}}, blocks=['sandbox = "off"'])
    worker, = gateway.worker_pids()
    assert (status_of(worker)["Seccomp"], status_of(worker)["NoNewPrivs"]) == ("0", "1")
    assert "certgated: sandbox=off\n" in gateway.messages()
    assert s_client(gateway.ports["web"], good).served


def test_a_reload_cannot_change_it(gateway_of):
    gateway = gateway_of({"web": {"level": "medium"}})
    gateway.blocks = ['sandbox = "off"']
    gateway.configure({"web": {"level": "medium"}})
    gateway.process.send_signal(signal.SIGHUP)
    until("the refusal", lambda: "'sandbox' cannot change on reload" in gateway.messages())
