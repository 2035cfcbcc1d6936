import os

import pytest

from legacy.environments import cache as module
from legacy.environments.cache import GRACE_S, Cache, hold_own_environment, leased_by
from legacy.environments.job import Job
from legacy.errors import EnvironmentFailedError

JOB = Job("demo", 60)


class Clock:
    now = 10**6

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(tmp_path, clock):
    return Cache(tmp_path / "cache", 2500, clock)


def put(cache, clock, digest, size=1000):
    """An environment of that size, used now; the clock then moves on."""
    with cache.working(digest, JOB), cache.half_done("prefixes", digest) as part:
        part.mkdir()
        (part / "data").write_bytes(bytes(size))
        cache.complete(part, "prefixes", digest, "demo")
    clock.now += GRACE_S + 1


def present(cache):
    return [entry.digest for entry in cache.entries()]


def test_what_was_used_longest_ago_goes_first(cache, clock):
    for digest in "abc":
        put(cache, clock, digest)
    cache.lease("a").release()
    clock.now += GRACE_S + 1
    assert cache.evict() == ["b"]
    assert present(cache) == ["c", "a"]
    assert not (cache.root / "prefixes" / "b").exists()


def test_below_the_limit_nothing_goes(cache, clock):
    for digest in "ab":
        put(cache, clock, digest)
    assert cache.evict() == []


def test_what_is_in_use_never_goes(cache, clock):
    for digest in "abcd":
        put(cache, clock, digest)
    with cache.lease("a"), cache.lease("b"):
        clock.now += GRACE_S + 1
        assert [entry.digest for entry in cache.entries() if entry.in_use] == ["a", "b"]
        assert cache.evict() == ["c", "d"]
    assert present(cache) == ["a", "b"]


def test_what_was_just_used_or_is_to_be_kept_stays(cache, clock):
    for digest in "abcd":
        put(cache, clock, digest)
    cache.lease("b").release()
    assert cache.evict(keep=["a"]) == ["c", "d"]


def test_a_lease_dies_with_its_process(cache, clock):
    for digest in "abc":
        put(cache, clock, digest)
    if (child := os.fork()) == 0:
        cache.lease("a")
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    clock.now += GRACE_S + 1
    assert not any(entry.in_use for entry in cache.entries())


def test_a_directory_without_its_mark_does_not_count(cache, clock):
    put(cache, clock, "a")
    (cache.root / "prefixes" / "a" / module.MARK).unlink()
    assert cache.prefix("a") is None
    assert present(cache) == []


def test_the_cache_is_for_its_user_alone(cache):
    assert cache.root.stat().st_mode & 0o077 == 0


def test_a_directory_that_others_may_write_to_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(EnvironmentFailedError, match=r"others may write to it.*SERVE_COMPAT_ENVIRONMENTS_DIR"):
        Cache(tmp_path / "open", 1)


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailedError, match=r"file/cache cannot be made.*SERVE_COMPAT_ENVIRONMENTS_DIR"):
        Cache(tmp_path / "file" / "cache", 1)


def test_a_process_holds_the_environment_it_runs_in(cache, clock, monkeypatch):
    put(cache, clock, "a")
    prefix = cache.root / "prefixes" / "a"
    monkeypatch.setattr(module.sys, "prefix", str(prefix))
    monkeypatch.setattr(module, "_OWN", [])
    assert leased_by(prefix) == cache.root / "locks" / "a.use"
    (held,) = hold_own_environment()
    with held:
        assert cache.entries()[0].in_use


def test_an_environment_elsewhere_needs_no_lease(tmp_path):
    (tmp_path / "prefixes" / "x").mkdir(parents=True)
    assert leased_by(tmp_path / "prefixes" / "x") is None
