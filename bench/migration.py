"""The proof of the migration tool: python -m bench.migration [--stock-python PYTHON] [--report FILE].

Migrates whole old programs to both stages, runs what comes out, and compares what it prints with what the old program
printed: the deployment stage on this package, the serve stage on stock Ray Serve.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.machine import describe
from bench.peers import ROOT, ensure_peers
from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import migrate
from serve_compat.migrate.rule import Stage
from serve_compat.verify import isolate

SUITE = ROOT.parent / "shared" / "conformance"
MARK = "OUT "
TODO = "# TODO(serve-compat"
TIMEOUT_S = 150
# Their traffic is split: the migration is asked for a router.
ROUTED = frozenset({"canary_rollout"})
# These draw lots without a seed: what they print is compared without its numbers.
RANDOM = frozenset({"canary_digits"})
_OF_RAY = re.compile(r"(\x1b\[\d+m)?\((raylet|autoscaler|\S+ pid=\d+[^)]*)\)")  # logs that Ray shows in the driver
# What no rewriting can give these programs on stock Ray, since they print it or depend on it. Everything else counts.
NO_EQUIVALENT = {
    "c04_canary": "weighted traffic, expects an error when a backend in use is deleted, prints the names of backends",
    "canary_digits": "weighted traffic, prints the names of its backends, among which a router would be",
    "mixed_styles": "weighted and shadow traffic",
    "names_0_8": "weighted traffic, serve.stat",
    "c06_batch_adder": "reads max_batch_size back, and expects a refusal that today's Ray does not have",
    "c08_scale_reconfigure": "reads the config of a backend back, and expects its refusals",
    "m01_hello": "prints the traffic table",
    "m05_reconfigure": "counts on an update that keeps the replica's process, and reads the config back",
    "module_routes": "a route with parameters, which a route prefix cannot have",
    "user_errors": "prints the errors of .deploy(), get_deployment() and route_prefix=",
    "user_http_options": "middlewares and root_path of the HTTP server, which today's has not",
}


_NUMBERS = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class Outcome:
    """One program at one stage.

    Attributes:
        todos: how many places were left to a person.
        stays: it still needs serve_compat.
        same: whether it printed what the old program printed; None when it was not run.
        trouble: the first difference, or the last line of the error; "" when there is none.
    """

    program: str
    stage: Stage
    todos: int
    stays: bool
    compiles: bool
    idempotent: bool
    same: bool | None
    trouble: str = ""


@dataclass(frozen=True)
class Printed:
    """What a run printed, and how it ended.

    Attributes:
        chance: the numbers of lines in which the old program's own runs differ, or may, by random traffic or times:
            there only the words count.
    """

    lines: list[str]
    status: int | None
    error: str
    chance: frozenset[int] = frozenset()


def main(arguments: list[str] | None = None) -> int:
    """Migrate, run, compare, report; exit status 1 when a promised share is missed."""
    given = _parser().parse_args(arguments)
    stock = given.stock_python or (ensure_peers() if given.peers else None)
    began = time.monotonic()
    outcomes = []
    for program in _programs(given.programs, given.only):
        expected = _expected(program)
        for stage in given.stages:
            outcome = _prove(program, stage, expected, stock)
            outcomes.append(outcome)
            print(f"{'ok  ' if outcome.same else 'FAIL'} {stage:10} {program.stem} {outcome.trouble}", flush=True)
    text = report(outcomes, describe(stock), time.monotonic() - began)
    print("\n" + text)
    if given.report:
        Path(given.report).write_text(text)
    return 0 if all(reached >= wanted for _, reached, wanted in shares(outcomes)) else 1


def shares(outcomes: Sequence[Outcome]) -> list[tuple[str, float, float]]:
    """What was promised: in words, the share that was reached, the share that was promised."""
    deployment = [each for each in outcomes if each.stage == "deployment"]
    serve = [each for each in outcomes if each.stage == "serve" and each.program not in NO_EQUIVALENT]
    clean = [each.same is True and not each.todos and not each.stays for each in serve]
    found = [
        ("migrate to the deployment stage and print the same lines", [each.same is True for each in deployment], 0.95),
        ("of these, without a TODO", [each.same is True and not each.todos for each in deployment], 0.0),
        ("with a stock equivalent: run on stock Ray, print the same lines, no TODO", clean, 0.90),
        ("outputs compile", [each.compiles for each in outcomes], 1.0),
        ("a second run of the tool changes nothing", [each.idempotent for each in outcomes], 1.0),
    ]
    return [(words, sum(good) / len(good), wanted) for words, good, wanted in found if good]


def report(outcomes: Sequence[Outcome], machine: Sequence[tuple[str, str]], took_s: float) -> str:
    """The report in Markdown."""
    rows = ["| promise | reached | wanted |", "|---|---|---|"]
    for words, reached, wanted in shares(outcomes):
        rows.append(f"| {words} | {100 * reached:.0f}% | {f'{100 * wanted:.0f}%' if wanted else ''} |")
    details = ["| program | deployment stage | serve stage |", "|---|---|---|"]
    for program in dict.fromkeys(each.program for each in outcomes):
        cells = {each.stage: _cell(each) for each in outcomes if each.program == program}
        why = NO_EQUIVALENT.get(program)
        serve = cells.get("serve", "") + (f" (no stock equivalent: {why})" if why else "")
        details.append(f"| {program} | {cells.get('deployment', '')} | {serve} |")
    about = [f"{name}: {value}" for name, value in (*machine, ("took", f"{took_s / 60:.1f} minutes"))]
    parts = ["# Proof of the migration tool", "Written by `make migrate-proof`.", "\n".join(rows)]
    return "\n\n".join([*parts, "\n".join(details), "\n".join(f"- {line}" for line in about)]) + "\n"


def _cell(outcome: Outcome) -> str:
    where = "serve_compat" if outcome.stays or outcome.stage == "deployment" else "stock"
    todos = f", {outcome.todos} TODO" if outcome.todos else ""
    if outcome.same is None:
        return f"not run{todos}"
    trouble = outcome.trouble.replace("|", "\\|")[:100]
    return f"same on {where}{todos}" if outcome.same else f"**differs** on {where}{todos}: {trouble}"


def _prove(program: Path, stage: Stage, expected: Printed, stock: Path | None) -> Outcome:
    path = str(program)
    options = Options(to=stage, generate_router=program.stem in ROUTED)
    made = migrate({path: program.read_text()}, options)[0]
    again = migrate({path: made.after}, options)[0]
    todos, stays = made.after.count(TODO), "serve_compat" in made.after.replace(TODO, "")
    facts = (program.stem, stage, todos, stays, _compiles(made.after), again.after == made.after)
    if made.error:
        return Outcome(*facts, False, made.error)
    on_stock = stage == "serve" and not stays
    if on_stock and stock is None:
        return Outcome(*facts, None, "no --stock-python")
    got = run(program, made.after, Path(stock or "") if on_stock else Path(sys.executable))
    return Outcome(*facts, *compared(expected, got))


def compared(expected: Printed, got: Printed) -> tuple[bool, str]:
    """Whether a run went as expected, and otherwise the error and the first line that differs."""
    if _words(got.lines, expected.chance) == _words(expected.lines, expected.chance) and got.status == 0:
        return True, ""
    size = max(len(got.lines), len(expected.lines))
    pairs = zip(*((side + [""] * size)[:size] for side in (expected.lines, got.lines)), strict=True)
    first = next((f"wanted {old!r}, got {new!r}" for old, new in pairs if old != new), "")
    return False, "; ".join(filter(None, [got.error if got.status != 0 else "", first]))


def _expected(program: Path) -> Printed:
    file = program.with_suffix(".expected")
    if file.exists():
        return Printed(_marked(file.read_text()), 0, "")
    first = run(program, None, Path(sys.executable))
    if program.stem in RANDOM:
        return replace(first, chance=frozenset(range(len(first.lines))))
    second = run(program, None, Path(sys.executable))
    chance = {number for number, pair in enumerate(zip(first.lines, second.lines, strict=False)) if len(set(pair)) > 1}
    return replace(first, chance=frozenset(chance))


def _words(lines: Sequence[str], chance: frozenset[int]) -> list[str]:
    return [_NUMBERS.sub("#", line) if number in chance else line for number, line in enumerate(lines)]


def run(program: Path, text: str | None, python: Path, timeout_s: float = TIMEOUT_S) -> Printed:
    """Run a program alone.

    Args:
        text: what to run in its place, plainly; None runs the program itself as `serve-compat run` does.
        timeout_s: seconds.
    """
    with tempfile.TemporaryDirectory(prefix="mp-") as directory:
        file = program
        if text is not None:
            file = Path(directory) / program.name
            file.write_text(text)
        start = [str(python), str(file)] if text is not None else [str(python), "-m", "serve_compat", "run", str(file)]
        environ = {**os.environ, "RAY_TMPDIR": directory, "RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0"}
        # programs that say no number want more replicas than a small machine has cores
        environ["RAY_OVERRIDE_RESOURCES"] = '{"CPU": 16}'
        environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(program.parent)])
        try:
            done = subprocess.run(
                [*isolate.prefix(), *start],
                env=environ,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Printed([], None, f"not finished after {timeout_s:g} s")
        error = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        return Printed(_marked(done.stdout), done.returncode, "".join(error))


def _marked(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not _OF_RAY.match(line)]
    return [line for line in lines if line.startswith(MARK)] or lines


def _compiles(text: str) -> bool:
    try:
        compile(text, "migrated", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _programs(folders: Sequence[Path], only: Sequence[str]) -> list[Path]:
    found = sorted(path for folder in folders for path in folder.rglob("*.py") if _is_program(path))
    return [path for path in found if not only or path.stem in only]


def _is_program(path: Path) -> bool:
    return path.with_suffix(".expected").exists() or path.parent == ROOT / "examples"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.migration", description=__doc__)
    own = [ROOT / "examples", ROOT / "tests" / "migrate" / "programs"]
    folders = [SUITE, *own] if SUITE.is_dir() else own
    parser.add_argument("--programs", type=Path, nargs="+", default=folders, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--stages", nargs="+", choices=["deployment", "serve"], default=["deployment", "serve"])
    parser.add_argument("--stock-python", metavar="PYTHON", help="an interpreter with stock Ray Serve")
    parser.add_argument("--peers", action="store_true", help="install stock Ray Serve into .venv-peers and use that")
    parser.add_argument("--report", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
