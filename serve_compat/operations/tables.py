"""The controller's report as tables for people. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from legacy.printable import printable

STANDBY = "STANDBY"  # a proxy that takes over when another one of its node dies
NONE = "-"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Aligned columns under their headings.

    Args:
        width: longer lines are cut, since a line that wraps destroys the table; None for no limit.
    """
    every = [list(columns), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[number]) for row in every) for number in range(len(columns))]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in every]
    return "\n".join(line if width is None or len(line) <= width else line[: width - 1] + "…" for line in lines)


def percent(number: float) -> str:
    """A share of 1 for people: 0.25 is "25%"."""
    return f"{100 * number:.6g}%"


def split(shares: Mapping[str, float]) -> str:
    """A traffic split or shadows, the largest share first."""
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{tag} {percent(number)}" for tag, number in ordered) or NONE


def status_text(status: Mapping[str, Any], width: int | None = None) -> str:
    """The whole report.

    Args:
        status: the controller's report with "instance", "namespace" and "url" added.
        width: of the terminal.
    """
    parts = [head(status)]
    if status["endpoints"]:
        parts.append(endpoints(status, width))
    if status["backends"]:
        parts += [backends(status, width), replicas(status, width)]
    if not status["endpoints"] and not status["backends"]:
        parts.append("Nothing is registered.")
    return "\n\n".join(part for part in parts if part)


def head(status: Mapping[str, Any]) -> str:
    """Which instance this is and whether HTTP is up."""
    states = status["proxies"]
    up = sum(state == "RUNNING" for state in states.values())
    by = sum(state.startswith(STANDBY) for state in states.values())
    http = f"{status['url']}, {up} of {len(states) - by} proxies up" if states else "no HTTP"
    http += f", {by} on standby" if by else ""
    troubles = "".join(
        f"\n{printable(name)}: {printable(state)}"
        for name, state in states.items()
        if state != "RUNNING" and not state.startswith(STANDBY)
    )
    return printable(f"Instance {status['instance']} in namespace {status['namespace']}: {http}") + troubles


def endpoints(status: Mapping[str, Any], width: int | None = None) -> str:
    """One line per endpoint."""
    rows = [
        [name, one["route"] or NONE, methods(one), split(one["traffic"]), split(one["shadows"])]
        for name, one in sorted(status["endpoints"].items())
    ]
    return table(("ENDPOINT", "ROUTE", "METHODS", "TRAFFIC", "SHADOWS"), rows, width)


def backends(status: Mapping[str, Any], width: int | None = None) -> str:
    """One line per backend; a deployment is one too."""
    rows = [
        [tag, one["status"], ready(one), str(one["load"]), one["given_version"] or NONE, _note(one)]
        for tag, one in sorted(status["backends"].items())
    ]
    return table(("BACKEND", "STATUS", "REPLICAS", "LOAD", "VERSION", "LAST ERROR"), rows, width)


def _note(backend: Mapping[str, Any]) -> str:
    """What an operator should know: the last error, or else what the backend waits for."""
    environment = backend.get("environment") or {}
    return first_line(backend["last_error"] or environment.get("progress"))


def replicas(status: Mapping[str, Any], width: int | None = None) -> str:
    """One line per replica; "" without any."""
    rows = [
        [tag, _state(one), str(one["pid"] or NONE), (one["node"] or NONE)[:8], first_line(one["last_error"])]
        for _, backend in sorted(status["backends"].items())
        for tag, one in sorted(backend["replicas"].items())
    ]
    return table(("REPLICA", "STATE", "PID", "NODE", "LAST ERROR"), rows, width) if rows else ""


def routes(status: Mapping[str, Any], width: int | None = None) -> str:
    """One line per route that HTTP answers."""
    rows = [
        [_pattern(one), methods(one), name, split(one["traffic"])]
        for name, one in sorted(status["endpoints"].items(), key=lambda item: item[1]["route"] or "")
        if one["route"] is not None
    ]
    return table(("ROUTE", "METHODS", "ENDPOINT", "TRAFFIC"), rows, width)


def ready(backend: Mapping[str, Any]) -> str:
    """How many replicas of a backend run, of how many, and the bounds when it scales by itself."""
    up = sum(one["state"] in ("RUNNING", "UPDATING") for one in backend["replicas"].values())
    bounds = backend["autoscaling"]
    return f"{up}/{backend['wanted']}" + (f" (auto {bounds[0]}-{bounds[1]})" if bounds else "")


def methods(endpoint: Mapping[str, Any]) -> str:
    """The HTTP methods an endpoint answers."""
    return " ".join(endpoint["methods"]) or "all"


def first_line(text: str | None) -> str:
    """The first line of an error text; "-" for none."""
    return (text or NONE).splitlines()[0]


def _pattern(endpoint: Mapping[str, Any]) -> str:
    route: str = endpoint["route"]
    return route.rstrip("/") + "/..." if endpoint["matching"] == "prefix" else route


def _state(replica: Mapping[str, Any]) -> str:
    failed = replica["failed_checks"]
    state: str = replica["state"]
    return f"{state}, {failed} health checks failed" if failed else state
