import asyncio
import concurrent.futures
import logging
import threading
import time
from types import SimpleNamespace

import pytest

from legacy.replica import deadlock, liveness
from legacy.replica.liveness import ENDED, Liveness
from legacy.replica.user_loop import UserLoop

ENOUGH_S = 1.5
SOON_S = 30.0  # for what does come: at once, but on a busy machine


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(liveness, "LOOK_S", 0.02)
    monkeypatch.setattr(liveness, "SUSPICIOUS_S", 0.05)
    monkeypatch.setattr(deadlock, "STILL_S", 0.3)


def lost_by(handler, before=lambda user: None, within_s=ENOUGH_S):
    """Why the replica is lost when a handler of it does that, or None when it is not."""

    async def scenario():
        user = UserLoop()
        watched = Liveness(user)
        before(user)
        asking = asyncio.ensure_future(user.run(handler))
        try:
            return await asyncio.wait_for(asyncio.shield(watched.lost), within_s)
        except asyncio.TimeoutError:
            return None
        finally:
            watched.stop()
            asking.cancel()

    return asyncio.run(scenario())


def keep_the_loop():
    time.sleep(ENOUGH_S)


def test_a_deadlock_is_found_and_its_place_named():
    lock = threading.Lock()

    async def handler():
        lock.acquire()
        lock.acquire()

    why = lost_by(handler, within_s=SOON_S)
    lock.release()
    assert why.startswith(f"user code is in a deadlock: handler ({__file__}:")


def test_waiting_for_a_coroutine_of_the_own_loop_is_a_deadlock():
    futures = []

    async def handler():
        futures.append(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop()))
        futures[0].result()

    assert "deadlock: handler" in lost_by(handler, within_s=SOON_S)
    futures[0].set_result(None)


def test_a_handler_that_keeps_the_loop_is_left_alone():
    async def handler():
        keep_the_loop()

    assert lost_by(handler) is None


def test_who_waits_for_ray_is_left_alone():
    future = concurrent.futures.Future()
    future.object_ref = SimpleNamespace()  # as Ray marks those it will fulfil

    async def handler():
        future.result()

    assert lost_by(handler) is None
    future.set_result(None)


def test_a_loop_that_user_code_stops_runs_on():
    async def scenario():
        user = UserLoop()
        watched = Liveness(user)
        for _ in range(3):
            user.loop.call_soon_threadsafe(user.loop.stop)
        assert await asyncio.wait_for(user.run(asyncio.sleep, 0, "answer"), 5) == "answer"
        watched.stop()
        return watched.lost.done()

    assert not asyncio.run(scenario())


def test_a_loop_that_user_code_closes_is_lost():
    def close_when_stopped(user):
        closing = logging.Handler()
        closing.emit = lambda record: user.loop.close()
        log = logging.getLogger("ray.serve")
        log.addHandler(closing)
        user.loop.call_soon_threadsafe(user.loop.stop)
        user.thread.join(5)
        log.removeHandler(closing)

    async def scenario():
        user = UserLoop()
        watched = Liveness(user)
        close_when_stopped(user)
        return await asyncio.wait_for(watched.lost, 5)

    assert asyncio.run(scenario()) == ENDED


def test_a_kernel_that_does_not_tell_is_told_of_once(monkeypatch, caplog):
    async def scenario():
        monkeypatch.setattr(deadlock, "_FUTEX", None)
        Liveness(UserLoop()).stop()

    asyncio.run(scenario())
    assert caplog.text.count("deadlocks of user code are not found here") == 1


def test_a_look_that_fails_is_not_the_last_one(monkeypatch, caplog):
    look, looks = Liveness._look, []

    def fail_at_first(watched, now):
        looks.append(now)
        if len(looks) < 3:
            raise OSError("/proc is away")
        return look(watched, now)

    monkeypatch.setattr(Liveness, "_look", fail_at_first)
    lock = threading.Lock()

    async def handler():
        lock.acquire()
        lock.acquire()

    why = lost_by(handler, within_s=SOON_S)
    lock.release()
    assert why.startswith("user code is in a deadlock")
    assert "the look for deadlocks failed and goes on: Traceback" in caplog.text
