"""The verb `verify`."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import click

from legacy import eras, settings
from legacy.printable import printable
from serve_compat.operations.look import json_option
from serve_compat.operations.progress import announced
from serve_compat.runner.variables import environment_changes
from serve_compat.verify import isolate, report, routes
from serve_compat.verify.compare import HEADERS, Rules
from serve_compat.verify.exchange import Request, RequestLineError, request_json, requests_of
from serve_compat.verify.stage import HOST, SKIPPED, Order, Result
from serve_compat.verify.verdict import NOT_RUN, Verdict, failed, judge

# Not with -m, which puts the working directory in front of everything, and so a package of the user's called legacy.
_STAGE = "import sys; sys.path.remove(''); from serve_compat.verify.stage import main; main(sys.argv[1:])"


STOPPED = 130
"""The exit status after Ctrl-C, as shells have it."""


class CouldNotRun(click.ClickException):
    """The comparison did not begin."""

    exit_code = NOT_RUN


class Pattern(click.ParamType):
    """A regular expression on the command line."""

    name = "regex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> re.Pattern[str]:
        """Compile it."""
        try:
            return re.compile(value)
        except re.error as error:
            self.fail(f"{value!r} is no regular expression: {error}", param, ctx)


@dataclass(frozen=True)
class Choices:
    """What the command line says about how to run both programs; see `Order` for the rest."""

    old_python: str | None
    new_python: str | None
    era: str | None
    arguments: str
    port: int | None
    cluster: bool
    settle: float
    timeout: float
    request_timeout: float


_OPTIONS = (
    click.option("--requests", type=click.File(), help="JSON lines to send; see the guide. Default: GET each route."),
    click.option("--new-python", metavar="PYTHON", help="Interpreter for NEW, for example one with stock Ray Serve."),
    click.option("--old-python", metavar="PYTHON", help="Run OLD plainly with it, on the Ray it was written for."),
    click.option("--era", type=click.Choice(eras.NAMES), help="As for `serve-compat run`, for OLD."),
    click.option("--args", "arguments", default="", help="Arguments for both programs, in one quoted text."),
    click.option("--port", type=click.IntRange(1, 65535), help="Where both serve. Default: found, or 8000."),
    click.option("--cluster", is_flag=True, help="Start a Ray cluster first, for programs that connect to one."),
    click.option("--settle", type=click.FloatRange(min=0.2), default=10.0, show_default=True, help=(
        "Seconds at one line until a program that never ends counts as ready."
    )),
    click.option("--timeout", type=click.FloatRange(min=1), default=300.0, show_default=True, help=(
        "Seconds for each program."
    )),
    click.option("--request-timeout", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help=(
        "Seconds for one answer."
    )),
)  # fmt: skip
_RULES = (
    click.option("--header", "headers", multiple=True, help="Compare this header too; several are possible."),
    click.option("--no-header", "no_headers", multiple=True, help="Do not compare this header."),
    click.option("--ignore", "ignored", multiple=True, type=Pattern(), help=(
        "Take out what matches before comparing: process numbers, dates."
    )),
    click.option("--lines", type=Pattern(), help="Compare only printed lines with a match."),
    click.option("--exact", is_flag=True, help=(
        "Compare JSON byte for byte, and the server's own error pages (5xx, 405, unknown route) too."
    )),
    json_option,
)  # fmt: skip


@click.command()
@click.argument("old", type=click.Path(exists=True, dir_okay=False))
@click.argument("new", type=click.Path(exists=True, dir_okay=False))
@click.pass_context
def verify(context: click.Context, old: str, new: str, **given: Any) -> None:
    """Run OLD and NEW, one after the other, send both the same requests, and show where they differ.

    OLD runs as with `serve-compat run`; NEW runs plainly, so `from ray import serve` is stock Ray Serve there. Each is
    held at its end until the requests are answered, and runs in a network namespace of its own where that is allowed.
    Status, headers that matter, bodies (JSON by value), printed lines and exit status are compared.

    Exit status: 0 the same, 1 different, 2 one of them could not be run, or there was nothing to compare.
    """
    rules = _rules(given)
    wanted = _requests(given.pop("requests"))
    as_json = given.pop("as_json")
    choices = Choices(**given)
    signal.signal(signal.SIGTERM, _sigterm)
    try:
        verdict = _verdict(old, new, choices, wanted, rules)
    except KeyboardInterrupt:
        click.echo("stopped; the program that ran was ended", err=True)
        context.exit(STOPPED)
    width = shutil.get_terminal_size((120, 24)).columns
    if as_json:
        click.echo(report.as_json(verdict, (old, new)))
    else:
        click.echo(printable(report.as_text(verdict, (old, new), width), keep="\n\t"))
    context.exit(verdict.exit_code)


def _verdict(old: str, new: str, choices: Choices, wanted: list[Request] | None, rules: Rules) -> Verdict:
    alone = isolate.prefix()
    if not alone:
        _insist_on_a_free_port(choices.port or routes.PREFERRED_PORT)
    with announced(f"running {old}"):
        first = _run(_order_old(choices, old, wanted, bool(alone)), alone)
    second = Result(SKIPPED)
    if not failed(first):
        with announced(f"running {new}"):
            asked = None if first.routes is None else first.asked
            second = _run(_order_new(choices, new, asked, bool(alone)), alone)
    return judge(first, second, rules, server_expected=wanted is not None or choices.port is not None)


for _option in (*_OPTIONS, *_RULES):
    verify = _option(verify)


def _rules(given: dict[str, Any]) -> Rules:
    without = {name.lower() for name in given.pop("no_headers")}
    named = (*HEADERS, *(name.lower() for name in given.pop("headers")))
    return Rules(
        headers=tuple(dict.fromkeys(name for name in named if name not in without)),
        ignored=given.pop("ignored"),
        lines=given.pop("lines"),
        exact=given.pop("exact"),
    )


def _requests(file: IO[str] | None) -> list[Request] | None:
    try:
        return None if file is None else requests_of(file)
    except RequestLineError as error:
        raise click.UsageError(f"--requests: {error}") from None


def _order_old(choices: Choices, program: str, wanted: list[Request] | None, alone: bool) -> Order:
    requests = None if wanted is None else list(map(request_json, wanted))
    order = _order(choices, program, requests, alone)
    if choices.old_python is not None:
        return replace(order, python=choices.old_python)
    return replace(order, environ=dict(environment_changes(settings.load().python_path, choices.era)))


def _order_new(choices: Choices, program: str, asked: list[dict[str, Any]] | None, alone: bool) -> Order:
    return replace(_order(choices, program, asked, alone), python=choices.new_python or sys.executable)


def _order(choices: Choices, program: str, requests: list[dict[str, Any]] | None, alone: bool) -> Order:
    return Order(
        python=sys.executable,
        program=[program, *shlex.split(choices.arguments)],
        environ={},
        requests=requests,
        port=choices.port,
        alone=alone,
        cluster=choices.cluster,
        settle_s=choices.settle,
        timeout_s=choices.timeout,
        request_timeout_s=choices.request_timeout,
    )


def _run(order: Order, alone: tuple[str, ...]) -> Result:
    with tempfile.TemporaryDirectory(prefix="verify-") as directory:
        files = Path(directory) / "order.json", Path(directory) / "result.json"
        files[0].write_text(json.dumps(asdict(order)))
        command = [*alone, sys.executable, "-c", _STAGE, *map(str, files)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            try:
                status = process.wait()
            except BaseException:  # Ctrl-C, or SIGTERM by `_sigterm`: the programs and the cluster must end first
                process.terminate()
                raise
        if not files[1].exists():
            raise CouldNotRun(f"the process that runs {order.program[0]} ended with status {status}")
        return Result(**json.loads(files[1].read_text()))


def _sigterm(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _insist_on_a_free_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise CouldNotRun(
                f"something listens on port {port} already, and this user may make no network namespace;"
                " stop it, or let both programs use another port and name it with --port"
            )
