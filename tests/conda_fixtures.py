"""Fixtures with real conda packages from a local channel, and two environments that exclude each other."""

import pytest

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
