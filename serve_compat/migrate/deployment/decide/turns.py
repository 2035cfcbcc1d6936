"""One endpoint, one deployment after the other: backends that take turns behind it, or lives that a deletion ends."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import code_of, is_repeatable
from serve_compat.migrate.deployment.decide import forms, requests
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.pair import Pair, check_served, filled
from serve_compat.migrate.deployment.decide.planning import SC121, SC122, bound_between, plan
from serve_compat.migrate.deployment.decide.receivers import are_mixed
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import Group, Key, Use, is_known
from serve_compat.migrate.deployment.find.handlers import Handler, handler_of
from serve_compat.migrate.deployment.find.staying import Inconvertible
from serve_compat.migrate.rule import Rule

SC114 = Rule(
    "SC114",
    "set_traffic() that gives another backend all traffic becomes its deploy()",
    "deployment",
    "Backends that take turns behind one endpoint are deployments of its name: deploying the next one replaces the"
    " one before, without a gap.",
    differs="The next one starts when it gets the traffic, and the one before ends then; a handle's next calls reach"
    " it.",
)

SWITCHES = ("set_traffic", "split", "link")
_FOLLOWED = {"create_backend", "create_endpoint", *SWITCHES, "get_handle", "delete_endpoint", "delete_backend"}


def are_turns(group: Group) -> bool:
    """Whether an endpoint has several backends, of which one gets all traffic at a time."""
    whole = all(_chosen(use) is not None for use in group.named("set_traffic", "split"))
    return (
        whole
        and not group.named("shadow_traffic")
        and len(group.named("create_backend")) > 1
        and len(group.named("create_endpoint")) == 1
    )


def plan_turns(group: Group, files: Files) -> Pair:
    """Decide how such a group becomes one deployment after the other: the first one, with the others as its turns.

    Raises:
        Inconvertible: it cannot.
    """
    endpoint = group.named("create_endpoint")[0]
    home = files[endpoint.path]
    if home.path in files.by_tags:
        raise _no("the names of backends are listed")
    _check_uses(group, endpoint, files)
    creates = {use.tag: use for use in group.named("create_backend")}
    switches = sorted(group.named(*SWITCHES), key=lambda use: home.tree.order[use.operation.call])
    first = endpoint.tag if endpoint.tag is not None else _chosen(switches.pop(0)) if switches else None
    if first is None or len(creates) != len(group.named("create_backend")) or not group.tags <= set(creates):
        raise _no()
    turns: list[tuple[Use, Use]] = []
    active, seen, dropped = first, {first}, []
    for use in switches:
        tag = _chosen(use)
        if tag is None:
            raise _no()
        if tag == active:
            dropped.append(use.operation)
            continue
        if tag in seen and not _is_stateless(_handler(creates[tag], home)):
            raise _no("one of them gets the traffic back, and what it has in memory would be lost")
        turns.append((use, creates[tag]))
        active, seen = tag, {*seen, tag}
    _check_deletions(group, first, turns, home)
    pair = _first(group, creates[first], creates, files)
    pairs = [pair]
    for use, create in turns:
        pairs.append(_turn(pairs, use, create, files))
    others = [use for tag, use in creates.items() if tag != first]
    dropped += [use.operation for use in (*others, *group.named("delete_backend"))]
    return replace(pair, turns=pairs[1:], has_tags=True, is_mixed=are_mixed(pairs, files), dropped=dropped)


def _no(why: str = "") -> Inconvertible:
    message = "several backends take turns behind one endpoint"
    return Inconvertible(SC121, f"{message}: {why}" if why else message)


def _chosen(use: Use) -> Key | None:
    """The backend that gets all traffic; None where several get a share or only run time knows."""
    weights = use.weights or {}
    got = [tag for tag, weight in weights.items() if weight]
    return got[0] if len(got) == 1 and None not in weights.values() else None


def _handler(create: Use, home: Analysis) -> Handler:
    return handler_of(create.operation.need("func_or_class"), home.constants, home.file)


def _check_uses(group: Group, endpoint: Use, files: Files) -> None:
    home = files[endpoint.path]
    block = home.block(endpoint.operation.call)
    if len(group.endpoints) > 1 or not all(is_known(tag) for tag in group.tags):
        raise _no()
    for use in group.uses:
        call = use.operation.call
        if use.name not in _FOLLOWED:
            raise _no(f"{use.name}() would have to follow")
        if use.name == "get_handle":
            continue
        if use.path != home.path or not home.stands_alone(call) or home.file.skips(call):
            raise _no()
        if use.name != "delete_endpoint" and home.block(call) is not block:
            raise _no("the turns are not one after the other in one block")
    for use in group.named("create_backend"):
        if not all(arg.star == "" and is_repeatable(arg.value) for arg in use.operation.rest):
            raise _no("what its constructor gets would be computed later")


def _check_deletions(group: Group, first: Key, turns: list[tuple[Use, Use]], home: Analysis) -> None:
    """Deleting the backend that has the traffic was an error, so that it stood behind the endpoint's deletion."""
    order = home.tree.order
    ends = [order[use.operation.call] for use in group.named("delete_endpoint")]
    for use in group.named("delete_backend"):
        place = order[use.operation.call]
        now = [create.tag for switch, create in turns if order[switch.operation.call] < place]
        if (now[-1] if now else first) == use.tag and not any(end < place for end in ends):
            raise _no("one of them is deleted while it has the traffic")


def _is_stateless(handler: Handler) -> bool:
    """Whether a new object answers as the old one did."""
    node = handler.node
    if not isinstance(node, cst.ClassDef):
        return node is not None
    methods = [each for each in node.body.body if isinstance(each, cst.FunctionDef)]
    later = [each for each in methods if each.name.value not in ("__init__", "reconfigure")]
    return not any(_assigns_to_self(each) for each in later)


def _assigns_to_self(function: cst.FunctionDef) -> bool:
    targets: list[cst.CSTNode] = []
    for node in walk(function.body):
        if isinstance(node, cst.AssignTarget | cst.AugAssign | cst.AnnAssign):
            targets.append(node.target)
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            targets.append(node.func.value)  # self.things.append(...)
    return any(code_of(each).startswith("self.") for each in targets)


def _first(group: Group, create: Use, creates: dict[Key | None, Use], files: Files) -> Pair:
    """The plan of the first backend with the endpoint, as if there were no other."""
    others = {use for use in creates.values() if use is not create}
    uses = [use for use in group.uses if use not in others and use.name not in (*SWITCHES, "delete_backend")] + _folded(
        group, create
    )
    node = _handler(create, files[create.path]).node
    same = [use for use in creates.values() if _handler(use, files[use.path]).node is node]
    twins = len(same) if len({_options(use) for use in same}) == 1 else 1
    tags = frozenset({create.tag} if create.tag is not None else ())
    return plan(Group(tags, group.endpoints, tuple(uses)), files, twins)


def _options(create: Use) -> tuple[str, ...]:
    given = (create.operation.arg(name) for name in ("config", "ray_actor_options", "env"))
    return tuple("" if each is None else code_of(each) for each in given)


def _folded(group: Group, create: Use) -> list[Use]:
    """The first set_traffic() of an endpoint that was created without a backend: it makes the pair."""
    endpoint = group.named("create_endpoint")[0]
    return [] if endpoint.tag is not None else group.named(*SWITCHES)[:1]


def _turn(before: list[Pair], switch: Use, create: Use, files: Files) -> Pair:
    first, home = before[0], before[0].home
    given = [arg.value for arg in create.operation.rest]
    if bound_between(home, create.operation.call, switch.operation.call, given):
        raise _no("what its constructor gets changes before it gets the traffic")
    config = home.configs.read(create.operation.arg("config"))
    handler = _handler(create, home)
    pair = Pair(first.group, home, create.operation, first.endpoint, switch.operation, handler, config)
    check_served(pair)
    requests.check(pair, files)
    pair = filled(pair, files)
    known = next((each for each in before if _is_same(each, pair)), None)
    if known is not None and known.variable:
        return replace(pair, form="known", variable=known.variable)
    return forms.shaped(pair, files)


def _is_same(one: Pair, other: Pair) -> bool:
    """Whether two backends differ in nothing but the arguments of their constructors."""
    options = [{name: code_of(value) for name, value in each.options.items()} for each in (one, other)]
    same = one.handler.node is other.handler.node and one.handler.node is not None
    return same and options[0] == options[1] and code_of(one.handler.expression) == code_of(other.handler.expression)


_IN_A_LIFE = {"create_backend", "create_endpoint", "get_handle", "delete_endpoint", "delete_backend"}


def has_lives(group: Group) -> bool:
    """Whether an endpoint is created several times, each time with a backend of its own."""
    counts = [len(group.named(name)) for name in ("create_backend", "create_endpoint")]
    return counts[0] == counts[1] > 1 and len(group.endpoints) == 1 and bool(group.named("delete_endpoint"))


def plan_lives(group: Group, files: Files) -> Pair:
    """Decide how such a group becomes one deployment after the other: the first one, with the others as its turns.

    Raises:
        Inconvertible: it cannot.
    """
    lives = _lives(group, files)
    shared = [use for use in group.uses if use.name in ("get_handle", "delete_endpoint", "delete_backend")]
    pairs = [plan(Group(group.tags, group.endpoints, (*made, *shared)), files) for made in lives]
    places = [each.at for each in pairs]
    dropped = [use.operation for made in lives[1:] for use in made if use.operation not in places]
    has_tags, is_mixed = len(group.tags) > 1, are_mixed(pairs, files)
    return replace(pairs[0], turns=pairs[1:], has_tags=has_tags, is_mixed=is_mixed, dropped=dropped)


def _too_many(group: Group) -> Inconvertible:
    name = next(iter(group.endpoints))[-1]
    return Inconvertible(SC122, f"the endpoint {name!r} is created in {len(group.named('create_endpoint'))} places")


def _lives(group: Group, files: Files) -> list[list[Use]]:
    """The creations of each life, in their order; the endpoint is deleted between two of them."""
    endpoints = group.named("create_endpoint")
    home = files[endpoints[0].path]
    order, block = home.tree.order, home.block(endpoints[0].operation.call)
    for use in group.uses:
        if use.name not in _IN_A_LIFE:
            raise _too_many(group)
        if use.name == "get_handle":
            continue
        here = use.path == home.path and home.block(use.operation.call) is block
        if not here or not home.stands_alone(use.operation.call):
            raise _too_many(group)

    def ordered(*names: str) -> list[Use]:
        return sorted(group.named(*names), key=lambda use: order[use.operation.call])

    lives = [
        [backend, endpoint]
        for backend, endpoint in zip(ordered("create_backend"), ordered("create_endpoint"), strict=True)
    ]
    if any(endpoint.tag != backend.tag for backend, endpoint in lives):
        raise _too_many(group)
    for before, after in pairwise(lives):
        end = max(order[use.operation.call] for use in before)
        start = min(order[use.operation.call] for use in after)
        if not any(end < order[use.operation.call] < start for use in group.named("delete_endpoint")):
            raise _too_many(group)
    return lives
