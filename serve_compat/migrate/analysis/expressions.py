"""Small expressions: their source, literals, what may be written a second time, a deployment's name and route."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.values import Deployment

_BARE = cst.Module([])


def code_of(node: cst.CSTNode) -> str:
    """The node's own text, without the blank lines and comments above it."""
    return _BARE.code_for_node(node).strip()


def quoted(value: str) -> str:
    """The source of a string literal, in double quotes where that is plain to read."""
    return f'"{value}"' if '"' not in value and "\\" not in value else repr(value)


def text(value: str) -> cst.SimpleString:
    """A string literal."""
    return cst.SimpleString(quoted(value))


def is_docstring(line: cst.CSTNode) -> bool:
    """Is the statement a string literal and nothing else?"""
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and line.body else None
    return isinstance(small, cst.Expr) and isinstance(small.value, cst.BaseString)


def literal(node: cst.CSTNode | None) -> str | None:
    """The text of a plain string literal, None for anything else."""
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def is_repeatable(node: cst.CSTNode) -> bool:
    """May the expression be written a second time? It has no effects and gives the same value again."""
    if isinstance(node, cst.FormattedString):
        return all(
            is_repeatable(part.expression) for part in node.parts if isinstance(part, cst.FormattedStringExpression)
        )
    if isinstance(node, cst.BinaryOperation):
        return is_repeatable(node.left) and is_repeatable(node.right)
    if isinstance(node, cst.Attribute):
        return is_repeatable(node.value)
    if isinstance(node, cst.Tuple | cst.List):
        return all(isinstance(each, cst.Element) and is_repeatable(each.value) for each in node.elements)
    if isinstance(node, cst.Dict):
        return all(
            isinstance(each, cst.DictElement) and is_repeatable(each.key) and is_repeatable(each.value)
            for each in node.elements
        )
    if isinstance(node, cst.Subscript):
        return is_repeatable(node.value)
    if isinstance(node, cst.UnaryOperation):
        return is_repeatable(node.expression)
    if isinstance(node, cst.Call):
        return _makes_text(node.func) and all(each.star == "" and is_repeatable(each.value) for each in node.args)
    return isinstance(node, cst.Name | cst.BaseString | cst.BaseNumber)


def _makes_text(func: cst.BaseExpression) -> bool:
    """`"...".format` and `str`."""
    if isinstance(func, cst.Attribute):
        return func.attr.value == "format" and isinstance(func.value, cst.SimpleString)
    return isinstance(func, cst.Name) and func.value == "str"


def deployment_name(deployment: Deployment) -> cst.BaseExpression | None:
    """The expression of a deployment's name; None where it cannot be told."""
    given = deployment.option("name")
    if given is not None:
        return given
    return text(deployment.code_name) if deployment.code_name else None


def default_route(name: cst.BaseExpression) -> cst.BaseExpression:
    """`"/" + name`, in the shortest form."""
    known = literal(name)
    if known is not None:
        return text("/" + known)
    if isinstance(name, cst.Name | cst.Attribute):
        code = _BARE.code_for_node(name)
        if '"' not in code and "\\" not in code:
            return cst.parse_expression(f'f"/{{{code}}}"')
    if isinstance(name, cst.FormattedString) and name.start in ('f"', "f'"):
        return name.with_changes(parts=[cst.FormattedStringText("/"), *name.parts])
    return cst.BinaryOperation(text("/"), cst.Add(), name)


def is_default_route(name: cst.BaseExpression, route: cst.BaseExpression | None) -> bool:
    """Is the route prefix the one that a deployment of that name has anyway?"""
    if route is None or literal(route) is not None:
        return route is None or literal(route) == "/" + (literal(name) or "")
    code = _BARE.code_for_node
    plain = code(name)
    forms = {f'"/" + {plain}', f'f"/{{{plain}}}"', f'"/{{}}".format({plain})', f'"/%s" % {plain}'}
    return code(route).replace("'", '"') in {each.replace("'", '"') for each in forms}


def is_none(node: cst.CSTNode) -> bool:
    """Is it the literal None?"""
    return isinstance(node, cst.Name) and node.value == "None"
