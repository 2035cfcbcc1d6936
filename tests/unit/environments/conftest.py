"""A cache of a test's own, and what its jobs said."""

import pytest

from legacy.environments.cache import Cache
from legacy.environments.job import Job
from tests.conda_fixtures import channel_url, conda_directory, two_prefixes

__all__ = ["channel_url", "conda_directory", "two_prefixes"]


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 10**10)


@pytest.fixture
def steps():
    return []


@pytest.fixture
def job(steps):
    return Job("demo", 60, steps.append)
