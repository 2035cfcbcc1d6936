import threading

import pytest

from legacy.environments import locks
from legacy.environments.job import Job
from legacy.errors import EnvironmentFailedError


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_each_step_has_its_own_time():
    clock = Clock()
    job = Job("demo", 10, clock=clock)
    job.step("packing")
    clock.now = 9
    job.step("packing")
    job.step("hashing")
    clock.now = 18
    job.step("hashing")
    assert job.left() == 1
    clock.now = 20
    with pytest.raises(EnvironmentFailedError, match=r"demo: hashing took longer than 10 s; .*TIMEOUT_S"):
        job.step("hashing")


def test_progress_is_told_a_few_times_a_second_and_every_new_step_at_once():
    clock, told = Clock(), []
    job = Job("demo", 10, told.append, clock)
    for number in range(100):
        clock.now += 0.01
        job.step("packing", number / 100)
    job.step("hashing")
    assert told == ["packing 0%", "packing 20%", "packing 40%", "packing 60%", "packing 80%", "hashing"]


def test_cancelled_work_ends_at_its_next_step():
    job = Job("demo", 10)
    job.step("packing")
    job.cancel()
    with pytest.raises(EnvironmentFailedError, match="demo: packing was cancelled"):
        job.step("packing")


def test_waiting_for_a_lock_has_a_deadline(tmp_path):
    with locks.attempt(tmp_path / "lock"):
        assert locks.attempt(tmp_path / "lock") is None
        with pytest.raises(EnvironmentFailedError, match=r"waiting took longer than 0.2 s"):
            locks.acquire(tmp_path / "lock", Job("demo", 0.2), "waiting")
    locks.acquire(tmp_path / "lock", Job("demo", 0.2), "waiting").release()


def test_a_shared_lock_waits_for_the_exclusive_one(tmp_path):
    held = locks.attempt(tmp_path / "lock")
    got = []
    thread = threading.Thread(target=lambda: got.append(locks.shared(tmp_path / "lock")))
    thread.start()
    held.release()
    thread.join(10)
    assert len(got) == 1
    assert locks.attempt(tmp_path / "lock") is None
