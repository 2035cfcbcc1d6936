"""A module's nodes with their parents and scopes: what the serve stage asks about the place of a node.

LibCST's own scope and parent providers copy the tree and take ten times as long as parsing; this needs one walk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import libcst as cst

from serve_compat.migrate.analysis.children import children

Node = TypeVar("Node", bound=cst.CSTNode)
Kind = Literal["value", "element", "param", "definition", "import", "with", "unknown"]
FUNCTIONS = (cst.FunctionDef, cst.Lambda)
COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)
# Looked up by exact type: asking LibCST's classes with isinstance, for each node, was a third of the tool's time.
_SCOPES = frozenset((*FUNCTIONS, cst.ClassDef, *COMPREHENSIONS))
_ASSIGNMENTS = (cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.AugAssign, cst.For, cst.CompFor, cst.WithItem)
_BINDERS = frozenset(
    (*_ASSIGNMENTS, cst.ExceptHandler, cst.FunctionDef, cst.ClassDef, cst.Param, cst.Import, cst.ImportFrom)
)


@dataclass(frozen=True, eq=False)
class Binding:
    """One way in which a name gets a value.

    Attributes:
        kind: "value" (`x = node`), "element" (`for x in node`), "with" (`with node as x`), "definition" (node is the
            class or function), "param" (node is the Param), "import" (target is the dotted name) or "unknown".
        node: the node the kind speaks about.
        target: the dotted name of an import, "" otherwise.
        path: positions to take when a value is unpacked: `a, (b, c) = node` binds c with (1, 1).
    """

    kind: Kind
    node: cst.CSTNode
    target: str = ""
    path: tuple[int, ...] = ()


@dataclass(eq=False)
class Scope:
    """A region of names: the module, a class, a function, a comprehension."""

    node: cst.CSTNode
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)  # `global` and `nonlocal` names

    def bind(self, name: str, binding: Binding) -> None:
        """Note one more way in which a name of this scope gets a value."""
        home = self.root() if name in self.elsewhere else self
        home.bindings.setdefault(name, []).append(binding)

    def root(self) -> Scope:
        """The module's scope."""
        return self if self.parent is None else self.parent.root()

    def lookup(self, name: str) -> list[Binding]:
        """What the name may be bound to here, nearest scope first; empty for builtins and unknown names."""
        scope: Scope | None = self
        first = True
        while scope is not None:
            if name in scope.bindings and name not in scope.elsewhere and (first or not scope.is_class):
                return scope.bindings[name]
            scope, first = scope.parent, False
        return []

    def import_name(self, is_meant: Callable[[Binding], bool]) -> str | None:
        """The nearest name that an import gives to what is meant; None where it has none here."""
        for name, bindings in self.bindings.items():
            if any(each.kind == "import" and is_meant(each) for each in bindings):
                return name
        return self.parent.import_name(is_meant) if self.parent is not None else None

    @property
    def is_class(self) -> bool:
        """Functions inside do not see names of a class."""
        return isinstance(self.node, cst.ClassDef)


class Tree:
    """Parents and scopes of all nodes of a module but whitespace and punctuation, collected in one walk."""

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self.scopes: dict[cst.CSTNode, Scope] = {}
        self.order: dict[cst.CSTNode, int] = {}
        self._of_kind: dict[type[cst.CSTNode], list[cst.CSTNode]] = defaultdict(list)
        self.root = Scope(module, None)
        self._walk(module, self.root)

    def _walk(self, module: cst.Module, root: Scope) -> None:
        stack: list[tuple[cst.CSTNode, Scope]] = [(module, root)]
        binding: list[tuple[cst.CSTNode, Scope]] = []
        while stack:
            node, scope = stack.pop()
            self.order[node] = len(self.order)
            self.scopes[node] = scope
            kind = type(node)
            self._of_kind[kind].append(node)
            if kind in _BINDERS:
                binding.append((node, scope))
            elif isinstance(node, cst.Global | cst.Nonlocal):
                scope.elsewhere.update(item.name.value for item in node.names)
            below = children(node)
            self.parents.update(dict.fromkeys(below, node))
            if kind in _SCOPES:
                inner = Scope(node, scope)
                stack += [(each, inner if _belongs_inside(node, each) else scope) for each in reversed(below)]
            else:
                stack += [(each, scope) for each in reversed(below)]
        for node, scope in binding:  # when all `global` names are known
            _bind(node, scope)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The node's parents, innermost first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def enclosing_function(self, node: cst.CSTNode) -> cst.FunctionDef | cst.Lambda | None:
        """The innermost function or lambda around the node, not counting one whose decorator or default it is."""
        child = node
        for parent in self.ancestors(node):
            if isinstance(parent, FUNCTIONS) and _belongs_inside(parent, child):
                return parent
            child = parent
        return None

    def enclosing_class(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """The innermost class around the node."""
        return next((each for each in self.ancestors(node) if isinstance(each, cst.ClassDef)), None)

    def statement(self, node: cst.CSTNode) -> cst.SimpleStatementLine | cst.BaseCompoundStatement | None:
        """The whole statement line, or the compound statement in whose head the node stands."""
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            return node
        for parent in self.ancestors(node):
            if isinstance(parent, cst.SimpleStatementLine | cst.BaseCompoundStatement):
                return parent
        return None

    def expressions(self) -> list[cst.BaseExpression]:
        """All expressions, in the order of the source."""
        return [node for node in self.order if isinstance(node, cst.BaseExpression)]

    def nodes(self, *kinds: type[Node]) -> list[Node]:
        """All nodes of exactly these kinds, in the order of the source."""
        found: list[Any] = [node for kind in kinds for node in self._of_kind.get(kind, ())]
        return found if len(kinds) == 1 else sorted(found, key=self.order.__getitem__)

    @cached_property
    def names(self) -> dict[str, list[cst.Name]]:
        """All names by what they say, in the order of the source."""
        found: dict[str, list[cst.Name]] = defaultdict(list)
        for node in self.nodes(cst.Name):
            found[node.value].append(node)
        return found


def _belongs_inside(node: cst.CSTNode, child: cst.CSTNode) -> bool:
    if isinstance(node, cst.FunctionDef):
        return child is node.body or child is node.params
    if isinstance(node, cst.ClassDef):
        return child is node.body
    return isinstance(node, (cst.Lambda, *COMPREHENSIONS))


def dotted(node: cst.CSTNode | None) -> str:
    """`a.b.c` of a chain of names, "" of anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr.value}" if base else ""
    return ""


def _bind(node: cst.CSTNode, scope: Scope) -> None:
    if isinstance(node, cst.Assign):
        for target in node.targets:
            _bind_target(target.target, node.value, scope, "value")
    elif isinstance(node, cst.AnnAssign | cst.NamedExpr):
        if node.value is not None:
            _bind_target(node.target, node.value, scope, "value")
    elif isinstance(node, cst.AugAssign):
        _bind_target(node.target, node.value, scope, "unknown")
    elif isinstance(node, cst.For | cst.CompFor):
        _bind_target(node.target, node.iter, scope, "element")
    elif isinstance(node, cst.WithItem) and node.asname is not None:
        _bind_target(node.asname.name, node.item, scope, "with")
    elif isinstance(node, cst.ExceptHandler) and node.name is not None:
        _bind_target(node.name.name, node, scope, "unknown")
    elif isinstance(node, cst.FunctionDef | cst.ClassDef):
        scope.bind(node.name.value, Binding("definition", node))
    elif isinstance(node, cst.Param):
        scope.bind(node.name.value, Binding("param", node))
    elif isinstance(node, cst.Import):
        _bind_import(node, scope)
    elif isinstance(node, cst.ImportFrom):
        _bind_import_from(node, scope)


def _bind_target(target: cst.CSTNode, value: cst.CSTNode, scope: Scope, kind: Kind, path: tuple[int, ...] = ()) -> None:
    if isinstance(target, cst.Name):
        scope.bind(target.value, Binding(kind, value, path=path))
    elif isinstance(target, cst.Tuple | cst.List):
        for number, element in enumerate(target.elements):
            starred = isinstance(element, cst.StarredElement)
            _bind_target(element.value, value, scope, "unknown" if starred else kind, (*path, number))


def _bind_import(node: cst.Import, scope: Scope) -> None:
    for alias in node.names:
        full = dotted(alias.name)
        if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
            scope.bind(alias.asname.name.value, Binding("import", node, full))
        else:
            first = full.split(".")[0]
            scope.bind(first, Binding("import", node, first))


def _bind_import_from(node: cst.ImportFrom, scope: Scope) -> None:
    base = "." * len(node.relative) + dotted(node.module)
    if isinstance(node.names, cst.ImportStar):
        return
    for alias in node.names:
        asname = alias.asname.name if alias.asname is not None else alias.name
        if isinstance(asname, cst.Name):
            scope.bind(asname.value, Binding("import", node, f"{base}.{dotted(alias.name)}"))
