"""One side of the comparison: runs a program, sends it the requests, writes down what happened.

A process of its own with two JSON files as arguments, the order and the result, so that it and everything it starts can
be put into a network namespace.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

from legacy import settings
from serve_compat.verify import routes
from serve_compat.verify.exchange import Answer, Request, answer_json, request_json, request_of
from serve_compat.verify.held import Held
from serve_compat.verify.sending import send

HOST = "127.0.0.1"
SKIPPED = "skipped"
STOPPING = (signal.SIGINT, signal.SIGTERM)
_STDERR_LINES = 40
_CLUSTER_S = 60.0
_START_CLUSTER = "import sys; sys.path.remove(''); from ray.scripts.scripts import main; sys.argv[0] = 'ray'; main()"


@dataclass(frozen=True)
class Order:
    """What to run and what to ask.

    Attributes:
        python: the interpreter.
        program: the script and its arguments.
        environ: variables to set in its environment; None takes one away.
        requests: in JSON form; None asks each of the routes that the program announces.
        port: where its server listens; None to look for it.
        alone: see `routes.find`.
        cluster: start a Ray cluster first, for a program that connects to one.
        settle_s, timeout_s, request_timeout_s: seconds; see `Held`, for the whole program, for one answer.
    """

    python: str
    program: list[str]
    environ: dict[str, str | None]
    requests: list[dict[str, Any]] | None
    port: int | None
    alone: bool
    cluster: bool
    settle_s: float
    timeout_s: float
    request_timeout_s: float


@dataclass
class Result:
    """What happened.

    Attributes:
        outcome: "ended", "waits" (a program that goes on until Ctrl-C), why it failed: "raised", "died", "timeout", or
            "skipped", because the other program failed.
        status: exit status; None while unknown or when it had to be killed.
        routes: the table its server announced; None when no server was found.
        asked, answers: requests, and for each the answers, in JSON form.
        out: lines of standard output.
        err: the last lines of standard error.
    """

    outcome: str
    status: int | None = None
    seconds: float = 0.0
    port: int | None = None
    routes: dict[str, Any] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: list[list[dict[str, Any]]] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)


def run(order: Order) -> Result:
    """Do it."""
    began = time.monotonic()
    directory = tempfile.mkdtemp(prefix="sv-")  # short: Ray puts unix sockets below it
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            environ = _environ(order, directory)
            cluster = _start_cluster(order, environ, directory) if order.cluster else None
            try:
                result = _run_program(order, environ, (out, err))
            finally:
                if cluster is not None:
                    _stop(cluster)
            result.out, result.err = _lines(out), _lines(err)[-_STDERR_LINES:]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    result.seconds = round(time.monotonic() - began, 2)
    return result


def _run_program(order: Order, environ: dict[str, str], output: tuple[IO[bytes], IO[bytes]]) -> Result:
    with Held([order.python, "-u"], order.program, environ, order.settle_s, output) as program:
        outcome, server = _until_ready(program, order)
        result = Result(outcome)
        if outcome in ("ended", "waits") and server is not None:
            _ask(order, server, result)
        result.status = program.end()
    return result


def _until_ready(program: Held, order: Order) -> tuple[str, tuple[int, dict[str, Any]] | None]:
    """The outcome so far, and the server's port and routes."""
    deadline = time.monotonic() + order.timeout_s
    event = ""
    while True:
        try:
            event = program.next_event(deadline - time.monotonic())
        except TimeoutError:
            return event or "timeout", None  # one that waits and serves no HTTP is as ready as it will ever be
        server = routes.find(HOST, order.port, order.alone) if event in ("ended", "waits") else None
        if event != "waits" or (server is not None and server[1]):
            return event, server


def _ask(order: Order, server: tuple[int, dict[str, Any]], result: Result) -> None:
    result.port, result.routes = server
    wanted = routes.requests_for(server[1]) if order.requests is None else list(map(request_of, order.requests))
    for request in wanted:
        answers = [send(request, HOST, server[0], order.request_timeout_s) for _ in range(request.repeat)]
        _note(result, request, answers)


def _note(result: Result, request: Request, answers: list[Answer]) -> None:
    result.asked.append(request_json(request))
    result.answers.append([answer_json(answer) for answer in answers])


def _environ(order: Order, directory: str) -> dict[str, str]:
    # Without an address today's ray.init() joins a cluster that runs on the machine, and the program would change that.
    ours = {"RAY_TMPDIR": directory, "RAY_USAGE_STATS_ENABLED": "0"}
    address = {"RAY_ADDRESS": None if order.cluster else "local"}
    return settings.with_changes({**ours, **address, **order.environ})


def _start_cluster(order: Order, environ: dict[str, str], directory: str) -> subprocess.Popen[bytes]:
    log = Path(directory) / "ray-start.log"
    command = [order.python, "-c", _START_CLUSTER, "start", "--head", "--block", "--num-cpus=16"]
    with log.open("wb") as output:
        cluster = subprocess.Popen(
            [*command, "--include-dashboard=false"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _CLUSTER_S
    while b"Ray runtime started" not in log.read_bytes() and cluster.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)  # where it does not come up, the program itself says that there is no cluster
    return cluster


def _stop(cluster: subprocess.Popen[bytes]) -> None:
    # `ray start --block` takes half a minute to end in order; all that the cluster knows is thrown away in any case
    with contextlib.suppress(ProcessLookupError):
        os.killpg(cluster.pid, signal.SIGKILL)
    cluster.wait()


def _lines(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return file.read().decode(errors="replace").splitlines()


def _stop_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)  # a second one must not stop the ending of what was started
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> None:
    """Read the order, run, write the result. SIGINT and SIGTERM end what it started, and then itself."""
    for each in STOPPING:
        signal.signal(each, _stop_on_signal)
    order = Order(**json.loads(Path(arguments[0]).read_text()))
    Path(arguments[1]).write_text(json.dumps(asdict(run(order))))
