"""`.ci/run`, however it is started."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"
SHELL_SCRIPTS = [path for path in sorted(CI.iterdir()) if path.is_file() and path.suffix != ".py"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_entry_is_a_script_for_any_shell(shell):
    assert subprocess.run([shell, "-n", CI / "run"], capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_every_command_beside_it_is_a_shell_script_that_parses(script):
    assert subprocess.run(["bash", "-n", script], capture_output=True, text=True).stderr == ""


def test_what_the_entry_starts_is_there_and_parses():
    started = CI / "parts.py"
    assert started.name in (CI / "run").read_text(encoding="utf-8")
    ast.parse(started.read_text(encoding="utf-8"))
