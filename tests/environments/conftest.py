"""Real conda packages from a local channel, two environments that exclude each other, and a cache of one's own."""

import pytest

from legacy.environments.cache import Cache
from legacy.environments.job import Job
from tests.conda_channel import channel, environment


@pytest.fixture(scope="session")
def conda_directory(tmp_path_factory):
    return tmp_path_factory.mktemp("conda")


@pytest.fixture(scope="session")
def channel_url(conda_directory):
    return channel(conda_directory / "channel")


@pytest.fixture(scope="session")
def two_prefixes(conda_directory, channel_url):
    """dep1 has demo-dep 1.0 and activation scripts, dep2 has demo-dep 2.0."""
    packages = {"dep1": ("demo-dep ==1.0", "with-activation"), "dep2": ("demo-dep ==2.0",)}
    return {name: environment(conda_directory, channel_url, name, *each) for name, each in packages.items()}


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 10**10)


@pytest.fixture
def steps():
    return []


@pytest.fixture
def job(steps):
    return Job("demo", 60, steps.append)
