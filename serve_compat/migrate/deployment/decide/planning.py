"""From a group of backends and endpoints to the plan of one deployment, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import is_repeatable
from serve_compat.migrate.analysis.uses import is_load
from serve_compat.migrate.deployment.decide import forms, requests
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.pair import Pair, check_served, filled
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import Group, Use, is_known, key_of, shown
from serve_compat.migrate.deployment.find.handle_uses import SC124, method_names, speaks_http
from serve_compat.migrate.deployment.find.handlers import SC127, handler_of
from serve_compat.migrate.deployment.find.listings import SC125, CreationGuard, anchor, creation_guard
from serve_compat.migrate.deployment.find.loops import go_together
from serve_compat.migrate.deployment.find.operations import Operation
from serve_compat.migrate.deployment.find.options import SC120
from serve_compat.migrate.deployment.find.staying import Inconvertible, stays

SC121 = stays(
    "SC121",
    "TODO: traffic that is split or copied",
    "Deployments do not share a route. serve.set_traffic() of serve_compat splits between deployments, too.",
)
SC122 = stays(
    "SC122",
    "TODO: a backend and its endpoint that are not created together",
    "One of the two would be left behind.",
)
SC126 = stays(
    "SC126",
    "TODO: a route with parameters",
    "A route prefix has none; a FastAPI application as ingress has.",
)

UPDATES = ("update_backend_config", "set_backend_config", "scale")
TRIVIAL = ("set_traffic", "split", "link")
READABLE = frozenset({"num_replicas", "user_config", "max_concurrent_queries"})


def plan(group: Group, files: Files, twins: int = 1) -> Pair:
    """Decide how a group becomes a deployment.

    Args:
        twins: how many backends, this one included, its definition serves in the same way.

    Raises:
        Inconvertible: it cannot.
    """
    _check_traffic(group)
    create, endpoint = _creations(group)
    home = files[create.path]
    _check_all(group, files, endpoint)
    pair = Pair(
        group,
        home,
        create.operation,
        endpoint.operation,
        create.operation,
        handler_of(create.operation.need("func_or_class"), home.constants, home.file),
        home.configs.read(create.operation.arg("config")),
        by_tag=home.path in files.by_tags and group.tags != group.endpoints,
        twins=twins,
    )
    _check_place(pair)
    _check_route(pair)
    requests.check(pair, files)
    pair = _updated(filled(pair, files), files)
    for use in group.named("get_backend_config"):
        if use.operation.call in pair.sources:
            continue
        _check_reading(use, files[use.path])
    for use in group.named("get_handle"):
        check_handle(use, files[use.path], pair)
    _check_deletions(group)
    return forms.shaped(replace(pair, guards=_creation_guards(pair), at=_deploy_place(pair, files)), files)


def _check_traffic(group: Group) -> None:
    if group.named("shadow_traffic"):
        raise Inconvertible(SC121, "shadow traffic has no equivalent among deployments")
    for use in group.named("set_traffic", "split"):
        weights = use.weights
        if weights is None or None in weights.values() or sum(1 for each in weights.values() if each) != 1:
            raise Inconvertible(SC121, "a weighted traffic split needs a router, which --generate-router writes")
    if len(group.named("create_backend")) > 1 and len(group.tags) > 1:
        raise Inconvertible(SC121, "several backends take turns behind one endpoint")


def _creations(group: Group) -> tuple[Use, Use]:
    backends, endpoints = group.named("create_backend"), group.named("create_endpoint")
    who = " and ".join(dict.fromkeys(shown(each) for each in (*group.tags, *group.endpoints)))
    for kind, found in (("backend", backends), ("endpoint", endpoints)):
        if not found:
            raise Inconvertible(SC122, f"none of the given files creates the {kind} that belongs to {who}")
        if len(found) > 1:
            raise Inconvertible(SC122, f"the {kind} of {who} is created in {len(found)} places")
    if len(group.endpoints) > 1:
        raise Inconvertible(SC122, "several endpoints share one backend")
    if backends[0].path != endpoints[0].path:
        raise Inconvertible(SC122, f"the backend is created in {backends[0].path}, the endpoint in {endpoints[0].path}")
    if endpoints[0].tag is None and not any(use.weights for use in group.uses):
        raise Inconvertible(SC122, "nothing connects the endpoint to a backend")
    return backends[0], endpoints[0]


def _check_all(group: Group, files: Files, endpoint: Use) -> None:
    for use in group.uses:
        file = files[use.path]
        if file.file.skips(use.operation.call):
            raise Inconvertible(SC122, "a part of it is marked to be skipped")
        if use.name not in ("get_handle", "get_backend_config") and not file.stands_alone(use.operation.call):
            raise Inconvertible(SC122, f"what {use.name}() returns is used")
        if use.name in TRIVIAL:
            here = files[endpoint.path].tree.enclosing_function(endpoint.operation.call)
            if use.path != endpoint.path or file.tree.enclosing_function(use.operation.call) is not here:
                raise Inconvertible(SC122, "the endpoint gets its backend in another function")


def _check_place(pair: Pair) -> None:
    home = pair.home
    apart = _place_of(pair.create, home) is not _place_of(pair.endpoint, home)
    if apart and not go_together(pair.create, pair.endpoint, home):
        raise Inconvertible(SC122, "the backend and the endpoint are created in different blocks")
    check_served(pair)


def _place_of(operation: Operation, home: Analysis) -> cst.CSTNode | None:
    statement = anchor(operation.call, home)
    return home.tree.parents.get(statement) if statement is not None else None


def _check_route(pair: Pair) -> None:
    route = pair.home.constants.text(pair.route)
    if route is not None and "{" in route:
        raise Inconvertible(SC126, f"the route {route!r} has parameters, which a route prefix cannot have")


def _updated(pair: Pair, files: Files) -> Pair:
    """The pair with what is known of its updates."""
    sources, block = set(), pair.home.block(pair.create.call)
    straight = all(arg.star == "" and is_repeatable(arg.value) for arg in pair.create.rest)
    for use in pair.group.named(*UPDATES):
        file = files[use.path]
        config = file.configs.read(use.operation.arg("config_options")) if use.name != "scale" else None
        if config is not None and config.source is not None:
            sources.add(config.source)
        if config is not None and (config.batch or not config.options):
            raise Inconvertible(SC120, "this update has no equivalent among the options of a deployment")
        after = file.tree.order[use.operation.call] > file.tree.order[pair.create.call] if file is pair.home else False
        if not after or file.block(use.operation.call) is not block:
            straight = False
    uses = pair.group.named(*UPDATES) if straight else []
    return replace(pair, straight=uses, sources=frozenset(sources))


def _check_reading(use: Use, file: Analysis) -> None:
    call = use.operation.call
    parent = file.tree.parents.get(call)
    if isinstance(parent, cst.Attribute) and parent.attr.value in READABLE:
        return
    if isinstance(parent, cst.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0].target, cst.Name):
        tree, name = file.tree, parent.targets[0].target.value
        reads = [
            each
            for each in tree.names[name]
            if is_load(tree, each) and any(binding.node is call for binding in tree.scopes[each].lookup(name))
        ]
        above = [tree.parents.get(each) for each in reads]
        if all(isinstance(each, cst.Attribute) and each.attr.value in READABLE for each in above):
            return
    raise Inconvertible(SC125, "what get_backend_config() gives is used as a whole, or for more than deployments have")


def check_handle(use: Use, file: Analysis, pair: Pair | None) -> None:
    """Can the calls of a handle follow?

    Args:
        pair: whose handle it is; None where only run time knows that.

    Raises:
        Inconvertible: no.
    """
    operation = use.operation
    if set(operation.given) - {"endpoint_name", "sync", "missing_ok"}:
        raise Inconvertible(SC124, "get_handle() is given more than a name")
    if "missing_ok" in operation.given and not _is_there(operation, file, pair):
        raise Inconvertible(SC124, "the handle may be made before its endpoint: missing_ok")
    known = file.handles.get(operation.call)
    if known is None:
        return
    if known.lost is not None:
        raise Inconvertible(SC124, "the handle goes where it cannot be followed")
    if speaks_http(known, file.tree) and not all(call.certain for call in known.calls):
        raise Inconvertible(SC124, "which HTTP options a call of the handle has cannot be told")
    for call in known.calls:
        if any(arg.star == "*" for arg in call.node.args):
            raise Inconvertible(SC124, "a call of the handle hides its arguments")
        if pair is not None and pair.is_batch and method_names(known, call, file.constants) != {"__call__"}:
            raise Inconvertible(SC127, "a method that gets lists of requests is called through a handle")


def _is_there(operation: Operation, file: Analysis, pair: Pair | None) -> bool:
    """Whether the endpoint stands above the place that asks for its handle."""
    order = file.tree.order
    return pair is not None and pair.home is file and order[pair.endpoint.call] < order[operation.call]


def _check_deletions(group: Group) -> None:
    if group.named("delete_backend") and not group.named("delete_endpoint"):
        raise Inconvertible(SC122, "only the backend is deleted, not its endpoint")


def _creation_guards(pair: Pair) -> list[CreationGuard]:
    """The `if`s that ask whether this very backend or endpoint is there."""
    home, found = pair.home, []
    for operation in (pair.create, pair.endpoint):
        guard = creation_guard(operation.call, home)
        if guard is None:
            continue
        key = key_of(guard.asked, home.path, home.names, home.constants)
        if key in (pair.group.tags if guard.about == "list_backends" else pair.group.endpoints):
            found.append(guard)
    return found


def _deploy_place(pair: Pair, files: Files) -> Operation:
    """The deploy() stands where the backend was created, or later if something happens before its endpoint is there."""
    home = pair.home
    block = _place_of(pair.create, home)
    if block is not _place_of(pair.endpoint, home):
        return pair.create
    first, last = anchor(pair.create.call, home), anchor(pair.endpoint.call, home)
    body = list(block.body) if isinstance(block, cst.Module | cst.IndentedBlock) else []
    start, end = sorted((body.index(first), body.index(last))) if first in body and last in body else (0, 0)
    if body and first is body[end]:
        return pair.create
    given = [each for each in (pair.name, pair.route, pair.endpoint.arg("methods")) if each is not None]
    ends = (home, pair.create.call, pair.endpoint.call)
    late, early = bound_between(*ends, given), bound_between(*ends, [arg.value for arg in pair.create.rest])
    if late and early:
        raise Inconvertible(SC122, "its arguments change between the creation of the backend and of the endpoint")
    if late or early:
        return pair.endpoint if late else pair.create
    between = [each for each in body[start + 1 : end] if each not in files.anchors(home)]
    return pair.create if all(_is_quiet(each) for each in between) else pair.endpoint


def bound_between(home: Analysis, first: cst.CSTNode, last: cst.CSTNode, values: Sequence[cst.CSTNode]) -> bool:
    """Whether names in expressions get values between two places of a file."""
    tree = home.tree
    start, end = tree.order[first], tree.order[last]
    names = [each for value in values for each in walk(value) if each in tree.scopes]
    bindings = [one for each in names if isinstance(each, cst.Name) for one in tree.scopes[each].lookup(each.value)]
    return any(start < tree.order.get(each.node, -1) < end for each in bindings)


def _is_quiet(statement: cst.CSTNode) -> bool:
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return True
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(each, cst.Import | cst.ImportFrom | cst.Pass)
        or (isinstance(each, cst.Assign | cst.AnnAssign) and each.value is not None and is_repeatable(each.value))
        for each in statement.body
    )


__all__ = ["UPDATES", "check_handle", "is_known", "plan"]
