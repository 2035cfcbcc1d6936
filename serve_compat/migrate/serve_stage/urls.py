"""The url of a deployment: written out, since today's deployments do not know it."""

from __future__ import annotations

from functools import partial

import libcst as cst

from serve_compat.migrate.serve_stage.expressions import literal, text
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.values import Deployment


def convert_url(program: Program, node: cst.Attribute) -> None:
    """Plan the literal that `X.url` becomes."""
    values = [value for value in program.infer.of(node.value) if isinstance(value, Deployment)]
    base = http_address(program)
    route = values[0].option("route_prefix") if len(values) == 1 else None
    name = values[0].option("name") if len(values) == 1 else None
    known = literal(route) if route is not None else literal(name) if name is not None else values[0].code_name
    if base is None or not known or len(values) != 1:
        program.block(node, "SC213", "the url of this deployment cannot be told from this file")
        return
    path = known if route is not None else "/" + known
    program.change(node, "SC213", "the url is written out", partial(_constant, text(base + path)))


def _constant(made: cst.BaseExpression, updated: cst.CSTNode) -> cst.CSTNode:
    return made


def http_address(program: Program) -> str | None:
    """`http://host:port` of the instance, None where the file does not say it in literals."""
    host, port = "127.0.0.1", "8000"
    for call in program.infer.calls.by_name.get("start", ()):
        if program.infer.library(call.func) != "ray.serve.start":
            continue
        for arg in call.args:
            if arg.keyword is None or arg.keyword.value != "http_options":
                continue
            if not isinstance(arg.value, cst.Dict):
                return None
            for each in arg.value.elements:
                key = literal(each.key) if isinstance(each, cst.DictElement) else None
                if key == "host":
                    host = literal(each.value) or ""
                elif key == "port":
                    port = each.value.value if isinstance(each.value, cst.Integer) else ""
                elif key is None or key == "root_path":
                    return None
    return f"http://{host}:{port}" if host and port else None
