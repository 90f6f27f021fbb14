"""Runs the command against one state directory."""
import json
import os
import pty
import select
import subprocess

from conftest import BUILD, PATIENCE


class Command:
    def __init__(self, state):
        self.state = state

    @staticmethod
    def program():
        return os.path.join(BUILD, "cmd", "certgate")

    def __call__(self, *words, **options):
        result = subprocess.run([self.program(), *words, "--state", self.state], capture_output=True, text=True,
                                timeout=300, **options)
        assert "Sanitizer" not in result.stderr, result.stderr
        return result

    def ok(self, *words, **options):
        """Its text, where it exits with 0."""
        result = self(*words, **options)
        assert result.returncode == 0, result.stderr + result.stdout
        return result.stdout

    def json(self, *words, **options):
        return json.loads(self.ok(*words, "--format", "json", **options))

    def plain(self, *words):
        """Without --state: what needs no certgated."""
        result = subprocess.run([self.program(), *words], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0 and result.stderr == "", result.stderr
        return result.stdout

    def on_a_terminal(self, answers, *words):
        """Runs the command on a terminal of its own and types; its exit status and what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(self.program(), [self.program(), *words, "--state", self.state])
        shown = b""

        def look():
            assert select.select([terminal], [], [], PATIENCE)[0], shown
            try:
                return os.read(terminal, 4096)
            except OSError:  # the other side has gone
                return b""

        for prompt, answer in answers:
            while prompt.encode() not in shown:
                more = look()
                assert more, shown
                shown += more
            os.write(terminal, answer.encode() + b"\n")
        while more := look():
            shown += more
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()
