"""Replicas that hang are replaced within 15 s by default; replicas that work are left alone however long it takes."""

import asyncio
import hashlib
import os
import select
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import ray
import requests

from legacy.errors import BackendStartError
from tests.fault.wire import URL, send

pytestmark = [pytest.mark.fault, pytest.mark.slow]

FOUND_S = 15.0
BUSY_S = FOUND_S + 2


def sleep(seconds):
    time.sleep(seconds)


class Replica:
    def pid(self, request):
        return os.getpid()

    # what hangs

    async def deadlock(self, request):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

    async def waits_for_its_own_loop(self, request):
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop()).result()

    def deadlock_with_a_thread(self, request):
        """Each waits for what only the other would do."""
        lock = threading.Lock()
        lock.acquire()
        ThreadPoolExecutor(1).submit(lock.acquire).result()

    # what does not, though the loop is stopped

    async def stops_its_loop(self, request):
        asyncio.get_running_loop().stop()
        return os.getpid()

    async def closes_its_loop(self, request):
        loop = asyncio.get_running_loop()
        loop.stop()
        loop.call_soon(loop.close)
        return os.getpid()

    # what works, and keeps the only thread of user code for longer than a hung replica may live

    def sleeps(self, request):
        time.sleep(BUSY_S)
        return os.getpid()

    def computes(self, request):
        os.nice(19)  # this thread only: those of Ray in the process, and all other processes, go first
        end = time.monotonic() + BUSY_S
        while time.monotonic() < end:
            sum(range(1000))
        return os.getpid()

    def computes_in_c(self, request):
        os.nice(19)
        end = time.monotonic() + BUSY_S
        while time.monotonic() < end:
            hashlib.pbkdf2_hmac("sha256", b"x", b"y", 1_000_000)
        return os.getpid()

    def computes_with_pythons_lock_held(self, request):
        os.nice(19)
        begun = time.monotonic()
        sum(range(10_000_000))
        sum(range(int(10_000_000 * BUSY_S / (time.monotonic() - begun))))
        return os.getpid()

    def waits_for_a_thread(self, request):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.sleeps, request).result()

    def waits_for_ray(self, request):
        ray.get(ray.remote(num_cpus=0)(sleep).remote(BUSY_S))
        return os.getpid()

    def waits_for_a_future_of_ray(self, request):
        ray.remote(num_cpus=0)(sleep).remote(BUSY_S).future().result()
        return os.getpid()


class BeginsWithADeadlock:
    def __init__(self):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()


class Checked(Replica):
    """Its health check cannot run while the handler works."""

    def check_health(self):
        pass


PID = {"X-SERVE-CALL-METHOD": "pid"}
STOPPED = "stopped"
HANG = ("deadlock", "waits_for_its_own_loop", "deadlock_with_a_thread")
STOP_LOOPS = ("stops_its_loop", "closes_its_loop")
WORK = ("sleeps", "computes", "computes_in_c", "computes_with_pythons_lock_held", "waits_for_a_thread")
WORK += ("waits_for_ray", "waits_for_a_future_of_ray")
CHECKED = "checked"
EVERY = (STOPPED, *HANG, *STOP_LOOPS, *WORK, CHECKED)


@pytest.fixture(scope="module")
def pids(shared):
    """Of a backend for each case, all at once: the only replica of each."""

    def serve(tag):
        checks = {"health_check_period_s": 0.5, "health_check_timeout_s": 1.0} if tag == CHECKED else {}
        servable = Checked if tag == CHECKED else Replica
        shared.create_backend(tag, servable, config=checks, ray_actor_options={"num_cpus": 0})
        shared.create_endpoint(tag, backend=tag, route=f"/{tag}", methods=["GET", "POST"])
        return int(called(tag, "pid").text)

    with ThreadPoolExecutor(len(EVERY)) as clients:
        yield dict(zip(EVERY, clients.map(serve, EVERY), strict=True))
    for tag in EVERY:
        shared.delete_endpoint(tag)
        shared.delete_backend(tag, force=True)


def called(tag, method, timeout_s=60.0):
    return requests.post(f"{URL}/{tag}", headers={"X-SERVE-CALL-METHOD": method}, timeout=timeout_s)


def is_routed(shared, tag, pid):
    replicas = shared._session.status()["backends"][tag]["replicas"].values()
    return any(one["pid"] == pid for one in replicas)


def ends_by(process, deadline):
    return bool(select.select([process], [], [], max(0.0, deadline - time.monotonic()))[0])


@pytest.fixture
def processes(pids):
    opened = {tag: os.pidfd_open(pids[tag]) for tag in HANG}
    yield opened
    for each in opened.values():
        os.close(each)


def test_what_hangs_is_replaced_in_time_and_what_works_is_left_alone(shared, pids, processes):
    with ThreadPoolExecutor(len(WORK) + 2) as clients:
        asked = [clients.submit(called, tag, tag) for tag in WORK] + [clients.submit(called, CHECKED, "sleeps")]
        begins = clients.submit(shared.create_backend, "begins", BeginsWithADeadlock)
        os.kill(pids[STOPPED], signal.SIGSTOP)
        for tag in HANG:
            send(f"/{tag}", headers=f"X-SERVE-CALL-METHOD: {tag}\r\n")
        deadline = time.monotonic() + FOUND_S
        assert [tag for tag in HANG if not ends_by(processes[tag], deadline)] == []
        while is_routed(shared, STOPPED, pids[STOPPED]):  # what is stopped ends later, when Ray loses patience
            assert time.monotonic() < deadline
            time.sleep(0.5)  # another process's state: there is no event to wait for
        for tag in (STOPPED, *HANG):
            # safe requests: the proxy may not have heard yet, and passes them on
            assert int(requests.get(f"{URL}/{tag}", headers=PID, timeout=60.0).text) != pids[tag]
        with pytest.raises(BackendStartError, match="deadlock: __init__"):
            begins.result()
        answers = [int(answer.result().text) for answer in asked]
    assert answers == [pids[tag] for tag in (*WORK, CHECKED)]


@pytest.mark.parametrize("how", STOP_LOOPS)
def test_a_handler_that_stops_the_loop_is_answered_and_leaves_no_zombie(pids, how):
    assert int(called(how, how).text) == pids[how]
    assert int(called(how, "pid").text) == pids[how]
