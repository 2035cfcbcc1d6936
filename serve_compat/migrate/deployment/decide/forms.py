"""Decorator in place, or call form: how a deployment is written."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import code_of, is_repeatable
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.pair import Form, Pair
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.handlers import mentions
from serve_compat.migrate.writing.texts import expression, identifier, plain

_WIDTH = 120


def shaped(pair: Pair, files: Files) -> Pair:
    """The pair with the form and the names of what is written for it."""
    form, variable = _form(pair, files)
    return replace(pair, form=form, variable=variable, collector=_collector(pair, files) if pair.is_batch else "")


def _form(pair: Pair, files: Files) -> tuple[Form, str]:
    """The form, and the name under which the file knows the deployment."""
    node, home = pair.handler.node, pair.home
    if isinstance(node, cst.Lambda) and pair.handler.here and not _is_wrapped(pair):
        wanted = home.constants.text(pair.create.arg("backend_tag")) or home.constants.text(pair.name)
        return "lambda", files.free_name(home, identifier(wanted or "served"))
    if isinstance(node, cst.FunctionDef | cst.ClassDef) and pair.handler.here and _may_be_decorated(pair, node):
        return "decorator", node.name.value
    if pair.straight or _is_long(pair):
        wanted = home.constants.text(pair.name)
        return "variable", pair.variable or files.free_name(home, identifier(wanted or "deployment"))
    return "inline", ""


def _may_be_decorated(pair: Pair, node: cst.FunctionDef | cst.ClassDef) -> bool:
    home = pair.home
    if _is_wrapped(pair) or len(mentions(node, home.constants, home.file)) != pair.twins:
        return False
    bindings = home.tree.scopes[node].lookup(node.name.value)
    if len(bindings) != 1 or {node.name.value, "*"} & home.file.project.imported_from(home.path):
        return False
    here = home.tree.enclosing_function(node)
    if here is not None and here is not home.tree.enclosing_function(pair.create.call):
        return False
    given = [pair.name, *([pair.route] if pair.route is not None else []), *pair.options.values()]
    return all(_is_known_at(home, each, node) for each in given)


def _is_long(pair: Pair) -> bool:
    """Would the direct call form, with the serve.run() that its deploy() becomes, not fit on a line?"""
    options = {"max_concurrent_queries": expression("100"), "name": pair.name, **pair.options}
    given = ", ".join(f"{name}={code_of(value)}" for name, value in options.items())
    args = ", ".join(code_of(plain(arg)) for arg in pair.create.rest)
    served = code_of(pair.handler.expression)
    if pair.methods is not None and pair.methods.wrapped:
        served = f"only_methods({served}, {', '.join(map(repr, pair.methods.texts))})"
    where = f"name={code_of(pair.name)}, route_prefix={code_of(pair.route) if pair.route is not None else None}"
    return len(f"serve.run(serve.deployment({served}, {given}).bind({args}), {where})") > _WIDTH


def _is_wrapped(pair: Pair) -> bool:
    return pair.methods is not None and pair.methods.wrapped


def _is_known_at(home: Analysis, expression: cst.BaseExpression, place: cst.CSTNode) -> bool:
    """Do the names of an expression have the same, single value where the definition stands?"""
    tree = home.tree
    for node in walk(expression):
        if isinstance(node, cst.Call | cst.Await | cst.Yield | cst.NamedExpr) and not is_repeatable(node):
            return False
        if not isinstance(node, cst.Name) or node not in tree.scopes:
            continue
        parent = tree.parents.get(node)
        if (isinstance(parent, cst.Attribute) and parent.attr is node) or (
            isinstance(parent, cst.Arg) and parent.keyword is node
        ):
            continue
        there = tree.scopes[node].lookup(node.value)
        if tree.scopes[place].lookup(node.value) != there or len(there) > 1:
            return False
        if there and tree.order.get(there[0].node, 0) > tree.order[place]:
            return False
        if there and there[0].kind in ("param", "element", "with", "unknown"):
            return False
    return True


def _collector(pair: Pair, files: Files) -> str:
    """A free name for what collects the requests of a batch handler."""
    node = pair.handler.node
    if isinstance(node, cst.ClassDef):
        used = {each.name.value for each in node.body.body if isinstance(each, cst.FunctionDef)}
        wanted = ("handle_batch", "serve_batch", "answer_batch", f"handle_batch_{len(used)}")
        return next(each for each in wanted if each not in used)
    return files.free_name(pair.home, f"{node.name.value}_batch") if isinstance(node, cst.FunctionDef) else ""
