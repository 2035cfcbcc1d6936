"""What holds for all tests, and for the processes that share them out (`-n auto`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something about the machine, which may be busy, and nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# Ray starts a worker process per CPU before anybody asks for one. A cluster here says it has 16 and needs a handful.
os.environ.setdefault("RAY_prestart_worker_first_driver", "0")

ISOLATED = Path(__file__).resolve().parents[1] / ".ci" / "isolated"
RAY_DIRECTORIES = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, since tests wait a lot. None where all would meet at port 8000."""
    alone = subprocess.run([ISOLATED, "--can"], stdin=subprocess.DEVNULL).returncode == 0
    return min(4, len(os.sched_getaffinity(0)) + 1) if alone else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config, specs):
    """Each process has ports of its own, and clusters that those of its neighbours do not find."""
    above = tempfile.mkdtemp(prefix="sc", dir=os.environ.get("RAY_TMPDIR", "/tmp"))  # short: Ray puts sockets below
    config.stash[RAY_DIRECTORIES] = above
    for spec in specs:
        spec.python = f"'{ISOLATED}' '{sys.executable}'"
        spec.env["RAY_TMPDIR"] = os.path.join(above, spec.id)
        os.mkdir(spec.env["RAY_TMPDIR"])


def pytest_sessionfinish(session, exitstatus):
    above = session.config.stash.get(RAY_DIRECTORIES, None)
    if above and exitstatus == 0:  # after a failure, Ray's logs may say why
        shutil.rmtree(above, ignore_errors=True)
