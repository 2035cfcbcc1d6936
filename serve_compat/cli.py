"""The command `serve-compat`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import click

# Imported when used: `migrate` and `explain` need click, libcst and pathspec, but neither Ray nor anything else of the
# adapter, and `run` starts without waiting for them.
_VERBS = {
    "run": "serve_compat.runner.launch",
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
_OF_PROGRAMS = ("run", "verify")  # they run programs that use Ray, and do not import it themselves


class Verbs(click.Group):
    """The verbs, each from the module that has a command of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of the help."""
        return [*super().list_commands(ctx), *_VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None when there is none."""
        if cmd_name not in _VERBS:
            return super().get_command(ctx, cmd_name)
        try:
            verb: click.Command = getattr(importlib.import_module(_VERBS[cmd_name]), cmd_name)
            lacking = cmd_name in _OF_PROGRAMS and importlib.util.find_spec("ray") is None
        except ModuleNotFoundError as error:
            return _Unavailable(cmd_name, error.name or "")
        return _Unavailable(cmd_name, "ray") if lacking else verb

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; one that meets the lack of Ray, or of another requirement, says so."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "serve_compat").partition(".")[0] in ("serve_compat", "legacy"):
                raise
            raise click.ClickException(_lacks(str(error.name))) from error


class _Unavailable(click.Command):
    """A verb that needs what is not installed: the help and the other verbs work without."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(name, help=f"(not available: {module} is not installed)", add_help_option=False)
        self._module = module

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Whatever its arguments are, it cannot run."""
        raise click.ClickException(_lacks(self._module))


def _lacks(module: str) -> str:
    return f"this needs {module}, which is not installed here{_remedy(module.partition('.')[0])}"


def _remedy(module: str) -> str:
    try:
        return f": pip install '{importlib.import_module('legacy.dependencies').REQUIREMENTS[module]}'"
    except (ImportError, KeyError):  # a package of the user's is called `legacy`, or nothing asks for the module itself
        return "; install this project's dependencies again"


@click.group(cls=Verbs)
def main() -> None:
    """Run Ray Serve programs written for Ray 0.8 to 2.6 on today's Ray, operate what they started, and move them on.

    Exit status of the verbs that operate an instance: 0 done, 1 refused, 2 wrong usage, 3 no instance or no cluster.
    """


if __name__ == "__main__":
    main()
