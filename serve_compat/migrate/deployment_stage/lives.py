"""An endpoint that is deleted and created again: each of its lives is a deployment of the same name."""

from __future__ import annotations

from itertools import pairwise

from serve_compat.migrate.deployment_stage.analysis import Analysis
from serve_compat.migrate.deployment_stage.groups import Group, Use
from serve_compat.migrate.deployment_stage.options import Inconvertible
from serve_compat.migrate.deployment_stage.pair import Pair
from serve_compat.migrate.deployment_stage.planning import plan
from serve_compat.migrate.deployment_stage.receivers import are_mixed

_FOLLOWED = {"create_backend", "create_endpoint", "get_handle", "delete_endpoint", "delete_backend"}


def has_lives(group: Group) -> bool:
    """Whether an endpoint is created several times, each time with a backend of its own."""
    counts = [len(group.named(name)) for name in ("create_backend", "create_endpoint")]
    return counts[0] == counts[1] > 1 and len(group.endpoints) == 1 and bool(group.named("delete_endpoint"))


def plan_lives(group: Group, files: dict[str, Analysis]) -> Pair:
    """Decide how such a group becomes one deployment after the other: the first one, with the others as its turns.

    Raises:
        Inconvertible: it cannot.
    """
    lives = _lives(group, files)
    shared = [use for use in group.uses if use.name in ("get_handle", "delete_endpoint", "delete_backend")]
    pairs = [plan(Group(group.tags, group.endpoints, [*made, *shared]), files) for made in lives]
    first, *others = pairs
    first.turns = others
    first.has_tags = len(group.tags) > 1
    first.is_mixed = are_mixed(pairs, files)
    first.dropped = [use.operation for made in lives[1:] for use in made if use.operation not in _places(pairs)]
    return first


def _places(pairs: list[Pair]) -> list[object]:
    return [each.at for each in pairs]


def _no(group: Group) -> Inconvertible:
    name = next(iter(group.endpoints))[-1]
    return Inconvertible("SC122", f"the endpoint {name!r} is created in {len(group.named('create_endpoint'))} places")


def _lives(group: Group, files: dict[str, Analysis]) -> list[list[Use]]:
    """The creations of each life, in their order; the endpoint is deleted between two of them."""
    endpoints = group.named("create_endpoint")
    home = files[endpoints[0].path]
    order, block = home.tree.order, home.block(endpoints[0].operation.call)
    for use in group.uses:
        if use.name not in _FOLLOWED:
            raise _no(group)
        if use.name == "get_handle":
            continue
        here = use.path == home.path and home.block(use.operation.call) is block
        if not here or not home.stands_alone(use.operation.call):
            raise _no(group)

    def ordered(*names: str) -> list[Use]:
        return sorted(group.named(*names), key=lambda use: order[use.operation.call])

    lives = [
        [backend, endpoint]
        for backend, endpoint in zip(ordered("create_backend"), ordered("create_endpoint"), strict=True)
    ]
    if any(endpoint.tag != backend.tag for backend, endpoint in lives):
        raise _no(group)
    for before, after in pairwise(lives):
        end = max(order[use.operation.call] for use in before)
        start = min(order[use.operation.call] for use in after)
        if not any(end < order[use.operation.call] < start for use in group.named("delete_endpoint")):
            raise _no(group)
    return lives
