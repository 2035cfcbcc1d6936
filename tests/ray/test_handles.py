"""Handles against a real instance: slots, deadlines, traffic, shadows, other processes and other Ray sessions."""

import asyncio
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import ray
from ray.exceptions import RayActorError

import serve_compat as serve
from legacy.calls import local_router
from legacy.errors import DeadlineError, InstanceError, RayServeException


@ray.remote(num_cpus=0, max_concurrency=1000)
class Gate:
    """Holds callers until it is opened; knows how many are inside and who came."""

    def __init__(self):
        self.opened = asyncio.Event()
        self.inside = self.peak = 0
        self.came = []

    async def wait(self, who=None):
        self.came.append(who)
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        await self.opened.wait()
        self.inside -= 1

    async def open(self):
        self.opened.set()

    async def state(self):
        return self.inside, self.peak, list(self.came)


def start_ray():
    ray.init(address="local", num_cpus=16, include_dashboard=False, namespace="handles")


@pytest.fixture(scope="module")
def client(own_cluster):
    start_ray()
    yield serve.start(http_options={"location": "NoServer"})
    ray.shutdown()


@pytest.fixture
def gate():
    made = Gate.remote()
    yield made
    ray.get(made.open.remote())


@pytest.fixture
def up(client, request):
    """Registers a backend and endpoint named after the test and gives its handle."""
    name = request.node.name

    def register(target, **config):
        client.create_backend(name, target, config=config, ray_actor_options={"num_cpus": 0})
        client.create_endpoint(name, backend=name)
        return client.get_handle(name)

    yield register
    client.delete_endpoint(name)
    client.delete_backend(name, force=True)


def until(condition, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def held(gate):
    async def handler(request):
        await gate.wait.remote(request.query_params.get("who"))
        return request.query_params.get("who")

    return handler


def test_many_threads_never_exceed_the_limit_and_lose_nothing(up):
    class Busy:
        def __init__(self):
            self.inside = self.peak = 0

        async def __call__(self, request):
            self.inside += 1
            self.peak = max(self.peak, self.inside)
            await asyncio.sleep(0.001)
            self.inside -= 1
            return await request.body()

        def highest(self, request):
            return self.peak

    handle = up(Busy, max_concurrent_queries=3)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: ray.get(handle.remote(i)), range(200)))
    assert answers == list(range(200))
    assert ray.get(handle.options(method_name="highest").remote()) <= 3


def test_remote_blocks_until_a_slot_is_free_then_goes_in_turn(up, gate):
    handle = up(held(gate), max_concurrent_queries=1)
    refs = [handle.remote(who=0)]
    until(lambda: ray.get(gate.state.remote())[0] == 1)
    blocked = threading.Thread(target=lambda: refs.append(handle.remote(who=1)), daemon=True)
    blocked.start()
    blocked.join(0.3)
    assert blocked.is_alive()
    ray.get(gate.open.remote())
    blocked.join(10)
    assert ray.get(refs) == [0, 1]


def test_a_call_that_finds_no_slot_in_time_says_so_and_takes_none(up, gate):
    handle = up(held(gate), max_concurrent_queries=1)
    first = handle.remote(who="first")
    started = time.monotonic()
    with pytest.raises(DeadlineError, match="max_concurrent_queries"):
        handle.options(queue_timeout_s=0.3).remote(who="late")
    assert 0.25 < time.monotonic() - started < 2
    ray.get(gate.open.remote())
    assert ray.get([first, handle.remote(who="next")]) == ["first", "next"]
    assert "late" not in ray.get(gate.state.remote())[2]


def test_an_async_caller_waits_without_blocking_its_loop_and_may_be_cancelled(up, gate, client):
    up(held(gate), max_concurrent_queries=1)
    name = next(iter(client.list_endpoints()))

    async def main():
        handle = client.get_handle(name, sync=False)
        first = await handle.remote(who="first")
        waiting = asyncio.ensure_future(handle.remote(who="cancelled"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await gate.open.remote()
        second = await asyncio.wait_for(handle.remote(who="second"), 10)
        return [await first, await second]

    assert asyncio.run(main()) == ["first", "second"]
    assert "cancelled" not in ray.get(gate.state.remote())[2]


def test_raising_the_limit_lets_a_blocked_call_go(up, gate, client, request):
    handle = up(held(gate), max_concurrent_queries=1)
    handle.remote(who="a")
    blocked = threading.Thread(target=handle.remote, kwargs={"who": "b"}, daemon=True)
    blocked.start()
    until(lambda: ray.get(gate.state.remote())[0] == 1)
    client.update_backend_config(request.node.name, {"max_concurrent_queries": 2})
    until(lambda: ray.get(gate.state.remote())[0] == 2)
    blocked.join(10)
    assert not blocked.is_alive()


def test_a_blocked_call_follows_the_traffic_when_its_backend_is_deleted(up, gate, client, request):
    name = request.node.name
    handle = up(held(gate), max_concurrent_queries=1)
    handle.remote(who="stays")
    box = []
    blocked = threading.Thread(target=lambda: box.append(handle.remote(who="moves")), daemon=True)
    blocked.start()
    client.create_backend(name + "2", lambda r: "elsewhere", ray_actor_options={"num_cpus": 0})
    client.set_traffic(name, {name + "2": 1.0})
    client.delete_backend(name, force=True)
    blocked.join(10)
    assert ray.get(box[0]) == "elsewhere"
    client.delete_endpoint(name)
    client.delete_backend(name + "2", force=True)


def test_a_change_of_traffic_is_in_force_when_the_call_returns(up, client, request):
    name = request.node.name
    handle = up(lambda r: "a")
    client.create_backend(name + "b", lambda r: "b", ray_actor_options={"num_cpus": 0})
    for _ in range(5):
        for backend, answer in ((name + "b", "b"), (name, "a")):
            client.set_traffic(name, {backend: 1.0})
            assert ray.get(handle.remote()) == answer
    client.delete_backend(name + "b", force=True)


def test_a_handle_survives_the_deletion_of_its_endpoint(up, client, request):
    handle = up(lambda r: "still")
    client.delete_endpoint(request.node.name)
    assert ray.get(handle.remote()) == "still"
    assert ray.get(handle.options(http_method="PUT").remote()) == "still"


def test_a_module_call_to_a_missing_endpoint_gives_up(client):
    handle = serve.get_handle("nobody", missing_ok=True)
    handle._generation = replace(handle._generation, missing_endpoint_s=0.2)
    with pytest.raises(RayServeException, match="does not exist"):
        handle.remote()


def test_a_client_call_waits_for_an_endpoint_to_be_created(up, client, request):
    handle = client.get_handle(request.node.name, missing_ok=True)
    box = []
    early = threading.Thread(target=lambda: box.append(ray.get(handle.remote())), daemon=True)
    early.start()
    up(lambda r: "here now")
    early.join(10)
    assert box == ["here now"]


def test_a_slow_shadow_never_delays_the_caller(up, gate, client, request):
    name = request.node.name
    handle = up(lambda r: "primary")
    client.create_backend(name + "s", held(gate), config={"max_concurrent_queries": 1})
    client.shadow_traffic(name, name + "s", 1.0)
    started = time.monotonic()
    assert ray.get([handle.remote(who=i) for i in range(20)]) == ["primary"] * 20
    assert time.monotonic() - started < 5
    until(lambda: ray.get(gate.state.remote())[1] == 1)
    ray.get(gate.open.remote())
    until(lambda: sorted(ray.get(gate.state.remote())[2]) == list(range(20)))
    client.set_traffic(name, {name: 1.0})
    client.delete_backend(name + "s", force=True)


def test_errors_of_shadows_are_nobodys_business(up, client, request, capfd):
    name = request.node.name
    handle = up(lambda r: "primary")

    def fails(request):
        raise LookupError("shadow trouble")

    client.create_backend(name + "s", fails, ray_actor_options={"num_cpus": 0})
    client.shadow_traffic(name, name + "s", 1.0)
    assert ray.get([handle.remote() for _ in range(5)]) == ["primary"] * 5
    time.sleep(2.5 * local_router.TICK_S)  # the time in which an unhandled error would be printed
    assert "Unhandled error" not in capfd.readouterr().err
    client.set_traffic(name, {name: 1.0})
    client.delete_backend(name + "s", force=True)


def test_arguments_that_cannot_be_sent_cost_no_slot(up):
    handle = up(lambda r: "fine", max_concurrent_queries=1)
    for _ in range(3):
        with pytest.raises(TypeError):
            handle.remote(threading.Lock())
    assert ray.get(handle.options(queue_timeout_s=5).remote()) == "fine"


def test_an_error_that_ray_cannot_send_arrives_and_its_replica_stays(up):
    class TwoArguments(KeyError):
        def __init__(self, code, why):
            super().__init__(f"{code}: {why}")

    def handler(request):
        if request.query_params:
            raise TwoArguments(7, "why") if "two" in request.query_params else OSError("no file a\udc80")
        return os.getpid()

    handle = up(handler)
    before = ray.get(handle.remote())
    with pytest.raises(OSError, match=r"no file a\\udc80"):
        ray.get(handle.remote(path=1))
    with pytest.raises(KeyError, match="7: why"):
        ray.get(handle.remote(two=1))
    assert ray.get(handle.remote()) == before


def test_calls_go_round_the_replicas_and_a_dead_one_raises_actor_error(up):
    def handler(request):
        if request.query_params.get("die"):
            os._exit(1)
        return os.getpid()

    handle = up(handler, num_replicas=2)
    assert set(Counter(ray.get([handle.remote() for _ in range(10)])).values()) == {5}
    with pytest.raises(RayActorError):
        ray.get(handle.remote(die=1))
    until(lambda: _answers(handle))


def _answers(handle):
    try:
        return len({ray.get(handle.remote()) for _ in range(4)}) == 2
    except RayActorError:
        return False


def test_handles_work_in_tasks_actors_and_replicas(up, client, request):
    name = request.node.name
    handle = up(lambda r: 1)

    @ray.remote(num_cpus=0)
    def task(h):
        return sum(ray.get([h.remote() for _ in range(5)]))

    @ray.remote(num_cpus=0)
    class Caller:
        def __init__(self, h):
            self.h = h

        async def call(self):
            return await self.h.remote()

    async def outer(request):
        inner = serve.connect().get_handle(name, sync=False)
        return await (await inner.remote()) + 1

    assert ray.get(task.remote(handle)) == 5
    assert ray.get(Caller.remote(handle).call.remote()) == 1
    client.create_backend(name + "outer", outer, ray_actor_options={"num_cpus": 0})
    client.create_endpoint(name + "outer", backend=name + "outer")
    assert ray.get(client.get_handle(name + "outer").remote()) == 2
    client.delete_endpoint(name + "outer")
    client.delete_backend(name + "outer", force=True)


def test_answers_are_freed_when_the_caller_drops_them(up):
    import numpy

    handle = up(lambda r: numpy.zeros(5_000_000, dtype=numpy.uint8))
    for _ in range(60):  # 300 MB in all, never more than one alive
        assert len(ray.get(handle.remote())) == 5_000_000
    used = ray.cluster_resources()["object_store_memory"] - ray.available_resources()["object_store_memory"]
    assert used < 100e6


def test_a_shut_down_instance_refuses_its_handles(client):
    other = serve.start(http_options={"location": "NoServer", "port": 8001})
    other.create_backend("b", lambda r: 1, ray_actor_options={"num_cpus": 0})
    other.create_endpoint("b", backend="b")
    handle = other.get_handle("b")
    assert ray.get(handle.remote()) == 1
    other.shutdown()
    with pytest.raises(InstanceError, match="shut down"):
        handle.remote()
    with pytest.raises(InstanceError, match="shut down"):
        other.list_backends()
    other.shutdown()


def test_a_new_ray_session_gets_new_routers(client):
    """Last, since it ends the session of the other tests."""
    for answer in ("one", "two"):
        ray.shutdown()
        start_ray()
        serve.start(http_options={"location": "NoServer"})
        serve.create_backend("b", lambda r, answer=answer: answer)
        serve.create_endpoint("b", backend="b")
        assert ray.get(serve.get_handle("b").remote()) == answer
    assert sum(thread.name == "serve-router" for thread in threading.enumerate()) == 1
    serve.shutdown()
