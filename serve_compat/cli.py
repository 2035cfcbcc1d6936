"""The command `serve-compat`."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click

from legacy import eras, settings
from serve_compat.runner import environment_changes

# Imported when used: `migrate` and `explain` run where Ray is not installed, and `run` starts without waiting for them.
_VERBS = {
    "status": "serve_compat.operations.look",
    "routes": "serve_compat.operations.look",
    "traffic": "serve_compat.operations.change",
    "shadow": "serve_compat.operations.change",
    "scale": "serve_compat.operations.change",
    "delete": "serve_compat.operations.remove",
    "shutdown": "serve_compat.operations.remove",
    "env": "serve_compat.operations.environments",
    "migrate": "serve_compat.migrate.command",
    "verify": "serve_compat.verify.command",
    "explain": "serve_compat.explain.command",
}


class Verbs(click.Group):
    """The verbs, each from the module that has a command of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of the help."""
        return [*super().list_commands(ctx), *_VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None when there is none."""
        if cmd_name not in _VERBS:
            return super().get_command(ctx, cmd_name)
        verb: click.Command = getattr(importlib.import_module(_VERBS[cmd_name]), cmd_name)
        return verb


@click.group(cls=Verbs)
def main() -> None:
    """Run Ray Serve programs written for Ray 0.8 to 2.6 on today's Ray, operate what they started, and move them on.

    Exit status of the verbs that operate an instance: 0 done, 1 refused, 2 wrong usage, 3 no instance or no cluster.
    """


@main.command(
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


if __name__ == "__main__":
    main()
