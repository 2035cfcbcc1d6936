"""Deployments by their names: under which one a program looks them up, and what runs under it at a place."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import deployment_name, is_repeatable, literal
from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.values import Deployment, Named, Node
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.program import Program

SC211 = Rule(
    "SC211",
    "serve.get_deployment(name) goes",
    "serve",
    "What it was used for has calls of its own: serve.get_app_handle, serve.delete, serve.status, serve.run.",
    differs="A deployment that does not exist shows in the call that uses it.",
)


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


Deployed = tuple[cst.Call, Deployment]


def deployments(program: Program) -> list[Deployed] | None:
    """Every deployment of the file with the `.deploy()` or `.bind()` that makes it run, in the order of the source.

    None where the name of one is no literal.
    """
    found = [(call, value) for call, value in program.receivers("deploy") if isinstance(value, Deployment)]
    for call in program.infer.calls.by_name.get("bind", ()):
        found += [(call, value.deployment) for value in program.infer.of(call) if isinstance(value, Node)]
    if any(literal(deployment_name(value)) is None for _, value in found):
        return None
    return sorted(found, key=lambda each: program.tree.order[each[0]])


def running_as(program: Program, name: str, place: cst.CSTNode) -> Deployed | None:
    """What runs under the name at the place.

    That of the only call for it, or of the last one before the place in one straight list of statements.
    """
    found = [each for each in deployments(program) or () if literal(deployment_name(each[1])) == name]
    if len(found) < 2:
        return found[0] if found else None
    block = _block(program, place)
    if block is None or any(_block(program, call) is not block for call, _ in found):
        return None
    before = [each for each in found if program.tree.order[each[0]] < program.tree.order[place]]
    return before[-1] if before else None


def _block(program: Program, node: cst.CSTNode) -> cst.CSTNode | None:
    line = program.tree.statement(node)
    block = program.tree.parents.get(line) if line is not None else None
    function = block is not None and isinstance(program.tree.parents.get(block), cst.FunctionDef)
    return block if isinstance(block, cst.Module) or function else None


def is_changed_by_name(program: Program, name: str, place: cst.CSTNode) -> bool:
    """Did a `get_deployment(name)` deploy something else before?"""
    return any(
        isinstance(value, Named) and literal(value.name) in (None, name) and (value.options or call.args)
        for call, value in program.receivers("deploy")
        if program.tree.order[call] < program.tree.order[place]
    )
