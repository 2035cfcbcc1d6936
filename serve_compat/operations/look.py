"""The verbs that look: `status`, `routes`."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from serve_compat.operations import tables
from serve_compat.operations.reach import on_instance

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@click.command()
@json_option
@click.option("--watch", is_flag=True, help="Print it again and again until Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds, for --watch.")
@on_instance
def status(instance: Any, as_json: bool, watch: bool, every: float) -> None:
    """Show endpoints, routes, splits, shadows, backends and replicas with their last errors."""
    if not watch:
        show_report(instance.status(), as_json, tables.status_text)
        return
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            report = instance.status()
            if not as_json:
                click.clear()  # nothing when the output is no terminal
            show_report(report, as_json, tables.status_text, lines=True)
            if not as_json:
                click.echo(f"\n{time.strftime('%X')}, every {every:g} s, Ctrl-C ends")
            time.sleep(every)


@click.command()
@json_option
@on_instance
def routes(instance: Any, as_json: bool) -> None:
    """List the HTTP routes and where they lead."""
    report = instance.status()
    if as_json:
        report = {name: one for name, one in report["endpoints"].items() if one["route"] is not None}
    show_report(report, as_json, tables.routes)


def show_report(report: Any, as_json: bool, as_text: Callable[..., str], lines: bool = False) -> None:
    """Print a report as tables as wide as the terminal, or as JSON; `lines` for one line each."""
    if as_json:
        click.echo(json.dumps(report, indent=None if lines else 2, sort_keys=True))
    else:
        click.echo(as_text(report, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
