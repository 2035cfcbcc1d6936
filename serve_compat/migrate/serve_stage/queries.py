"""Looking things up and taking them away: get_handle, get_deployment, list_deployments, delete, url, attributes."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.deploys import Address, address, serve_name
from serve_compat.migrate.serve_stage.expressions import is_repeatable, literal
from serve_compat.migrate.serve_stage.program import Change, Program
from serve_compat.migrate.serve_stage.urls import convert_url
from serve_compat.migrate.serve_stage.uses import is_load
from serve_compat.migrate.serve_stage.values import Deployment, Listing, Named, Node

_SAME = {"name", "func_or_class", "num_replicas", "user_config", "ray_actor_options", "options", "bind", "deploy"}
_ELSEWHERE = {"get_handle", "delete", "url", "set_options"}
_NAMED = {"get_handle", "delete", "deploy", "options", "num_replicas", "name"}


def convert_queries(program: Program) -> None:
    """Plan the changes of every attribute of a deployment, and of every listing."""
    for node in program.tree.expressions():
        if not is_load(program.tree, node):
            continue
        values = program.infer.of(node)
        if any(isinstance(value, Listing) for value in values):
            _listing(program, node)
        if any(isinstance(value, Deployment | Named) for value in values) and not _is_definition(program, node):
            _use(program, node, any(isinstance(value, Named) for value in values))


def _is_definition(program: Program, node: cst.CSTNode) -> bool:
    parent = program.tree.parents.get(node)
    return isinstance(parent, cst.Decorator)


def _use(program: Program, node: cst.CSTNode, named: bool) -> None:
    use = program.uses.of(node)
    if use.kind == "attribute" and isinstance(use.node, cst.Attribute):
        _attribute(program, use.node, named)
    elif named and use.kind == "dropped":
        _check_exists(program, node)
    elif (
        named
        and isinstance(use.node, cst.Assign | cst.AnnAssign)
        and use.kind == "flows"
        and isinstance(node, cst.Call)
    ):
        _forget(program, node)
    elif use.kind == "called" and not named:
        return  # calling a deployment is an error then and now
    elif use.kind not in ("flows", "iterated", "dropped", "subscripted") or (named and isinstance(node, cst.Call)):
        program.block(
            node, "SC213", "a deployment object is used as a value: what it shows and offers is different today"
        )


def _attribute(program: Program, node: cst.Attribute, named: bool) -> None:
    name = node.attr.value
    call = program.tree.parents[node]
    called = isinstance(call, cst.Call) and call.func is node
    if name == "get_handle" and isinstance(call, cst.Call) and called:
        _get_handle(program, call, node, named)
    elif name == "delete" and isinstance(call, cst.Call) and called:
        _delete(program, call, node, named)
    elif named:
        _named_attribute(program, node, name)
    elif name == "max_concurrent_queries":
        program.change(
            node, "SC205", "max_concurrent_queries is called max_ongoing_requests", _renamed("max_ongoing_requests")
        )
    elif name == "url":
        convert_url(program, node)
    elif name not in _SAME | _ELSEWHERE:
        program.block(node, "SC219", f"today's deployments have no attribute {name}")


def _renamed(name: str) -> Change:
    def renamed(updated: cst.CSTNode) -> cst.CSTNode:
        return updated.with_changes(attr=cst.Name(name))

    return renamed


def _name_of(
    program: Program, call: cst.CSTNode, receiver: cst.BaseExpression, named: bool
) -> cst.BaseExpression | None:
    if not named:
        assert isinstance(call, cst.Call)
        where: Address | None = address(program, call, receiver)
        return where.name if where is not None else None
    values = [value for value in program.infer.of(receiver) if isinstance(value, Named)]
    name = _first(values[0].call) if len(values) == 1 else None
    if name is None or not is_repeatable(name):
        program.block(call, "SC211", "the name of this deployment cannot be repeated here")
        return None
    return name


def _first(call: cst.Call) -> cst.BaseExpression | None:
    for arg in call.args:
        if arg.keyword is None or arg.keyword.value == "name":
            return arg.value
    return None


def _expects_key_error(program: Program, node: cst.CSTNode) -> bool:
    for parent in program.tree.ancestors(node):
        if isinstance(parent, cst.Try):
            kinds = [program.code(each.type) for each in parent.handlers if each.type is not None]
            if any("KeyError" in kind or "LookupError" in kind for kind in kinds):
                return True
    return False


def _get_handle(program: Program, call: cst.Call, node: cst.Attribute, named: bool) -> None:
    name = _name_of(program, call, node.value, named)
    if name is None or _is_too_early(program, call, node.value):
        return
    twice = _expects_key_error(program, call)
    attribute = "get_deployment_handle" if twice else "get_app_handle"
    made = cst.Call(
        cst.Attribute(serve_name(program, call), cst.Name(attribute)), [cst.Arg(name)] * (2 if twice else 1)
    )
    program.change(call, "SC208", f"get_handle() becomes serve.{attribute}()", lambda updated: made)


def _is_too_early(program: Program, call: cst.Call, receiver: cst.BaseExpression) -> bool:
    """Is the handle taken before the deployment is there? Old handles did not mind, today's lookup does."""
    wanted: set[object] = {
        value.code or value.code_name for value in program.infer.of(receiver) if isinstance(value, Deployment)
    }
    deploys = [each for each in _deploys(program) if _deployed(program, each) & wanted]
    if wanted and not deploys and _runs_as_graph(program, wanted):
        program.block(call, "SC208", "a handle of a deployment that runs inside a graph has no application of its own")
        return True
    place: cst.CSTNode = call
    owner = program.tree.enclosing_class(call)
    function = program.tree.enclosing_function(call)
    if isinstance(function, cst.FunctionDef) and function.name.value == "__init__" and owner is not None:
        own = [each for each in _deploys(program) if owner in _deployed(program, each)]
        if not own or program.tree.enclosing_function(own[0]) is not None:
            return False
        place = own[0]
    elif function is not None:
        return False
    if (
        deploys
        and program.tree.order[deploys[0]] > program.tree.order[place]
        and _same_block(program, deploys[0], place)
    ):
        program.block(call, "SC208", "the handle is taken before its deployment exists, which today is an error")
        return True
    return False


def _deploys(program: Program) -> list[cst.Call]:
    return sorted(program.infer.calls.by_name.get("deploy", ()), key=lambda each: program.tree.order[each])


def _deployed(program: Program, call: cst.Call) -> set[object]:
    if not isinstance(call.func, cst.Attribute):
        return set()
    return {
        value.code or value.code_name for value in program.infer.of(call.func.value) if isinstance(value, Deployment)
    }


def _runs_as_graph(program: Program, wanted: set[object]) -> bool:
    return any(
        isinstance(value, Node) and (value.deployment.code or value.deployment.code_name) in wanted
        for call in program.infer.calls.by_name.get("bind", ())
        for value in program.infer.of(call)
    )


def _same_block(program: Program, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    return program.tree.enclosing_function(one) is program.tree.enclosing_function(other)


def _delete(program: Program, call: cst.Call, node: cst.Attribute, named: bool) -> None:
    name = _name_of(program, call, node.value, named)
    if name is None:
        return
    if call.args:
        program.block(call, "SC212", "delete() with arguments has no equivalent")
    made = cst.Call(cst.Attribute(serve_name(program, call), cst.Name("delete")), [cst.Arg(name)])
    program.change(call, "SC212", "delete() becomes serve.delete() of the application", lambda updated: made)


def _named_attribute(program: Program, node: cst.Attribute, name: str) -> None:
    values = [value for value in program.infer.of(node.value) if isinstance(value, Named)]
    key = _first(values[0].call) if len(values) == 1 else None
    if name not in _NAMED or key is None or not is_repeatable(key):
        program.block(node, "SC211", f"today there is no way to ask a running deployment for .{name}")
    elif name == "name":
        program.change(node, "SC211", "the name of the deployment is known", lambda updated: key)
    elif name == "num_replicas":
        serve = program.code(serve_name(program, node))
        code = program.code(key)
        made = cst.parse_expression(
            f'{serve}.status().applications[{code}].deployments[{code}].replica_states["RUNNING"]'
        )
        program.change(node, "SC211", "the number of replicas comes from serve.status()", lambda updated: made)


def _check_exists(program: Program, node: cst.CSTNode) -> None:
    assert isinstance(node, cst.Call)
    name = _first(node)
    if name is None:
        return
    made = cst.Call(
        cst.Attribute(serve_name(program, node), cst.Name("get_deployment_handle")), [cst.Arg(name), cst.Arg(name)]
    )
    program.change(node, "SC211", "get_deployment() becomes a lookup of the handle", lambda updated: made)


def _forget(program: Program, node: cst.Call) -> None:
    """`d = serve.get_deployment(n)`: every use of d is rewritten, so that only the check of a `try` remains."""
    line = program.tree.statement(node)
    parent = program.tree.parents[node]
    simple = (
        isinstance(parent, cst.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0].target, cst.Name)
    )
    if not simple or not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        program.block(node, "SC211", "what get_deployment() returned is kept in a place that cannot be followed")
    elif any(isinstance(each, cst.Try) for each in program.tree.ancestors(node)):
        name = _first(node)
        assert name is not None
        made = cst.Call(
            cst.Attribute(serve_name(program, node), cst.Name("get_deployment_handle")), [cst.Arg(name), cst.Arg(name)]
        )
        program.change(
            parent, "SC211", "get_deployment() becomes a lookup of the handle", lambda updated: cst.Expr(made)
        )
    else:
        program.dropped.add(line)
        program.notes.append((node, "SC211", "get_deployment() is not needed: its uses name the application"))
        program.old = True


def _listing(program: Program, node: cst.CSTNode) -> None:
    use = program.uses.of(node)
    keys = use.kind == "attribute" and isinstance(use.node, cst.Attribute) and use.node.attr.value == "keys"
    if use.kind not in ("flows", "tested", "iterated", "dropped") and not keys:
        program.block(node, "SC214", "list_deployments() is used for more than names; serve.status() has another shape")
        return
    if not isinstance(node, cst.Call) or program.infer.library(node.func) != "ray.serve.list_deployments":
        return
    runs = [
        each
        for each in program.infer.calls.by_name.get("run", ())
        if program.infer.library(each.func) == "ray.serve.run"
    ]
    serve = program.code(serve_name(program, node))
    if not runs:
        made = cst.parse_expression(f"{serve}.status().applications")
    elif len(runs) == 1 and not _deploys(program):
        name = next(
            (arg.value for arg in runs[0].args if arg.keyword is not None and arg.keyword.value == "name"), None
        )
        app = program.code(name) if name is not None and literal(name) else '"default"'
        made = cst.parse_expression(f"{serve}.status().applications[{app}].deployments")
    else:
        program.block(node, "SC214", "applications and single deployments are mixed in this listing")
        return
    program.change(node, "SC214", "list_deployments() becomes a look into serve.status()", lambda updated: made)
