"""One replica actor, driven as the controller, the proxies and the handles do."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest
import ray
from ray import cloudpickle

from legacy.config import BackendConfig
from legacy.errors import MethodMissingError, RayServeException
from legacy.generations import V1_4
from legacy.records import BackendSpec, InstanceName, ReplicaAddress, ReplicaStart, StartFailure
from legacy.replica import context
from legacy.replica.backends import accept_batch
from legacy.replica.messages import rebuild
from legacy.replica.replica import ServeReplica

RAW = ("__call__", "raw", "GET", None, None)
REQUEST = ("__call__", "serve_request", "GET", None, None)


@pytest.fixture(scope="module", autouse=True)
def _cluster(own_cluster):
    ray.init(num_cpus=16, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="sc-", dir="/tmp") as place:
        yield place


@pytest.fixture
def replica(directory):
    """Makes replicas: `replica(target, *init_args, user_config=..., ...)`."""
    made = []

    def make(target, *args, **config):
        made.append(Replica(target, args, BackendConfig(**config), os.path.join(directory, "run")))
        return made[-1]

    yield make
    for each in made:
        ray.kill(each.actor)


class Replica:
    def __init__(self, target, args, config, socket_dir):
        code = target if isinstance(target, bytes) else cloudpickle.dumps((target, args, {}))
        spec = BackendSpec("b", code, None, config, {}, V1_4)
        start = ReplicaStart("b#abcdef", spec, InstanceName("controller", "serve"), "right", socket_dir)
        self.actor = ray.remote(ServeReplica).options(max_concurrency=1000, num_cpus=1).remote(start)
        self.address = self.do("initialize")

    def do(self, method, *args):
        return ray.get(getattr(self.actor, method).remote(*args), timeout=30)

    def send(self, *args, meta=REQUEST, **kwargs):
        return self.actor.handle_request.options(num_returns=2).remote(meta, *args, **kwargs)[0]

    def call(self, *args, meta=REQUEST, **kwargs):
        return ray.get(self.send(*args, meta=meta, **kwargs), timeout=30)

    def http(self, path="/r", body=None, method="GET"):
        connection = http.client.HTTPConnection("replica")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
        connection.sock.connect(self.address.unix_path)
        return answer(connection, path, body, method)

    def in_background(self, *args):
        """An HTTP request in a thread of its own; join() gives (status, headers, body)."""
        thread = Background(self.http, *args)
        thread.start()
        return thread


class Background(threading.Thread):
    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self._work = lambda: function(*args)

    def run(self):
        self.result = self._work()

    def join(self, timeout=30):
        super().join(timeout)
        return self.result


def answer(connection, path, body=None, method="GET", **headers):
    with contextlib.closing(connection):
        connection.request(method, path, body, {**headers, "x-serve-call": "m=&r=/r&p="})
        found = connection.getresponse()
        return found.status, dict(found.getheaders()), found.read().decode()


def appears(path):
    """Wait until a file is there: how a replica's user code tells the test how far it is."""
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.005)


class Held:
    """A handler that says it has begun and waits to be let go; `blocking` does so without giving the loop back."""

    def __init__(self, directory, blocking=False):
        self.begun, self.go = Path(directory, "begun"), Path(directory, "go")
        self.blocking = blocking

    def handler(self):
        begun, go, blocking = str(self.begun), str(self.go), self.blocking

        def tell(path):
            open(path, "w").close()

        def is_held():
            if blocking:
                time.sleep(0.01)
            return not os.path.exists(go)

        async def waits(request):
            tell(begun)
            try:
                while is_held():
                    await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                tell(go)
                raise
            return "done"

        def blocks(request):
            tell(begun)
            while is_held():
                pass
            return "done"

        return blocks if blocking else waits


# ---- coming up


def test_a_replica_answers_http_and_handle_calls_on_one_thread(replica):
    def where(request):
        import os
        import threading

        return [os.getpid(), threading.current_thread().name]

    it = replica(where)
    assert isinstance(it.address, ReplicaAddress)
    assert (it.address.tag, it.address.backend, it.address.actor) == ("b#abcdef", "b", None)
    status, _, body = it.http()
    assert (status, json.loads(body)) == (200, [it.address.pid, "serve-user-code"])
    assert it.call() == [it.address.pid, "serve-user-code"]


def test_initialize_may_be_called_again_after_a_controller_crash(replica):
    it = replica(lambda request: 1)
    assert it.do("initialize") == it.address


def failing(kind):
    class Broken:
        def __init__(self):
            if kind == "constructor":
                raise RuntimeError("weights file is missing")
            if kind == "exit":
                raise SystemExit(3)

        def reconfigure(self, config):
            raise KeyError(config)

    return Broken


@pytest.mark.parametrize(
    ("target", "config", "kind", "error"),
    [
        (failing("constructor"), {}, "constructor", "RuntimeError: weights file is missing"),
        (failing("exit"), {}, "constructor", "RayServeException: user code raised SystemExit(3)"),
        (failing("reconfigure"), {"user_config": "v"}, "reconfigure", "KeyError: 'v'"),
        (len, {"user_config": "v"}, "reconfigure", "RayServeException: backend 'b' was given a user_config"),
        ("no_such_module.Name", {}, "import", "ModuleNotFoundError: No module named 'no_such_module'"),
        (b"not a pickle", {}, "import", "UnpicklingError"),
    ],
)
def test_a_failing_start_is_told_as_text(replica, target, config, kind, error):
    failure = replica(target, **config).address
    assert isinstance(failure, StartFailure)
    assert (failure.kind, failure.replica) == (kind, "b#abcdef")
    assert failure.error.startswith(error)
    assert error.split(":")[0] in failure.traceback


def test_a_socket_directory_of_somebody_else_is_a_failure_of_the_environment(replica, directory):
    os.mkdir(os.path.join(directory, "run"), 0o755)
    failure = replica(lambda request: 1).address
    assert (failure.kind, "SERVE_COMPAT_RUN_DIR" in failure.error) == ("environment", True)


def test_user_code_knows_its_replica(replica):
    class Knows:
        async def __init__(self):
            self.early = context.current().servable_object

        def __call__(self, request):
            here = context.current()
            return [self.early, here.backend_tag, here.replica_tag, here.servable_object is self]

    assert replica(Knows).call() == [None, "b", "b#abcdef", True]


# ---- calls


def test_a_failed_call_raises_the_users_type(replica):
    def fails(request):
        raise LookupError("boom-text")

    with pytest.raises(LookupError, match="boom-text") as caught:
        replica(fails).call()
    assert isinstance(caught.value, ray.exceptions.RayTaskError)


def test_errors_and_results_that_cannot_travel_fail_the_call_only(replica):
    def awkward(what):
        import threading

        class Odd(Exception):
            def __init__(self):
                super().__init__("odd-text")
                self.lock = threading.Lock()

        if what == "raise":
            raise Odd
        return threading.Lock() if what == "return" else "fine"

    it = replica(awkward)
    for what in ("raise", "return"):
        with pytest.raises(ray.exceptions.RayError):
            it.call(what, meta=RAW)
    assert it.call("ok", meta=RAW) == "fine"


def test_a_missing_method_is_named(replica):
    with pytest.raises(MethodMissingError, match=r"no method 'nope'\. Available methods: __call__"):
        replica(lambda request: 1).call(meta=("nope", "raw", "GET", None, None))


def test_arguments_arrive_as_the_style_says(replica):
    async def shows(request, *rest):
        return [type(request).__name__, rest or await request.body()]

    it = replica(shows)
    assert it.call("data", k=1) == ["ServeRequest", "data"]
    assert it.call(1, 2, meta=RAW) == ["int", (2,)]
    assert it.call(meta=RAW) == ["ServeRequest", None]
    assert it.call(rebuild({"type": "http", "headers": []}, b"body")) == ["Request", b"body"]


def test_batches_form_across_handle_calls(replica):
    @accept_batch
    def size(requests):
        return [len(requests)] * len(requests)

    it = replica(size, max_batch_size=4, batch_wait_timeout=0.5)
    found = ray.get([it.send() for _ in range(8)], timeout=30)
    assert 1 < max(found) <= 4


def test_exit_exceptions_are_errors_of_the_request(replica):
    def exits(request):
        raise SystemExit(1)

    it = replica(exits)
    assert it.http()[0] == 500
    with pytest.raises(RayServeException, match="SystemExit"):
        it.call()
    assert it.http()[0] == 500


def test_a_process_that_ends_is_seen_by_those_who_wait(replica):
    def ends(request):
        import os

        os._exit(1)

    it = replica(ends)
    gone = it.actor.wait_until_gone.remote()
    for ref in (it.send(), gone):
        with pytest.raises(ray.exceptions.RayActorError):
            ray.get(ref, timeout=30)


def test_cancelling_a_call_cancels_user_code(replica, directory):
    held = Held(directory)
    it = replica(held.handler())
    ref = it.send()
    appears(held.begun)
    ray.cancel(ref)
    appears(held.go)
    with pytest.raises(ray.exceptions.TaskCancelledError):
        ray.get(ref, timeout=30)
    assert it.call() == "done"
    assert it.do("load") == 0


def test_beyond_the_headroom_http_is_refused_and_calls_wait(replica, directory):
    held = Held(directory)
    it = replica(held.handler(), max_concurrent_queries=1)
    running = [it.in_background() for _ in range(4)]
    deadline = time.monotonic() + 20
    while it.do("load") < 4:
        assert time.monotonic() < deadline
    status, headers, _ = it.http()
    assert (status, headers["x-serve-refused"]) == (503, "1")
    calls = [it.send() for _ in range(5)]
    while it.do("load") < 9:
        assert time.monotonic() < deadline
    held.go.touch()
    assert [each.join()[2] for each in running] == ["done"] * 4
    assert ray.get(calls, timeout=30) == ["done"] * 5


# ---- control


def test_a_blocked_user_thread_still_lets_the_replica_be_checked(replica, directory):
    held = Held(directory, blocking=True)
    it = replica(held.handler())
    ref = it.send()
    appears(held.begun)
    assert it.do("alive") is None
    assert it.do("check_health", 5.0) is True  # it has none
    assert it.do("load") == 1
    held.go.touch()
    assert ray.get(ref, timeout=30) == "done"


def test_a_failing_health_check_is_told_as_text(replica):
    class Sick:
        def check_health(self):
            raise MemoryError("out of everything")

    with pytest.raises(RayServeException, match="MemoryError: out of everything"):
        replica(Sick).do("check_health", 5.0)


def test_a_new_config_is_applied_in_place(replica):
    class Configured:
        def reconfigure(self, config):
            self.value = config["v"]

        def __call__(self, request):
            return self.value

    it = replica(Configured, user_config={"v": 1})
    assert it.call() == 1
    assert it.do("reconfigure", BackendConfig(user_config={"v": 2})) is None
    assert it.http()[2] == "2"
    failure = it.do("reconfigure", BackendConfig(user_config={"w": 3}))
    assert (failure.kind, failure.error) == ("reconfigure", "KeyError: 'v'")
    assert it.call() == 2


def test_the_tcp_port_wants_the_secret(replica):
    it = replica(lambda request: "in")
    host, port = it.do("open_tcp")
    assert it.do("open_tcp") == (host, port)
    statuses = []
    for secret in ({}, {"x-serve-secret": "wrong"}, {"x-serve-secret": "right"}):
        statuses.append(answer(http.client.HTTPConnection(host, port, timeout=30), "/r", **secret)[0])
    assert statuses == [403, 403, 200]


# ---- the end


def test_draining_finishes_what_is_there_and_refuses_what_comes(replica, directory):
    held = Held(directory)
    it = replica(held.handler())
    by_http, by_handle = it.in_background(), it.send()
    appears(held.begun)
    drained = it.actor.drain.remote(20)
    it.do("load")  # an actor begins calls in order: the drain has begun
    status, headers, _ = it.http()
    assert (status, headers["x-serve-refused"]) == (503, "1")
    held.go.touch()
    assert by_http.join()[2] == ray.get(by_handle, timeout=30) == "done"
    ray.get(drained, timeout=30)
    assert not os.path.exists(os.path.dirname(it.address.unix_path))


@pytest.mark.parametrize("blocking", [False, True])
def test_a_request_that_outlives_the_drain_is_told_so(replica, directory, blocking):
    held = Held(directory, blocking)
    it = replica(held.handler())
    asking = it.in_background()
    appears(held.begun)
    it.do("drain", 0.2)
    status, _, body = asking.join()
    assert (status, "time to finish was up" in body) == (503, True)


def test_the_destructor_runs_once_when_the_replica_stops(replica, directory):
    log = os.path.join(directory, "log")

    def say(text):
        with open(log, "a") as file:
            file.write(text)

    class Last:
        async def __del__(self):
            say("bye\n")

    it = replica(Last)
    it.do("drain", 5)
    it.do("stop")
    assert Path(log).read_text() == "bye\n"
