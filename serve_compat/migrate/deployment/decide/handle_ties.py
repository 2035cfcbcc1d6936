"""Calls that several handles may make: what one of them needs, all of them get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import Group, Use
from serve_compat.migrate.deployment.find.handle_uses import method_names
from serve_compat.migrate.deployment.find.handlers import request_parameter
from serve_compat.migrate.deployment.find.operations import EARLY


def meets_staying(file: Analysis, group: Group, staying: Iterable[Group]) -> Use | None:
    """A handle of the group of which a call may also be one of an endpoint that stays."""
    stays = {use.operation.call for other in staying for use in other.named("get_handle") if use.path == file.path}
    lasting = {call.node for origin in stays if origin in file.handles for call in file.handles[origin].calls}
    for use in group.named("get_handle"):
        known = file.handles.get(use.operation.call) if use.path == file.path else None
        if known is not None and any(call.node in lasting for call in known.calls):
            return use
    return None


def unlike(file: Analysis, pairs: Iterable[Pair]) -> Iterator[Use]:
    """Handles with calls that may reach one of several deployments, of which one takes no request."""
    owner: dict[cst.CSTNode, tuple[Pair, Use]] = {
        use.operation.call: (pair, use)
        for pair in pairs
        for use in pair.group.named("get_handle")
        if use.path == file.path and pair.create.generation != EARLY
    }
    for node, origins in file.origins.items():
        met = [owner[each] for each in origins if each in owner]
        mixed = len({pair for pair, _ in met}) > 1 or any(pair.is_mixed for pair, _ in met)
        if mixed and any(takes_nothing(pair, file, node) for pair, _ in met):
            yield from (use for _, use in met)


def takes_nothing(pair: Pair, file: Analysis, call: cst.CSTNode | None = None) -> bool:
    """Whether a method of the handler that calls may reach takes no request.

    Args:
        call: one call of a handle in the file; by default that of `__call__`.
    """
    names: set[str | None] = {"__call__"} if call is None else set()
    for uses in file.handles.values():
        for each in uses.calls:
            if each.node is call:
                names |= method_names(uses, each, file.constants)
    handlers = [each.handler for each in (pair, *pair.turns)]
    functions = [(handler, handler.method(name)) for handler in handlers for name in names if name is not None]
    return any(
        function is not None and request_parameter(function, handler.is_class) is None
        for handler, function in functions
    )
