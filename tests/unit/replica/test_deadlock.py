import contextlib
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.replica.deadlock import STILL_S, Look, Stillness, Threads, waits_for_ever

FUTEX = 202
FOR_EVER = "202 0x7f1c9c000b60 0x189 0x0 0x0 0x0 0xffffffff 0x7f1ca2ffc560 0x7f1cb3a98d4b"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("running", "it computes"),
        ("202 0x7f1c9c000b60 0x189 0x0 0x7f1ca2ffc5a0 0x0 0xffffffff 0x7f1ca2ffc560 0x7f1cb3a98d4b", "a time limit"),
        (
            "202 0x7f1c9c000b60 0x109 0x0 0x0 0x0 0xffffffff 0x7f1ca2ffc560 0x7f1cb3a98d4b",
            "another process may release it",
        ),
        ("202 0x7f1c9c000b60 0x81 0x1 0x0 0x0 0x0 0x7f1ca2ffc560 0x7f1cb3a98d4b", "it wakes somebody"),
        ("230 0x1 0x0 0x7f1ca2ffc560 0x0 0x0 0x0 0x7f1ca2ffc530 0x7f1cb3aeb3c8", "it sleeps"),
        ("7 0x7f1c9c000b60 0x1 0xffffffffffffffff 0x0 0x0 0x0 0x7f1ca2ffc560 0x7f1cb3b0c90f", "it waits for a peer"),
        ("-1 0x7f1ca2ffc560 0x7f1cb3a98d4b", "it is in no call"),
        ("", "it is gone"),
    ],
)
def test_only_a_wait_for_a_lock_of_this_process_without_a_limit_is_one_for_ever(call, why):
    assert waits_for_ever(FOR_EVER, FUTEX)
    assert not waits_for_ever(call, FUTEX), why


def test_on_an_unknown_machine_nothing_waits_for_ever():
    assert not waits_for_ever(FOR_EVER, None)


@given(st.lists(st.tuples(st.floats(0.1, 3), st.booleans()), max_size=20))
def test_a_deadlock_is_what_has_not_moved_for_the_whole_time(steps):
    stillness, now, since, switches = Stillness(), 0.0, 0.0, 0
    stillness.is_deadlock({1: Look(FOR_EVER, 7), 2: Look(FOR_EVER, 0)}, now)
    for seconds, moves in steps:
        now, switches = now + seconds, switches + moves
        since = now if moves else since
        found = stillness.is_deadlock({1: Look(FOR_EVER, 7), 2: Look(FOR_EVER, switches)}, now)
        assert found == (now - since >= STILL_S)


def test_one_thread_that_works_is_no_deadlock():
    stillness = Stillness()
    for now in (0.0, STILL_S, 2 * STILL_S):
        assert not stillness.is_deadlock({1: Look(FOR_EVER, 7), 2: Look("running", 7)}, now)
    assert not stillness.is_deadlock({}, 3 * STILL_S)


class Stuck:
    """A thread that waits without end until the test is over."""

    def __init__(self, wait):
        self._wait, self._go = wait, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.threads = Threads(self.thread)

    def _run(self):
        self._go.wait(60)  # the baseline is taken first
        self._wait()

    def waits_for_ever(self):
        """Whether all threads do, once they had time to come to it."""
        self._go.set()
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            seen = self.threads.look()
            if seen and all(waits_for_ever(look.call) for look in seen.values()):
                return True
            time.sleep(0.01)  # another thread's state: there is no event to wait for
        return False


@pytest.fixture
def lock():
    taken = threading.Lock()
    taken.acquire()
    yield taken
    with contextlib.suppress(RuntimeError):
        taken.release()


def test_the_kernel_tells_a_wait_for_a_lock(lock):
    assert Threads.can_be_seen()
    assert Stuck(lock.acquire).waits_for_ever()


def test_a_wait_with_a_limit_is_none_for_ever(lock):
    assert not Stuck(lambda: lock.acquire(timeout=5)).waits_for_ever()


def computes():
    end = time.monotonic() + 3
    while time.monotonic() < end:
        sum(range(1000))


@pytest.mark.parametrize("work", [lambda: time.sleep(3), computes])
def test_a_wait_for_a_thread_that_works_is_none_for_ever(work):
    with ThreadPoolExecutor(1) as pool:
        assert not Stuck(lambda: pool.submit(work).result()).waits_for_ever()


def test_a_wait_for_a_thread_that_waits_for_ever_is_one_too(lock):
    pool = ThreadPoolExecutor(1)
    assert Stuck(lambda: pool.submit(lock.acquire).result()).waits_for_ever()
    lock.release()
    pool.shutdown()


def test_a_wait_for_a_queue_that_nobody_fills_is_one_for_ever():
    items = queue.Queue()
    assert Stuck(items.get).waits_for_ever()
    items.put(None)
