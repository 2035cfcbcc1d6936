"""What `status` answers: plain values, ready for JSON or a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from legacy.control.desired import Desired
from legacy.control.fleet import Fleet
from legacy.control.plan import State
from legacy.control.publish import Publisher


def status_report(
    desired: Desired, fleets: Mapping[str, Fleet], proxies: Mapping[str, str], publisher: Publisher
) -> dict[str, Any]:
    """Everything an operator asks for, as dicts, lists, text and numbers."""
    return {
        "version": publisher.version,
        "endpoints": {
            name: {
                "route": record.endpoint.route,
                "methods": list(record.endpoint.methods),
                "traffic": dict(record.endpoint.traffic),
                "shadows": dict(record.endpoint.shadows),
            }
            for name, record in desired.endpoints.items()
        },
        "backends": {tag: _backend(tag, desired, fleets.get(tag)) for tag in desired.backends | dict(fleets)},
        "proxies": dict(proxies),
        "routers": {name: {"kind": kind, "version": seen} for name, (kind, seen) in publisher.routers().items()},
    }


def _backend(tag: str, desired: Desired, fleet: Fleet | None) -> dict[str, Any]:
    record = desired.backends.get(tag)
    replicas = [] if fleet is None else list(fleet.replicas.values())
    failures = [] if fleet is None else fleet.failures
    last = failures[-1] if failures else fleet.taken_back if fleet else None
    return {
        "status": _status(record is not None, fleet, record.replicas if record else 0),
        "wanted": record.replicas if record else 0,
        "version": record.version if record else None,
        "replicas": {
            live.seen.tag: {
                "state": live.seen.state.value,
                "pid": live.address.pid if live.address else None,
                "node": live.address.node_id if live.address else None,
            }
            for live in replicas
        },
        "failures": len(failures),
        "last_error": f"{last.error}\n{last.traceback}".strip() if last else None,
    }


def _status(registered: bool, fleet: Fleet | None, wanted: int) -> str:
    if not registered:
        return "DELETING"
    running = 0 if fleet is None else sum(live.seen.state is State.RUNNING for live in fleet.replicas.values())
    if fleet is not None and (fleet.failures or fleet.taken_back):
        return "UNHEALTHY"
    return "HEALTHY" if running >= wanted else "UPDATING"
