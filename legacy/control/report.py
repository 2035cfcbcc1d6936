"""What `status` answers: plain values, ready for JSON or a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from legacy.control.desired import Desired
from legacy.control.fleet import Fleet, Live
from legacy.control.publish import Publisher
from legacy.control.registered import BackendRecord
from legacy.control.status import status_of
from legacy.environments.origin import Origin
from legacy.records import Endpoint, StartFailure


def status_report(
    desired: Desired,
    fleets: Mapping[str, Fleet],
    proxies: Mapping[str, str],
    publisher: Publisher,
    errors: Mapping[str, str],
    progress: Callable[[Origin], str],
) -> dict[str, Any]:
    """Everything an operator asks for, as dicts, lists, text and numbers.

    Args:
        errors: replica -> the last error of a request there, "" for none.
        progress: what is being done for an environment now.
    """
    every = desired.backends | dict(fleets)
    return {
        "version": publisher.version,
        "endpoints": {name: _endpoint(record.endpoint) for name, record in desired.endpoints.items()},
        "backends": {
            tag: {
                **_backend(desired.backends.get(tag), fleets.get(tag), errors),
                "environment": _environment(desired.backends.get(tag), progress),
                "load": publisher.load(tag),
            }
            for tag in every
        },
        "proxies": dict(proxies),
        "routers": {name: {"kind": kind, "version": seen} for name, (kind, seen) in publisher.routers().items()},
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "route": endpoint.route,
        "matching": endpoint.matching,
        "methods": list(endpoint.methods),
        "traffic": dict(endpoint.traffic),
        "shadows": dict(endpoint.shadows),
        "style": endpoint.generation.style,
        "application": endpoint.application,
    }


def _backend(record: BackendRecord | None, fleet: Fleet | None, errors: Mapping[str, str]) -> dict[str, Any]:
    replicas = [] if fleet is None else list(fleet.replicas.values())
    failures = [] if fleet is None else fleet.failures
    last = failures[-1] if failures else fleet.taken_back if fleet else None
    scaling = record.config.autoscaling_config if record else None
    return {
        "status": status_of(record, fleet).word,
        "style": record.spec.generation.style if record else None,
        "wanted": record.replicas if record else 0,
        "autoscaling": [scaling.min_replicas, scaling.max_replicas] if scaling else None,
        "version": record.version if record else None,
        "given_version": record.spec.version if record else None,
        "replicas": {live.seen.tag: _replica(live, failures, errors.get(live.seen.tag, "")) for live in replicas},
        "failures": len(failures),
        "last_error": f"{last.error}\n{last.traceback}".strip() if last else None,
    }


def _environment(record: BackendRecord | None, progress: Callable[[Origin], str]) -> dict[str, Any] | None:
    origin = record.spec.environment if record else None
    if origin is None:
        return None
    return {"name": origin.wanted.label, "from_node": origin.node_id, "progress": progress(origin) or None}


def _replica(live: Live, failures: list[StartFailure], of_requests: str) -> dict[str, Any]:
    its_own = [failure.error for failure in failures if failure.replica == live.seen.tag]
    return {
        "state": live.seen.state.value,
        "version": live.seen.version,
        "pid": live.address.pid if live.address else None,
        "node": live.address.node_id if live.address else None,
        "failed_checks": live.unhealthy,
        "last_error": its_own[-1] if its_own else of_requests or None,
    }
