"""Nodes in lists and dicts: their results arrived as ObjectRefs, which the code of a graph waits for itself."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.uses import is_load
from serve_compat.migrate.analysis.values import Deployment, Node
from serve_compat.migrate.serve.program import Program


def gets_of(program: Program, node: cst.Call, arg: cst.Arg) -> list[cst.Call]:
    """The calls of ray.get by which the receiver of an argument waits for all of its results.

    Empty where it does more with them than that, or is defined elsewhere: it needs ObjectRefs then.

    Args:
        node: `function.bind(...)` or `object.method.bind(...)`.
        arg: one of its arguments.
    """
    function = _receiver(program, node)
    name = _parameter(function, node, arg) if function is not None else ""
    if function is None or not name:
        return []
    found = []
    for each in program.tree.names.get(name, ()):
        if not is_load(program.tree, each):
            continue
        if not any(binding.kind == "param" for binding in program.tree.scopes[each].lookup(name)):
            continue
        if function not in program.tree.ancestors(each):
            continue
        use = program.uses.of(each)
        if use.kind != "got" or not isinstance(use.node, cst.Call) or len(use.node.args) != 1:
            return []
        found.append(use.node)
    return found


def _receiver(program: Program, node: cst.Call) -> cst.FunctionDef | None:
    owner = node.func.value if isinstance(node.func, cst.Attribute) else None
    for value in program.infer.of(owner):
        if isinstance(value, Deployment) and isinstance(value.code, cst.FunctionDef):
            return value.code
    if not isinstance(owner, cst.Attribute):
        return None
    for value in program.infer.of(owner.value):
        if isinstance(value, Node) and isinstance(value.deployment.code, cst.ClassDef):
            for method in value.deployment.code.body.body:
                if isinstance(method, cst.FunctionDef) and method.name.value == owner.attr.value:
                    return method
    return None


def _parameter(function: cst.FunctionDef, node: cst.Call, arg: cst.Arg) -> str:
    if arg.keyword is not None:
        return arg.keyword.value
    names = [each.name.value for each in (*function.params.posonly_params, *function.params.params)]
    place = [each for each in node.args if each.keyword is None].index(arg) + (names[:1] == ["self"])
    return names[place] if place < len(names) else ""


def waited(updated: cst.CSTNode) -> cst.CSTNode:
    """What stands for `ray.get(values)`."""
    assert isinstance(updated, cst.Call)
    return updated.args[0].value
