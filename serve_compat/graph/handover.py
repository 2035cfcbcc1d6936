"""How one run of a graph takes over from what ran before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from legacy.records import Endpoint
from legacy.session.deployments import displaced
from legacy.traffic.routes import RouteTable


@dataclass(frozen=True)
class Handover:
    """From the deployments that run to those of an application.

    Attributes:
        meanwhile: the application's deployments with the routes they are deployed with: a former root answers HTTP as
            it did, whatever it is in the new graph, until the new root can.
        then: routes that change hands after that, in one step; None is none.
        removed: deployments that are not part of the application any more.
    """

    meanwhile: Mapping[str, str | None]
    then: Mapping[str, str | None] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


def handover(
    endpoints: Mapping[str, Endpoint],
    wanted: Mapping[str, str | None],
    root: Endpoint | None,
    application: str,
    replaces_all: bool = False,
) -> Handover:
    """What happens to the routes, and which deployments go.

    Args:
        endpoints: everything that runs.
        wanted: the application's deployments and their routes; none but the root has one.
        root: as it will be; None when nothing answers HTTP.
        application: the name of what is replaced; "" for what was run without one.
        replaces_all: it is every deployment instead.

    Raises:
        ValueError: the root's route belongs to an endpoint outside of the application, which keeps it.
    """
    deployed = [name for name, one in endpoints.items() if one.generation.owns_endpoint]
    replaced = deployed if replaces_all else members(endpoints, application)
    removed = tuple(name for name in replaced if name not in wanted)
    routed = {name: one.route for name, one in endpoints.items() if one.route is not None}
    leaving = [name for name in routed if name in removed or wanted.get(name, "") is None]
    if root is not None:
        others = {name: one for name, one in endpoints.items() if name not in leaving}
        leaving += filter(None, [displaced(others, root)])
        _check(endpoints, root, leaving)
    route = None if root is None else root.route
    former = [name for name in leaving if name in wanted or routed[name] == route]
    then: dict[str, str | None] = dict.fromkeys(former)
    meanwhile = {name: routed.get(name) if name in former else wanted[name] for name in wanted}
    if root is not None and any(routed[name] == route for name in former):
        meanwhile[root.name] = routed.get(root.name)
        then[root.name] = route
    return Handover(meanwhile, then, removed)


def members(endpoints: Mapping[str, Endpoint], application: str) -> list[str]:
    """The deployments of an application."""
    return [name for name, endpoint in endpoints.items() if endpoint.application == application]


def _check(endpoints: Mapping[str, Endpoint], root: Endpoint, leaving: list[str]) -> None:
    table = RouteTable()
    for endpoint in endpoints.values():
        table.put(endpoint)
    conflict = table.conflict(root, leaving)
    if conflict is not None:
        raise ValueError(conflict)
