"""Looking things up and taking them away: get_handle, get_deployment, delete, attributes."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import is_repeatable, text
from serve_compat.migrate.analysis.values import Deployment, Named, Node
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.attributes import SC213, deployment_attribute, named_attribute
from serve_compat.migrate.serve.deploys import Address, address, serve_name
from serve_compat.migrate.serve.lookups import SC211, application, key_of
from serve_compat.migrate.serve.printing import is_shown, shown_entry, text_of
from serve_compat.migrate.serve.program import Program

SC208 = Rule(
    "SC208",
    "get_handle() becomes serve.get_app_handle()",
    "serve",
    "Handles belong to applications. Where a KeyError is expected, serve.get_deployment_handle() raises it; what is"
    " called is deployed first.",
    differs="Looking up a handle of an application that does not exist is an error at once.",
)
SC212 = Rule(
    "SC212",
    ".delete() becomes serve.delete(name)",
    "serve",
    "Applications are deleted by their name.",
)

_SAME = {"name", "func_or_class", "num_replicas", "user_config", "ray_actor_options", "options", "bind", "deploy"}


def convert_queries(program: Program) -> None:
    """Plan the changes of every use of a deployment."""
    for node, values in program.loads():
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
    elif is_shown(program, use) and _shown(program, node):
        return
    elif use.kind not in ("flows", "iterated", "dropped", "subscripted") or (named and isinstance(node, cst.Call)):
        program.block(
            node, SC213, "a deployment object is used as a value: what it shows and offers is different today"
        )


def _shown(program: Program, node: cst.CSTNode) -> bool:
    """Plan the text of a deployment that is printed; False where it cannot be told."""
    assert isinstance(node, cst.BaseExpression)
    values = list(program.infer.of(node))
    key = key_of(program, node)
    shown = text_of(program, values[0]) if len(values) == 1 and isinstance(values[0], Deployment) else None
    made = text(shown) if shown is not None else shown_entry(program, key) if key is not None else None
    if made is not None:
        program.change(node, SC213, "the deployment shows what it showed", lambda updated: made)
    return made is not None


def _attribute(program: Program, node: cst.Attribute, named: bool) -> None:
    name = node.attr.value
    call = program.tree.parents[node]
    called = isinstance(call, cst.Call) and call.func is node
    if name == "get_handle" and isinstance(call, cst.Call) and called:
        _get_handle(program, call, node, named)
    elif name == "delete" and isinstance(call, cst.Call) and called:
        _delete(program, call, node, named)
    elif named and name not in ("deploy", "options"):
        named_attribute(program, node)
    elif not named and name not in _SAME:
        deployment_attribute(program, node)


def _name_of(
    program: Program, call: cst.CSTNode, receiver: cst.BaseExpression, named: bool
) -> cst.BaseExpression | None:
    if not named:
        assert isinstance(call, cst.Call)
        where: Address | None = address(program, call, receiver)
        return where.name if where is not None else None
    name = key_of(program, receiver)
    if name is None:
        program.block(call, SC211, "the name of this deployment cannot be repeated here")
    return name


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
    app = application(program)
    twice = _expects_key_error(program, call)
    attribute = "get_deployment_handle" if twice or app else "get_app_handle"
    args = [cst.Arg(name), cst.Arg(cst.parse_expression(app))] if app else [cst.Arg(name)] * (2 if twice else 1)
    made = cst.Call(cst.Attribute(serve_name(program, call), cst.Name(attribute)), args)
    program.change(call, SC208, f"get_handle() becomes serve.{attribute}()", lambda updated: made)


def _is_too_early(program: Program, call: cst.Call, receiver: cst.BaseExpression) -> bool:
    """Is the handle taken before the deployment is there? Old handles did not mind, today's lookup does."""
    wanted: set[object] = {
        value.code or value.code_name for value in program.infer.of(receiver) if isinstance(value, Deployment)
    }
    deploys = [each for each in _deploys(program) if _deployed(program, each) & wanted]
    if wanted and not deploys and application(program) is None and _runs_as_graph(program, wanted):
        program.block(call, SC208, "a handle of a deployment that runs inside a graph has no application of its own")
        return True
    place: cst.CSTNode = call
    owner = program.tree.enclosing_class(call)
    function = program.tree.enclosing_function(call)
    if isinstance(function, cst.FunctionDef) and function.name.value == "__init__" and owner is not None:
        own = [each for each in _deploys(program) if owner in _deployed(program, each)]
        if not own or program.tree.enclosing_function(own[0]) is not None:
            return False
        place = own[0]
        program.needs |= {(owner, each) for each in wanted}
        if any((each, owner) in program.needs for each in wanted):
            program.block(call, SC208, "two deployments take handles of each other: today one of them must be first")
            return True
    elif function is not None:
        return False
    if (
        deploys
        and program.tree.order[deploys[0]] > program.tree.order[place]
        and _same_block(program, deploys[0], place)
        and not can_come_first(program, deploys[0], place)
    ):
        program.block(call, SC208, "the handle is taken before its deployment exists, which today is an error")
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
        program.block(call, SC212, "delete() with arguments has no equivalent")
    made = cst.Call(cst.Attribute(serve_name(program, call), cst.Name("delete")), [cst.Arg(name)])
    program.change(call, SC212, "delete() becomes serve.delete() of the application", lambda updated: made)


def _is_tried(program: Program, node: cst.CSTNode) -> bool:
    """Does the node stand between a `try:` and its handlers?"""
    around = list(program.tree.ancestors(node))
    return any(isinstance(each, cst.Try) and each.body in around for each in around)


def _check_exists(program: Program, node: cst.CSTNode) -> None:
    assert isinstance(node, cst.Call)
    name = Named(node).name
    if name is None:
        return
    made = cst.Call(
        cst.Attribute(serve_name(program, node), cst.Name("get_deployment_handle")), [cst.Arg(name), cst.Arg(name)]
    )
    program.change(node, SC211, "get_deployment() becomes a lookup of the handle", lambda updated: made)


def _forget(program: Program, node: cst.Call) -> None:
    """`d = serve.get_deployment(n)`: every use of d is rewritten, so that only the check of a `try` remains."""
    line = program.tree.statement(node)
    parent = program.tree.parents[node]
    simple = (
        isinstance(parent, cst.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0].target, cst.Name)
    )
    if not simple or not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        program.block(node, SC211, "what get_deployment() returned is kept in a place that cannot be followed")
    elif _is_tried(program, node):
        name = Named(node).name
        assert name is not None
        made = cst.Call(
            cst.Attribute(serve_name(program, node), cst.Name("get_deployment_handle")), [cst.Arg(name), cst.Arg(name)]
        )
        program.change(parent, SC211, "get_deployment() becomes a lookup of the handle", lambda updated: cst.Expr(made))
    else:
        program.edits.drop(line)
        program.notes.append((node, SC211, "get_deployment() is not needed: its uses name the application"))
        program.old = True


def can_come_first(program: Program, deploy: cst.Call, place: cst.CSTNode) -> bool:
    """Plan to move a `.deploy()` in front of the statement of the place; False where that might change more.

    Between the two only deployments are made and handles taken, and nothing that the `.deploy()` is given.
    """
    line, other = program.tree.statement(deploy), program.tree.statement(place)
    block = program.tree.parents.get(line) if line is not None else None
    if (
        line is None
        or other is None
        or not isinstance(block, cst.Module | cst.IndentedBlock)
        or other not in block.body
    ):
        return False
    if not isinstance(line, cst.SimpleStatementLine) or not isinstance(program.tree.parents[deploy], cst.Expr):
        return False
    body = list(block.body)
    between = body[body.index(other) : body.index(line)]
    if not all(_is_harmless(each) for each in between) or not all(is_repeatable(arg.value) for arg in deploy.args):
        return False
    if line not in program.edits.moved:
        program.edits.move(line, other)
        program.notes.append(
            (deploy, SC208, "what is called is deployed first: today its handle cannot be taken before")
        )
    return True


def _is_harmless(line: cst.CSTNode) -> bool:
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    call = small.value if isinstance(small, cst.Expr | cst.Assign) else None
    method = call.func.attr.value if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) else ""
    return method == ("deploy" if isinstance(small, cst.Expr) else "get_handle")
