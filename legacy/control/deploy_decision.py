"""The decision of `deploy`: nothing, a light update, or a new version. Pure (reference: Ray 1.13's order)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from legacy.control.desired import Desired
from legacy.control.registered import (
    BackendRecord,
    EndpointRecord,
    instead_of,
    new_record,
    same_config,
    undone,
    wants_the_same,
    with_config,
)
from legacy.records import BackendSpec, Endpoint


@dataclass(frozen=True)
class DeployDecision:
    """What a deploy command changes; None is left as it is."""

    backend: BackendRecord | None
    endpoint: EndpointRecord | None


def decide(
    desired: Desired, command: str, spec: BackendSpec, endpoint: Endpoint, prev_version: str | None
) -> DeployDecision:
    """What registering this deployment changes; nothing is changed yet, and `code_key` is left for the caller.

    - the same version with the same config is left alone, new code and arguments included;
    - the same version with another config is updated in place;
    - another version, or none, replaces the replicas.
    An endpoint of the same name keeps its traffic and shadows. A change that is not in force yet is not there: the new
    one takes its place, and is compared with what was there before it.

    Raises:
        ValueError: `prev_version` does not match, or the route is taken.
    """
    known = desired.backends.get(spec.tag)
    if known is not None and known.follows(command):
        return DeployDecision(None, known.opens)
    _check_previous(known, prev_version)
    conflict = desired.routes.conflict(endpoint)
    if conflict is not None:
        raise ValueError(conflict)
    opened = _endpoint_record(desired, command, endpoint)
    if known is None:
        return DeployDecision(new_record(command, spec, ""), opened)
    base = known if known.confirmed else undone(known)
    if base is None or spec.version is None or spec.version != base.spec.version:
        changed = new_record(command, spec, "")
    elif known.confirmed and same_config(known.config, spec.config):
        return DeployDecision(None, opened)
    else:
        changed = with_config(command, base, spec.config)
    return DeployDecision(instead_of(known, changed, desired.endpoints.get(endpoint.name)), opened)


def is_under_way(desired: Desired, spec: BackendSpec, code_key: str, endpoint: Endpoint) -> bool:
    """Whether a change that is not in force yet is this very deployment."""
    known = desired.backends.get(spec.tag)
    if known is None or known.confirmed or not wants_the_same(known, spec, code_key):
        return False
    return _endpoint_record(desired, "", endpoint) is None


def _endpoint_record(desired: Desired, command: str, endpoint: Endpoint) -> EndpointRecord | None:
    known = desired.endpoints.get(endpoint.name)
    if known is None:
        # Ray runs the command again: another has deleted the endpoint since.
        undone = desired.log.has_undone("endpoint", endpoint.name, command)
        return None if undone else EndpointRecord(endpoint, command)
    kept = replace(endpoint, traffic=known.endpoint.traffic, shadows=known.endpoint.shadows)
    return None if kept == known.endpoint else replace(known, endpoint=kept)


def _check_previous(known: BackendRecord | None, prev_version: str | None) -> None:
    if prev_version is None:
        return
    if known is None or known.spec.version is None:
        raise ValueError(
            f"prev_version {prev_version!r} is specified but there is no existing deployment. "
            "Leave prev_version out to deploy in any case"
        )
    if known.spec.version != prev_version:
        raise ValueError(
            f"prev_version {prev_version!r} does not match with the existing version {known.spec.version!r}. "
            "Look at serve.get_deployment(name).version before you deploy"
        )
