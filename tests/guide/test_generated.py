import subprocess
import sys

from tests.programs import ROOT


def test_the_reference_pages_are_current():
    command = [sys.executable, str(ROOT / "migration_guide" / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
