"""Programs under the runner that never end by themselves, and what they and their processes leave behind."""

import signal
import subprocess
import time
import uuid
from contextlib import contextmanager

import pytest
import requests

from tests.ray.cluster import environment, free_port, processes_with, runner

# from Python 3.12 on, a process with threads is told off for the fork that a preexec_fn asks for
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
GONE_S = 15.0

KEEPS_ALIVE = """
import sys, time
import ray
from ray import serve

ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"port": int(sys.argv[1])})

@serve.deployment
def hello(request):
    return "hi"

hello.deploy()
print("ready", flush=True)
while True:
    time.sleep(5)
"""

# a web framework's start-up hook: the event loop runs, and what blocks it would hang for ever
IN_A_HOOK = """
import sys
from contextlib import asynccontextmanager
import ray, uvicorn
from fastapi import FastAPI
from ray import serve

class State:
    pass

state = State()

@asynccontextmanager
async def lifespan(app):
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    state.client = serve.start(http_options={"port": int(sys.argv[1])})
    state.client.create_backend("echo", lambda request: "echo " + request.query_params["x"])
    state.client.create_endpoint("echo", backend="echo", route="/echo")
    state.handle = state.client.get_handle("echo", sync=False)
    print("ready", flush=True)
    yield
    print("over", flush=True)

app = FastAPI(lifespan=lifespan)

@app.get("/ask")
async def ask(x: str):
    return await (await state.handle.remote(x=x))

uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""


@contextmanager
def started(text, tmp_path, *ports, command_of=runner):
    """A program that has said it is ready, and the mark all processes it started carry."""
    (tmp_path / "program.py").write_text(text)
    mark = uuid.uuid4().hex
    command = command_of(str(tmp_path / "program.py"), *map(str, ports))
    env = environment(STARTED_BY_TEST=mark, RAY_ADDRESS="local")
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=_heed_sigint
    )
    try:
        assert process.stdout.readline() == "ready\n"
        yield process, f"STARTED_BY_TEST={mark}"
    finally:
        process.kill()
        process.communicate()


def _heed_sigint():
    # a shell lets what it starts in the background ignore it, and so would the program if the tests run there
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def left_behind(mark):
    deadline = time.monotonic() + GONE_S
    while processes_with(mark) and time.monotonic() < deadline:
        time.sleep(0.1)  # processes of processes: there is no event to wait for
    return processes_with(mark)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 15), (signal.SIGINT, 1)])
def test_a_program_that_keeps_alive_ends_by_a_signal_and_leaves_nothing(sent, status, tmp_path):
    port = free_port()
    with started(KEEPS_ALIVE, tmp_path, port) as (process, mark):
        assert requests.get(f"http://127.0.0.1:{port}/hello", timeout=30).text == "hi"
        process.send_signal(sent)
        assert process.wait(30) in (status, -sent)
        assert left_behind(mark) == []


def test_serve_starts_inside_another_frameworks_startup_hook(tmp_path):
    ours, theirs = free_port(), free_port()
    with started(IN_A_HOOK, tmp_path, ours, theirs) as (process, mark):
        deadline = time.monotonic() + 30
        while True:
            try:
                assert requests.get(f"http://127.0.0.1:{theirs}/ask?x=1", timeout=30).json() == "echo 1"
                break
            except requests.ConnectionError:  # the hook is over before uvicorn listens
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert requests.get(f"http://127.0.0.1:{ours}/echo?x=2", timeout=30).text == "echo 2"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "over\n"
        process.wait(30)
        assert left_behind(mark) == []
