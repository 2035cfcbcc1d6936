"""The verbs about conda environments on this machine: `env list`, `env pack`, `env check`."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import click

from legacy.session.terminal import show
from serve_compat.operations.look import json_option, show_report
from serve_compat.operations.reach import Refused, exit_status


@click.group()
def env() -> None:
    """See, pack and check the conda environments of this machine; no cluster is needed."""


@env.command("list")
@json_option
def list_environments(as_json: bool) -> None:
    """List the environments that backends may name, and what is in the cache of this node."""
    with exit_status():
        report = _conda().report()
    show_report(report, as_json, _conda().as_text)


@env.command()
@click.argument("name")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to; default NAME.tar.zst.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def pack(name: str, output: Path | None, force: bool) -> None:
    """Pack the environment NAME (a name, a directory or an environment.yml) into a file.

    `ray_actor_options={"runtime_env": {"conda": FILE}}` starts replicas from it; the environment itself need then exist
    nowhere.
    """
    with exit_status():
        target = output or Path(f"{Path(name).stem if name.endswith(('.yml', '.yaml')) else Path(name).name}.tar.zst")
        if not target.name.endswith((".tar.zst", ".tzst")):
            raise click.UsageError(
                f"the file is compressed with zstd: call it {target.name}.tar.zst, not {target.name}."
            )
        if target.exists() and not force:
            raise Refused(f"{target} exists; --force replaces it.")
        size = _conda().pack(name, target, show)
    click.echo(f"{target}: {size / 2**20:.1f} MiB")


@env.command()
@click.argument("name")
@json_option
def check(name: str, as_json: bool) -> None:
    """Check whether replicas could run in the environment NAME.

    NAME may be a name, a directory, an environment.yml or a packed file. It needs the same
    Python minor version and the same Ray version as this installation, and what replicas import.
    """
    with exit_status():
        found = _conda().check(name, show)
    if as_json:
        click.echo(json.dumps(found, indent=2, sort_keys=True))
    elif found["problems"]:
        raise Refused("; ".join(found["problems"]) + f". Repair it with: {found['repair']}")
    else:
        click.echo(
            f"{found['name']} ({found['prefix']}): Python {found['python']}, Ray {found['ray']}: replicas can run."
        )
    if found["problems"]:
        raise click.exceptions.Exit(1)


def _conda() -> Any:
    # the libraries for packing take a moment to import; the other verbs must not wait for them
    return importlib.import_module("serve_compat.operations.conda")
