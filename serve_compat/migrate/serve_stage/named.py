"""Deployments that a program looks up, by `get_deployment()` or in `list_deployments()`: their names."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.expressions import is_repeatable, literal
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.reaching import reaching
from serve_compat.migrate.serve_stage.values import Named


def key_of(program: Program, receiver: cst.BaseExpression) -> cst.BaseExpression | None:
    """The expression of the name under which the deployment was looked up.

    None where it cannot be told, or where several meet.
    """
    found = [value for value in program.infer.of(receiver) if isinstance(value, Named)]
    keys = [value.name if value.name is not None else _loop_name(program, receiver) for value in found]
    first = keys[0] if keys else None
    if first is None or not is_repeatable(first):
        return None
    return first if all(each is not None and each.deep_equals(first) for each in keys) else None


def _loop_name(program: Program, receiver: cst.BaseExpression) -> cst.BaseExpression | None:
    """`name` of `for name, deployment in serve.list_deployments().items()`, and `deployment` of `.values()`.

    The latter because it is the names over which the converted loop goes.
    """
    while isinstance(receiver, cst.Call) and isinstance(receiver.func, cst.Attribute):
        receiver = receiver.func.value
    bindings = reaching(program.tree, receiver) if isinstance(receiver, cst.Name) else []
    if len(bindings) != 1 or bindings[0].kind != "element":
        return None
    loop = program.tree.parents.get(bindings[0].node)
    target = loop.target if isinstance(loop, cst.For | cst.CompFor) else None
    if bindings[0].path == () and isinstance(target, cst.Name):
        return target
    if bindings[0].path == (1,) and isinstance(target, cst.Tuple) and isinstance(target.elements[0].value, cst.Name):
        return target.elements[0].value
    return None


def application(program: Program) -> str | None:
    """The source of the name of the application in which the file's deployments run.

    "" where each has an application of its own, None where both kinds meet.
    """
    runs = [
        each
        for each in program.infer.calls.by_name.get("run", ())
        if program.infer.library(each.func) == "ray.serve.run"
    ]
    if not runs:
        return ""
    names = set()
    for run in runs:
        given = next((arg.value for arg in run.args if arg.keyword is not None and arg.keyword.value == "name"), None)
        names.add(program.code(given) if given is not None and literal(given) else '"default"')
    return names.pop() if len(names) == 1 and not program.infer.calls.by_name.get("deploy") else None


def status_of(program: Program, serve: str, key: cst.BaseExpression) -> str | None:
    """The source of what serve.status() knows about the deployment; None where its application cannot be told."""
    app, code = application(program), program.code(key)
    if app is None:
        return None
    return f"{serve}.status().applications[{app or code}].deployments[{code}]"
