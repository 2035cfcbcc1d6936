"""What has to stay takes with it what depends on it, until nothing that goes depends on what stays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import libcst as cst

from serve_compat.migrate.deployment.decide.decisions import Decisions
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.handle_ties import meets_staying, takes_nothing, unlike
from serve_compat.migrate.deployment.decide.naming import keeps_tag, means_the_same, reads_own_tag
from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.decide.planning import check_handle
from serve_compat.migrate.deployment.decide.receivers import receivers
from serve_compat.migrate.deployment.decide.requests import flask_uses
from serve_compat.migrate.deployment.find.file import LISTS, Analysis
from serve_compat.migrate.deployment.find.groups import SC123, Group, Use, is_known
from serve_compat.migrate.deployment.find.handle_uses import SC124
from serve_compat.migrate.deployment.find.handlers import SC127, handler_of
from serve_compat.migrate.deployment.find.listings import SC113, SC125
from serve_compat.migrate.deployment.find.staying import Inconvertible

_ANY_ENDPOINT = ("get_handle", "delete_endpoint", "delete_backend")


def settle(made: Decisions) -> None:
    """Drop what depends on what stays."""
    while True:
        before = len(made.problems)
        for file in made.files:
            _settle_file(file, made)
        _settle_ties(made)
        if len(made.problems) == before:
            return


def _settle_file(file: Analysis, made: Decisions) -> None:
    mine = made.by_path[file.path]
    for use in file.uses:
        if use.operation.is_opaque:
            made.fail([group for group in mine if group.creates], SC123, use.operation.odd, use)
    for group in [each for each in mine if each in made.open]:
        reason = _why_not_open(group, file, made)
        if reason is not None and group in made.open:
            made.fail([group], reason.rule, reason.message)
            why = f"which one {group.uses[0].name}() means here is only known at run time"
            made.fail(mine, SC123, why, group.uses[0])
    renamed = [group for group in mine if group in made.pairs and not keeps_tag(made.pairs[group])]
    if renamed and reads_own_tag(file) is not None:
        made.fail(renamed, SC125, "a replica reads the tag of its backend, which its deployment would not have")
    pairs = made.owned(file.path).pairs
    guards = {guard.listing for pair in pairs if pair.home is file for guard in pair.guards}
    for use in file.uses:
        if use.operation.call in guards:
            continue
        if use.name in LISTS and not _lists_names(use, file, made) and not _may_print(use, file):
            message = f"what {use.name}() tells is used, which is not the same for deployments"
            made.fail(mine, SC125, message, use)


def _why_not_open(group: Group, file: Analysis, made: Decisions) -> Inconvertible | None:
    """Why operations on something that only run time knows cannot follow."""
    mine = [each for each in made.by_path[file.path] if each.creates]
    if not mine or any(not made.converts(each) for each in mine):
        return Inconvertible(SC123, "which endpoint this is, is only known at run time")
    pairs = made.owned(file.path).pairs
    if group.named("get_handle") and any(takes_nothing(each, file) for each in pairs):
        return Inconvertible(SC124, "it may be a handle of an endpoint that takes no request")
    odd = next((use for use in group.uses if use.name not in _ANY_ENDPOINT), None)
    if odd is not None:
        return Inconvertible(SC123, f"which one {odd.name}() means here is only known at run time")
    for use in group.named("delete_backend"):
        twin = [each for each in file.uses if each.name == "delete_endpoint" and not is_known(each.endpoint)]
        here = file.tree.enclosing_function(use.operation.call)
        if not any(file.tree.enclosing_function(each.operation.call) is here for each in twin):
            return Inconvertible(SC123, "which backend is deleted here is only known at run time")
    try:
        for use in group.named("get_handle"):
            check_handle(use, file, None)
    except Inconvertible as reason:
        return reason
    return None


def _lists_names(use: Use, file: Analysis, made: Decisions) -> bool:
    """Whether only the names in a listing matter, and they stay the same or are known."""
    is_split = any(group in made.splits for group in made.by_path[file.path])
    return not is_split and means_the_same(use, file, made.owned(file.path))


def _may_print(use: Use, file: Analysis) -> bool:
    """Whether a listing is only printed, and the user said that this may change."""
    arg = file.tree.parents.get(use.operation.call)
    call = file.tree.parents.get(arg) if isinstance(arg, cst.Arg) else None
    prints = isinstance(call, cst.Call) and isinstance(call.func, cst.Name) and call.func.value == "print"
    return prints and file.file.allows(SC113)


def _settle_ties(made: Decisions) -> None:
    """Handlers that change must not serve a backend that stays; one call must not mean handles of both kinds."""
    staying = {group for group in made.groups if not made.converts(group) and group not in made.open}
    served = _served(staying, made.files)
    for group, pair in made.every_pair():
        handler = pair.handler
        shared = handler.here and handler.node is not None and bool({handler.node, handler.body} & served)
        if shared and _changes(pair, made.files):
            made.fail([group], SC127, "its handler also serves a backend that stays", group.uses[0])
    for path, mine in made.by_path.items():
        _settle_handles(made.files[path], mine, made, staying & set(mine))


def _served(staying: Iterable[Group], files: Files) -> set[cst.CSTNode | None]:
    """The functions and classes behind backends that stay, and their methods that answer."""
    found: set[cst.CSTNode | None] = set()
    for use in (use for group in staying for use in group.named("create_backend")):
        file, expression = files[use.path], use.operation.arg("func_or_class")
        if expression is not None:
            handler = handler_of(expression, file.constants, file.file)
            found |= {handler.node, handler.body} if handler.here else set()
    return found - {None}


def _changes(pair: Pair, files: Files) -> bool:
    return any(flask_uses(each, pair) for each in receivers(pair, files)) or pair.is_batch


def _settle_handles(file: Analysis, mine: Sequence[Group], made: Decisions, staying: Collection[Group]) -> None:
    for group in [each for each in mine if made.converts(each) or each in made.open]:
        use = meets_staying(file, group, staying)
        if use is not None:
            made.fail([group], SC124, "a call may mean this endpoint or one that stays", use)
    for use in unlike(file, made.owned(file.path).pairs):
        groups = [group for group in mine if group in made.pairs and use in group.uses]
        made.fail(groups, SC124, "a call may mean one of several endpoints, of which one takes no request", use)
