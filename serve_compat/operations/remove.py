"""The verbs that end something: `delete`, `shutdown`."""

from __future__ import annotations

from typing import Any

import click

from serve_compat.operations import arguments, tables
from serve_compat.operations.progress import waiting
from serve_compat.operations.reach import on_instance


@click.command()
@click.argument("name")
@click.option("--endpoint", "kind", flag_value="endpoint", help="The endpoint; its backends stay.")
@click.option("--backend", "kind", flag_value="backend", help="The backend, which no endpoint may use any more.")
@click.option("--deployment", "kind", flag_value="deployment", help="The deployment with its route.")
@on_instance
def delete(instance: Any, name: str, kind: arguments.Kind | None) -> None:
    """Take NAME out of service; its replicas finish what they work on. Without an option, what NAME is decides."""
    status = instance.status()
    if kind is None:
        kind = arguments.kind_of(name, status)
    else:
        arguments.check_registered(kind, name, status)
    found = kind
    waiting(
        f"deleting {found} {name}",
        lambda: instance.delete(found, name),
        lambda: f"{len(instance.status()['backends'].get(name, {'replicas': ()})['replicas'])} replicas left",
    )
    click.echo(f"deleted {found} {name}")


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@on_instance
def shutdown(instance: Any, yes: bool) -> None:
    """Stop the whole instance: every endpoint, backend and deployment, and HTTP."""
    status = instance.status()
    if not yes:
        click.echo(tables.head(status))
        what = f"{len(status['endpoints'])} endpoints and {len(status['backends'])} backends"
        click.confirm(f"Shut it down with its {what}?", abort=True)
    waiting("shutting down", instance.shutdown)
    click.echo(f"instance {status['instance']} is shut down")
