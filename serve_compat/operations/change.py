"""The verbs that change what is registered: `traffic`, `shadow`, `scale`."""

from __future__ import annotations

from typing import Any

import click

from legacy.printable import printable
from serve_compat.operations import arguments, tables
from serve_compat.operations.progress import waiting
from serve_compat.operations.reach import on_instance


class Share(click.ParamType):
    """A share of the traffic, "0.25" or "25%"."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share as a number; a usage error when it is none."""
        try:
            return arguments.share(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _weights(ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, float]:
    try:
        return arguments.weights(pairs)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command()
@click.argument("endpoint")
@click.argument("weights", nargs=-1, required=True, metavar="BACKEND=SHARE...", callback=_weights)
@on_instance
def traffic(instance: Any, endpoint: str, weights: dict[str, float]) -> None:
    """Split the traffic of ENDPOINT between backends, such as `old=0.9 new=0.1` or `old=90% new=10%`.

    The shares sum to 1. Returns when every proxy follows. Shadows of the endpoint end, as in every old Ray.
    """
    before = instance.status()["endpoints"].get(endpoint, {"shadows": {}})["shadows"]
    waiting("moving traffic", lambda: instance.set_traffic(endpoint, weights))
    ended = f"; no shadow any more (before: {tables.split(before)})" if before else ""
    click.echo(printable(f"{endpoint}: {tables.split(weights)}{ended}"))


@click.command()
@click.argument("endpoint")
@click.argument("backend")
@click.argument("share", type=Share())
@on_instance
def shadow(instance: Any, endpoint: str, backend: str, share: float) -> None:
    """Copy a SHARE of the requests to ENDPOINT to BACKEND, whose answers are thrown away; 0 ends it."""
    waiting("setting the shadow", lambda: instance.shadow(endpoint, backend, share))
    shadows = instance.status()["endpoints"][endpoint]["shadows"]
    click.echo(f"{endpoint}: shadows {tables.split(shadows)}" if shadows else f"{endpoint}: no shadows")


@click.command()
@click.argument("backend")
@click.argument("replicas", type=click.IntRange(min=1))
@on_instance
def scale(instance: Any, backend: str, replicas: int) -> None:
    """Run BACKEND, or a deployment, with that many REPLICAS; returns when they answer."""
    status = instance.status()
    arguments.check_registered("backend", backend, status)
    arguments.check_scalable(backend, status)
    waiting(
        f"scaling {backend} to {replicas}",
        lambda: instance.scale(backend, replicas),
        lambda: f"{tables.ready(instance.status()['backends'][backend])} replicas run",
    )
    click.echo(f"{backend}: {tables.ready(instance.status()['backends'][backend])} replicas run")
