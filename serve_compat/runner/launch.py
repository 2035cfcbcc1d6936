"""The verb `run`: a program in the place of this process, with serve_compat under the name of ray.serve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from legacy import eras, settings
from serve_compat.runner.variables import environment_changes


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
@click.option(
    "--era",
    type=click.Choice(eras.NAMES),
    help="The Ray release whose generation the program was written for, where its calls do not tell (see the README).",
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True),
    help="Write the HTTP requests it gets to this file, for `serve-compat verify --requests`; without credentials.",
)
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT|-m MODULE [ARGS]...")
@click.pass_context
def run(context: click.Context, era: str | None, record: str | None, program: tuple[str, ...]) -> None:
    """Run a script, or a module with -m, unmodified: `from ray import serve` means serve_compat in it and its workers.

    Everything after SCRIPT or MODULE is the program's own.
    """
    if program[:1] in (("-h",), ("--help",)):
        click.echo(context.get_help())
        return
    if not program or program == ("-m",):
        raise click.UsageError("which program? Give a script, or a module with -m.")
    if program[0] != "-m" and not Path(program[0]).exists():
        raise click.UsageError(f"there is no file {program[0]!r}.")
    command = [sys.executable, *_interpreter_options(), *program]
    sys.stdout.flush()
    sys.stderr.flush()
    # The program takes the place of this process, so signals, exit status and `__main__` are its own.
    changes = environment_changes(settings.load().python_path, era, record)
    os.execve(sys.executable, command, settings.with_changes(changes))


def _interpreter_options() -> list[str]:
    # -W, -X, -O and the like, as multiprocessing passes them on to its processes
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return options
