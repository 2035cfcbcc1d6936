"""Which of the assignments to a name reach a place where it is read: a cheap over-approximation."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from serve_compat.migrate.analysis.tree import Binding, Tree

_LOOPS = (cst.For, cst.While)


def reaching(tree: Tree, name: cst.Name, at: cst.CSTNode | None = None) -> list[Binding]:
    """The bindings of the name that may be in force where it is read, or would be if it were read at another place.

    All of them, unless an assignment of the same scope certainly runs before the place: then that one, and those that
    may run between the two.
    """
    place = name if at is None else at
    bindings = tree.scopes[place].lookup(name.value)
    if len(bindings) < 2 or any(each.node not in tree.order for each in bindings):
        return bindings
    home = tree.scopes[place]
    if home.bindings.get(name.value) is not bindings or home.is_class:
        return bindings
    certain = _certain(tree, place, bindings)
    if certain is None:
        return bindings
    start, here = tree.order[certain.node], tree.order[place]
    return [
        each
        for each in bindings
        if each is certain
        or (start < tree.order[each.node] < here and not _is_around(tree, each, place))
        or (tree.order[each.node] > start and _loop_brings_back(tree, each.node, place, start))
    ]


def _is_around(tree: Tree, binding: Binding, name: cst.CSTNode) -> bool:
    """Is the name read while the binding's own value is computed?"""
    return binding.kind == "value" and binding.node in (name, *tree.ancestors(name))


def _loop_brings_back(tree: Tree, binding: cst.CSTNode, name: cst.CSTNode, start: int) -> bool:
    around = set(tree.ancestors(binding))
    return any(
        isinstance(each, _LOOPS) and each in around and tree.order[each] > start for each in tree.ancestors(name)
    )


def _certain(tree: Tree, name: cst.CSTNode, bindings: list[Binding]) -> Binding | None:
    """The last binding that certainly ran before: it stands earlier in a block around the name, or in its `for`."""
    by_line: dict[cst.CSTNode, Binding] = {}
    for each in bindings:
        line = _own_line(tree, each)
        if line is not None:
            by_line[line] = each
    for block, statement in _blocks(tree, name):
        body = list(block.body)
        for earlier in reversed(body[: body.index(statement)]):
            if earlier in by_line:
                return by_line[earlier]
        owner = tree.parents.get(block)
        if isinstance(owner, cst.For) and owner in by_line:
            return by_line[owner]
    return None


def _own_line(tree: Tree, binding: Binding) -> cst.CSTNode | None:
    """The statement that binds unconditionally: a simple line, a definition, or the `for` whose variable it is."""
    if binding.kind == "element":
        parent = tree.parents.get(binding.node)
        return parent if isinstance(parent, cst.For) else None
    if binding.kind == "definition":
        return binding.node
    if binding.kind not in ("value", "import"):
        return None
    statement = tree.statement(binding.node)
    return statement if isinstance(statement, cst.SimpleStatementLine) else None


def _blocks(
    tree: Tree, node: cst.CSTNode
) -> Iterator[tuple[cst.IndentedBlock | cst.Module, cst.BaseStatement | cst.SimpleStatementLine]]:
    """(block, statement in it) around the node, innermost first, up to the function or module."""
    child = node
    for parent in tree.ancestors(node):
        if isinstance(parent, cst.IndentedBlock | cst.Module) and isinstance(child, cst.BaseStatement):
            yield parent, child
        if isinstance(parent, cst.FunctionDef):
            return
        child = parent
