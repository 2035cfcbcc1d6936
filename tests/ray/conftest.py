"""Fixtures for tests that share a running instance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conda_fixtures import channel_url, conda_directory, two_prefixes
from tests.ray.cluster import Cluster
from tests.ray.instance import Instance, Log, running_instance

__all__ = ["channel_url", "conda_directory", "two_prefixes"]


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Iterator[Cluster]:
    """The shared cluster, for programs that join it and leave nothing there."""
    yield shared_cluster
    shared_cluster.check_nothing_is_left()


@pytest.fixture(scope="module")
def running(ray_session: Cluster) -> Iterator[Instance]:
    """The instance of one test file."""
    with running_instance() as made:
        yield made


@pytest.fixture
def instance(running: Instance) -> Iterator[Instance]:
    """The file's instance, with nothing in service when the test begins."""
    yield running
    running.clear()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A file that replicas write lines to."""
    return Log(tmp_path / "log")
