"""What an expression of a Serve program may stand for, as far as a migration needs to know.

An expression has a frozenset of these values. An empty set means: nothing of Serve, or not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import libcst as cst

Flavor = Literal["sync", "async", "graph"]


@dataclass(frozen=True)
class Library:
    """A name that comes from an import: `ray.serve.deployment`; serve_compat's names count as those of ray.serve."""

    name: str


Code = cst.ClassDef | cst.FunctionDef


@dataclass(frozen=True, eq=False)
class Deployment:
    """What `@serve.deployment` or the call form makes, or `.options()` of it.

    Attributes:
        origin: the decorated class or function, or the call that makes the deployment.
        code: the class or function that is served, where this file defines it.
        code_name: its name, "" where it has none that can be read (a lambda, a value of run time).
        calls: the calls that carry options, in their order: decorator first, then each `.options()`.
        others: what else of this file may be served by the same call, in a loop for example.
    """

    origin: cst.CSTNode
    code: Code | None
    code_name: str
    calls: tuple[cst.Call, ...]
    module: str = ""  # where it is imported from
    others: tuple[Code, ...] = ()

    @property
    def codes(self) -> tuple[Code, ...]:
        """All that may be served."""
        return self.others if self.code is None else (self.code, *self.others)

    def option(self, *names: str) -> cst.BaseExpression | None:
        """The expression of an option, the last call that gives it winning."""
        for call in reversed(self.calls):
            for arg in call.args:
                if arg.keyword is not None and arg.keyword.value in names:
                    return arg.value
        return None


@dataclass(frozen=True, eq=False)
class Maker:
    """`serve.deployment(...)` with options only: calling it with a class makes the deployment."""

    call: cst.Call


@dataclass(frozen=True)
class Named:
    """`serve.get_deployment(name)`, or `.options()` of it, or an entry of `serve.list_deployments()`.

    Attributes:
        call: the call of get_deployment, of a method of the listing, or the subscript.
        options: the calls of `.options()` after it.
    """

    call: cst.Call | cst.Subscript
    options: tuple[cst.Call, ...] = ()

    @property
    def name(self) -> cst.BaseExpression | None:
        """The expression of the name that is looked up; None of an entry that a loop gives."""
        if isinstance(self.call, cst.Subscript):
            index = self.call.slice[0].slice if len(self.call.slice) == 1 else None
            return index.value if isinstance(index, cst.Index) else None
        return next((arg.value for arg in self.call.args if arg.keyword is None or arg.keyword.value == "name"), None)


@dataclass(frozen=True)
class Handle:
    """A handle.

    Attributes:
        origin: the call that makes it, or the parameter that receives it from a graph.
        flavor: "sync" (calls return an ObjectRef), "async" (a coroutine of one), "graph" (either, by release).
    """

    origin: cst.CSTNode
    flavor: Flavor


@dataclass(frozen=True)
class Ref:
    """The ObjectRef that a call of a handle gives."""

    source: cst.Call
    flavor: Flavor = "sync"


@dataclass(frozen=True)
class Pending:
    """The coroutine of an asynchronous handle call: awaiting it gives a Ref."""

    source: cst.Call
    flavor: Flavor = "async"


@dataclass(frozen=True)
class Gather:
    """`asyncio.gather(...)` of calls."""

    items: frozenset[Value]


@dataclass(frozen=True)
class Box:
    """A list, dict or set of such values; iterating over a mapping gives its keys and not them."""

    items: frozenset[Value]
    mapping: bool = False


@dataclass(frozen=True)
class Row:
    """A tuple, position by position."""

    items: tuple[frozenset[Value], ...]


@dataclass(frozen=True)
class Node:
    """`.bind()` of a deployment."""

    call: cst.Call
    deployment: Deployment


@dataclass(frozen=True)
class MethodNode:
    """`node.method.bind()`, or a node of the request's input."""

    call: cst.CSTNode


@dataclass(frozen=True)
class Listing:
    """What `serve.list_deployments()` returns."""

    call: cst.Call


@dataclass(frozen=True)
class Function:
    """A function, method or lambda of this file."""

    node: cst.FunctionDef | cst.Lambda


@dataclass(frozen=True)
class Class:
    """A class of this file."""

    node: cst.ClassDef


@dataclass(frozen=True)
class Instance:
    """An object of a class of this file."""

    node: cst.ClassDef


@dataclass(frozen=True)
class Client:
    """What `serve.start()` returned."""

    call: cst.Call


@dataclass(frozen=True)
class Other:
    """Something beside the values of Serve that an expression may also stand for."""


Value = (
    Other
    | Library | Deployment | Maker | Named | Handle | Ref | Pending | Gather | Box | Row | Node | MethodNode | Listing
    | Function | Class | Instance | Client
)  # fmt: skip
Values = frozenset[Value]
NOTHING: Values = frozenset()
OTHER = Other()


def union(parts: Iterable[tuple[cst.CSTNode, Values]]) -> Values:
    """All values of the parts; a part that is not known counts as something else, unless it is an empty literal."""
    found: set[Value] = set()
    unknown = False
    for node, values in parts:
        found |= values
        unknown = unknown or not (values or _is_empty(node))
    return frozenset(found | {OTHER}) if found and unknown else frozenset(found)


def _is_empty(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Name):
        return node.value in ("None", "True", "False")
    if isinstance(node, cst.List | cst.Tuple | cst.Dict | cst.Set):
        return not node.elements
    return isinstance(node, cst.BaseNumber | cst.BaseString) or (
        isinstance(node, cst.Call) and not node.args and isinstance(node.func, cst.Name)
    )
