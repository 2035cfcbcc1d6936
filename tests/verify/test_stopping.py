"""A comparison that is told to stop ends the program that it runs."""

import os
import signal
import subprocess
import sys

import pytest

from tests.programs import ROOT


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_program_ends_with_the_comparison(number, status, tmp_path):
    os.mkfifo(tmp_path / "alive")
    (tmp_path / "loop.py").write_text("import time\nfile = open('alive', 'w')\nwhile True:\n    time.sleep(0.1)\n")
    command = [sys.executable, "-m", "serve_compat", "verify", "loop.py", "loop.py"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE) as comparison:
        with open(tmp_path / "alive") as alive:  # the program has it open now
            comparison.send_signal(number)
            assert alive.read() == ""  # returns when nobody has it open for writing any more
        assert comparison.wait(30) == status
