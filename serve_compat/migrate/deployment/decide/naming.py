"""A deployment has one name where a backend and its endpoint had two: which of the two, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import text
from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import Use, is_known, key_of
from serve_compat.migrate.deployment.find.listings import asked_name, reading


@dataclass(frozen=True)
class Owned:
    """What a file has part in.

    Attributes:
        pairs: its deployments.
        by_tags: they are named by the tags of their backends.
    """

    pairs: Sequence[Pair]
    by_tags: bool


def wants_tags(file: Analysis) -> bool:
    """Whether the file reads the tags of its backends, and nothing needs the names of its endpoints."""
    reads = {name: {reading(use.operation.call, file) for use in file.uses if use.name == name} for name in _LISTS}
    if not ("names" in reads["list_backends"] or reads_own_tag(file)) or reads["list_endpoints"] & {"names", "more"}:
        return False
    for group in file.groups:
        lost = [use for use in group.uses if use.name == "get_handle" or not _is_looped(use, file)]
        if not group.creates and group.endpoints and lost:
            return False
    return True


_LISTS = ("list_backends", "list_endpoints")


def reads_own_tag(file: Analysis) -> cst.BaseExpression | None:
    """A place where a replica asks for the tag of its backend, or looks at its own, which begins with that."""
    for node in file.tree.nodes(cst.Call, cst.Attribute):
        if isinstance(node, cst.Call) and file.names.serve_name(node.func) in _OWN_TAGS:
            return node
        if isinstance(node, cst.Attribute) and node.attr.value == "backend_tag":
            asked = file.constants.value(node.value)
            if isinstance(asked, cst.Call) and file.names.serve_name(asked.func) == "get_replica_context":
                return node
    return None


_OWN_TAGS = ("get_current_backend_tag", "get_current_replica_tag")


def _is_looped(use: Use, file: Analysis) -> bool:
    """Whether it deletes each name of a listing."""
    loops = [each for each in file.tree.ancestors(use.operation.call) if isinstance(each, cst.For)]
    return any(
        reading(other.operation.call, file) == "deleted" and loop in file.tree.ancestors(other.operation.call)
        for other in file.uses
        if other.name in _LISTS
        for loop in loops
    )


def means_the_same(use: Use, file: Analysis, owned: Owned) -> bool:
    """Whether what the file reads of a listing is the same when deployments are listed."""
    kind = reading(use.operation.call, file)
    if kind == "asked":
        return renamed(use, file, owned) is not None
    if kind in ("names", "counted", "deleted") and use.name == "list_endpoints" and not owned.by_tags:
        return True
    if kind == "names":
        return all(not pair.has_tags and _is_named_as(pair, use.name) for pair in owned.pairs)
    return kind == "deleted" or (kind == "counted" and not any(pair.has_tags for pair in owned.pairs))


def keeps_tag(pair: Pair) -> bool:
    """Whether a deployment is called as its backend was."""
    return not pair.has_tags and (pair.by_tag or pair.group.tags == pair.group.endpoints)


def _is_named_as(pair: Pair, listing: str) -> bool:
    return pair.group.tags == pair.group.endpoints or pair.by_tag == (listing == "list_backends")


def renamed(use: Use, file: Analysis, owned: Owned) -> cst.BaseExpression | None:
    """The deployment's name in the place of the one that is looked for in a listing; None if that is not known."""
    asked = asked_name(use.operation.call, file)
    if asked is None:
        return None
    key = key_of(asked, file.path, file.names, file.constants)
    for pair in owned.pairs:
        keys = pair.group.tags if use.name == "list_backends" else pair.group.endpoints
        if key in keys:
            if pair.has_tags and use.name == "list_backends":
                return None
            same = pair.group.tags == pair.group.endpoints or pair.by_tag == (use.name == "list_backends")
            return asked if same else _name_at(pair, asked, file)
    if use.name == "list_endpoints" and not owned.by_tags:
        return asked
    if all(pair.group.tags == pair.group.endpoints for pair in owned.pairs):
        return asked
    taken = any(pair.home.constants.text(pair.name) in (None, key[-1]) or pair.has_tags for pair in owned.pairs)
    return asked if is_known(key) and not taken else None


def _name_at(pair: Pair, place: cst.BaseExpression, file: Analysis) -> cst.BaseExpression | None:
    """The deployment's name as an expression at a place: the same one if its names mean the same there."""
    tree = file.tree
    if pair.home is file and all(
        tree.scopes[place].lookup(each.value) == tree.scopes[each].lookup(each.value)
        for each in walk(pair.name)
        if isinstance(each, cst.Name) and each in tree.scopes
    ):
        return pair.name
    known = pair.home.constants.text(pair.name)
    return text(known) if known is not None else None
