"""Runs the command against one state directory."""
import json
import os
import subprocess

from conftest import BUILD


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
