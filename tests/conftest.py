"""What holds for all tests, and for the processes that share them out (`-n auto`)."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray
from hypothesis import HealthCheck, settings

from legacy.cluster import forget_tokens

# Before anybody imports them: tests of other rooms do so, too.
pytest.register_assert_rewrite("tests.fault.ledger", "tests.fault.lives", "tests.fault.signals", "tests.fault.wire")

from tests.ray.cluster import running_cluster  # noqa: E402 - after the registration

# How long an example takes says something about the machine, which may be busy, and nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# Ray starts a worker process per CPU before anybody asks for one. A cluster here says it has 16 and needs a handful.
os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
# Ray's workers are nice to everybody else, which here are other tests that compute: they would wait for minutes.
os.environ.setdefault("RAY_worker_niceness", "0")

ISOLATED = Path(__file__).resolve().parents[1] / ".ci" / "isolated"
RAY_DIRECTORIES = pytest.StashKey[str]()


# Files that start many processes come first, so that none of them is left alone at the end; before them those that ask
# for `own_cluster`, so that a shared one need not be started twice.
OWN_CLUSTERS = tuple(
    f"tests/ray/test_{name}" for name in ("environments", "several_nodes", "era_0_8", "handles", "replica", "proxy")
)
LONGEST_FIRST = (OWN_CLUSTERS, "tests/ray/", "tests/guide/", "tests/test_", "tests/fault/", "tests/unit/environments/")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in LONGEST_FIRST])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores, since tests wait a lot. None where all would meet at port 8000."""
    alone = subprocess.run([ISOLATED, "--can"], stdin=subprocess.DEVNULL).returncode == 0
    return min(4, len(os.sched_getaffinity(0)) + 2) if alone else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config, specs):
    """Each process has ports of its own, and clusters that those of its neighbours do not find."""
    above = tempfile.mkdtemp(prefix="sc", dir=os.environ.get("RAY_TMPDIR", "/tmp"))  # short: Ray puts sockets below
    config.stash[RAY_DIRECTORIES] = above
    for spec in specs:
        spec.python = f"'{ISOLATED}' '{sys.executable}'"
        spec.env["RAY_TMPDIR"] = os.path.join(above, spec.id)
        os.mkdir(spec.env["RAY_TMPDIR"])


class Shared:
    """The cluster of this process, while it runs."""

    def __init__(self):
        self._running = contextlib.ExitStack()
        self._cluster = None

    def cluster(self):
        if self._cluster is None:
            self._cluster = self._running.enter_context(running_cluster())
        return self._cluster

    def end(self):
        self._running.close()
        self._cluster = None


@pytest.fixture(scope="session")
def process_cluster():
    made = Shared()
    yield made
    made.end()


@pytest.fixture(scope="module")
def shared_cluster(process_cluster):
    """The cluster that the tests of this process share."""
    return process_cluster.cluster()


@pytest.fixture(scope="module")
def own_cluster(process_cluster):
    """For files that start clusters in this process, of which Ray knows one at a time."""
    process_cluster.end()
    ray.shutdown()  # of a file before that failed while it began


@pytest.fixture(scope="module")
def ray_session(shared_cluster, request):
    """This process is connected to the shared cluster while the tests of a file run, in the file's NAMESPACE."""
    namespace = getattr(request.module, "NAMESPACE", None)
    ray.shutdown()  # of a file before that failed while it began
    forget_tokens()  # that Ray switched on for a cluster of a file before: the shared one has none
    ray.init(address=shared_cluster.address, namespace=namespace, log_to_driver=False)
    yield shared_cluster
    ray.shutdown()
    shared_cluster.check_nothing_is_left()


def pytest_sessionfinish(session, exitstatus):
    above = session.config.stash.get(RAY_DIRECTORIES, None)
    if above and exitstatus == 0:  # after a failure, Ray's logs may say why
        shutil.rmtree(above, ignore_errors=True)
