"""The url of a deployment: written out, since today's deployments do not know it."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.serve_stage.deploys import is_visible
from serve_compat.migrate.serve_stage.expressions import is_repeatable, literal, text
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.tree import Tree

_DEFAULTS: dict[str, cst.BaseExpression] = {"host": text("127.0.0.1"), "port": cst.Integer("8000")}


def url_of(program: Program, route: cst.BaseExpression, place: cst.CSTNode) -> cst.BaseExpression | None:
    """`http://host:port/route` as an expression; None where the file does not say host or port at this place.

    Args:
        route: the expression of the route prefix, which may stand at the place.
    """
    address = http_address(program)
    if address is None or not all(is_repeatable(each) and is_visible(program, each, place) for each in address):
        return None
    parts = [text("http://"), address[0], text(":"), address[1], route]
    codes = [_inside(each) for each in parts]
    if any(code is None for code in codes):
        return None
    whole = "".join(code for code, _ in filter(None, codes))
    plain = all(known for _, known in filter(None, codes))
    return text(whole) if plain else cst.parse_expression(f'f"{whole}"')


def _inside(node: cst.BaseExpression) -> tuple[str, bool] | None:
    """What stands for the value inside of an f-string, and whether it is plain text."""
    known = literal(node)
    if known is not None:
        return (known, True) if not set(known) & set('{}"\\') else None
    if isinstance(node, cst.Integer):
        return node.value, True
    code = cst.Module([]).code_for_node(node)
    if isinstance(node, cst.FormattedString) and node.start == 'f"':
        return code[2:-1], False
    return (f"{{{code}}}", False) if '"' not in code and "\\" not in code else None


def http_address(program: Program) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """The expressions of host and port of the instance; None where the file does not write them out."""
    found = dict(_DEFAULTS)
    for call in program.infer.calls.by_name.get("start", ()):
        if program.infer.library(call.func) != "ray.serve.start":
            continue
        for arg in call.args:
            name = arg.keyword.value if arg.keyword is not None else ""
            if name in ("http_host", "http_port"):
                found[name[5:]] = arg.value
            elif name == "http_options":
                options = _pairs(program.tree, arg.value)
                if options is None or options.keys() & {"root_path", "root_url"}:
                    return None
                found.update(options)
    return found["host"], found["port"]


def _pairs(tree: Tree, value: cst.BaseExpression) -> dict[str, cst.BaseExpression] | None:
    if isinstance(value, cst.Name):
        bindings = tree.scopes[value].lookup(value.value)
        node = bindings[0].node if len(bindings) == 1 and bindings[0].kind == "value" else None
        value = node if isinstance(node, cst.Dict | cst.Call) else value
    if isinstance(value, cst.Call) and all(arg.keyword is not None for arg in value.args) and value.args:
        return {arg.keyword.value: arg.value for arg in value.args if arg.keyword is not None}
    if not isinstance(value, cst.Dict):
        return None
    pairs = {literal(each.key): each.value for each in value.elements if isinstance(each, cst.DictElement)}
    whole = len(pairs) == len(value.elements) and None not in pairs
    return {key: each for key, each in pairs.items() if key is not None} if whole else None
