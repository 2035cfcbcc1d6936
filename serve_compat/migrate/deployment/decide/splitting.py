"""`--generate-router`: an endpoint whose traffic is split becomes a router and a deployment for each backend."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.deployment.decide import forms, requests
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.pair import Pair, check_served, filled
from serve_compat.migrate.deployment.decide.planning import SC121, check_handle
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import Group, Use, is_known
from serve_compat.migrate.deployment.find.handle_uses import method_names
from serve_compat.migrate.deployment.find.handlers import handler_of
from serve_compat.migrate.deployment.find.operations import EARLY
from serve_compat.migrate.deployment.find.staying import Inconvertible
from serve_compat.migrate.writing.router_text import router_title

TRAFFIC = ("set_traffic", "split", "link")
_FOLLOWED = {"create_backend", "create_endpoint", *TRAFFIC, "delete_backend", "delete_endpoint", "get_handle"}


@dataclass(frozen=True, eq=False)
class Split:
    """An endpoint with several backends.

    Attributes:
        title: the router's class.
        methods: what handles call beside `__call__`.
    """

    group: Group
    home: Analysis
    endpoint: Use
    name: str
    route: str | None
    title: str
    pairs: tuple[Pair, ...]
    methods: tuple[str, ...]


def is_split(group: Group) -> bool:
    """Whether more than one backend gets requests of an endpoint."""
    return bool(group.named("set_traffic", "split")) and len(group.tags) > 1 and bool(group.named("create_endpoint"))


def plan_split(group: Group, files: Files) -> Split:
    """Decide how a group becomes deployments behind a router.

    Raises:
        Inconvertible: it cannot.
    """
    endpoint = _endpoint(group)
    home = files[endpoint.path]
    _check_uses(group, home)
    name, route = home.constants.text(endpoint.operation.need("endpoint_name")), endpoint.operation.arg("route")
    if name is None or not (home.constants.is_none(route) or home.constants.text(route)):
        raise _no("its name or route is only known at run time")
    if "{" in (home.constants.text(route) or ""):
        raise _no("its route has parameters")
    title = files.free_name(home, router_title(name))
    pairs = tuple(_pair(use, group, endpoint, files) for use in group.named("create_backend"))
    return Split(group, home, endpoint, name, home.constants.text(route), title, pairs, _methods(group, home))


def _no(why: str) -> Inconvertible:
    return Inconvertible(SC121, f"no router is written for this endpoint: {why}")


def _endpoint(group: Group) -> Use:
    found = group.named("create_endpoint")
    if len(found) != 1:
        raise _no("it is created in several places")
    return found[0]


def _check_uses(group: Group, home: Analysis) -> None:
    created = {use.tag for use in group.named("create_backend")}
    if group.tags - created or not all(is_known(key) for key in (*group.tags, *group.endpoints)):
        raise _no("not all of its backends are created here under names that can be read")
    if {key[-1] for key in group.tags} & {key[-1] for key in group.endpoints}:
        raise _no("one of its backends has the same name")
    for use in group.uses:
        call = use.operation.call
        if use.path != home.path or use.name not in _FOLLOWED:
            raise _no(f"{use.name}() cannot follow")
        if use.name != "get_handle" and (not home.stands_alone(call) or home.file.skips(call)):
            raise _no(f"what {use.name}() returns is used")
        if use.name in TRAFFIC and use.weights is None:
            raise _no("its weights are only known at run time")
        if use.name == "delete_backend" and any(isinstance(each, cst.Try) for each in home.tree.ancestors(call)):
            raise _no("deleting a backend that is in use raised an error, and deleting a deployment does not")
        if use.name == "get_handle" and use.operation.generation == EARLY:
            raise _no("handles of Ray 0.8 bring keyword arguments")


def _pair(use: Use, group: Group, endpoint: Use, files: Files) -> Pair:
    home, create = files[endpoint.path], use.operation
    handler = handler_of(create.need("func_or_class"), home.constants, home.file)
    config = home.configs.read(create.arg("config"))
    name = create.need("backend_tag")
    pair = Pair(group, home, create, endpoint.operation, create, handler, config, own_name=name)
    check_served(pair)
    requests.check(pair, files)
    return forms.shaped(filled(pair, files), files)


def _methods(group: Group, home: Analysis) -> tuple[str, ...]:
    found: set[str | None] = set()
    for use in group.named("get_handle"):
        check_handle(use, home, None)
        known = home.handles.get(use.operation.call)
        for call in known.calls if known is not None else ():
            found |= method_names(known, call, home.constants)  # type: ignore[arg-type]
    if None in found:
        raise _no("which methods its handles call is only known at run time")
    return tuple(sorted(each for each in found if each is not None and each != "__call__"))
