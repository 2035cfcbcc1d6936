"""serve.init, serve.start, serve.connect and the client they gave, once nothing asks the client any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.analysis.values import Client
from serve_compat.migrate.deployment.find.operations import Operation
from serve_compat.migrate.deployment.find.options import SC120
from serve_compat.migrate.deployment.find.staying import Inconvertible
from serve_compat.migrate.deployment.write.rewriting import Rewriting
from serve_compat.migrate.ray_init import of_today, old_keywords
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.cleaning import client_types

SC102 = Rule(
    "SC102",
    "serve.init(), serve.connect() and the client become serve.start() and the module's functions",
    "deployment",
    "Deployments need no client. http_host= and http_port= are http_options=, and keywords that ray.init() has lost"
    " are left out or renamed.",
)

_HTTP = {"http_host": "host", "http_port": "port", "http_middlewares": "middlewares"}
_OF_START = ("detached", "http_options", "dedicated_cpu")


def check_starts(operations: list[Operation]) -> None:
    """Can the ways in which a file starts Serve be written as serve.start()?

    Raises:
        Inconvertible: no.
    """
    for operation in operations:
        known = {*_HTTP, *_OF_START, *(("metric_exporter", "blocking") if operation.name == "init" else ())}
        odd = set(operation.given) - known
        if odd or operation.odd:
            raise Inconvertible(
                SC120, f"serve.{operation.name}() has no equivalent for {', '.join(sorted(odd)) or 'this'}"
            )


def write_starts(rewriting: Rewriting) -> None:
    """Plan serve.start() for serve.init(), its HTTP options in one place, and what becomes of the client."""
    for operation in rewriting.file.starts:
        call = operation.call
        if rewriting.file.file.skips(call):
            continue
        if operation.name == "init" or set(operation.given) & set(_HTTP):
            rewriting.put(call, _start(operation, rewriting))
            rewriting.report(SC102, call, "Serve is started by serve.start() with http_options")
    for operation in rewriting.file.named("shutdown"):
        if rewriting.file.names.qualified(operation.call.func) is None:
            rewriting.put(operation.call, f"{rewriting.serve(operation.call)}.shutdown()")
            rewriting.report(SC102, operation.call, "the instance is ended by serve.shutdown()")
    for node in rewriting.file.tree.nodes(cst.Try):
        if _connects_or_starts(node, rewriting):
            rewriting.edits.change(node, _started)
            rewriting.report(SC102, node, "serve.start() attaches to an instance that runs already")
    _note_clients(rewriting)


def _connects_or_starts(node: cst.Try, rewriting: Rewriting) -> bool:
    """`try: return serve.connect()` with `except ...: return serve.start(...)`, or the like with an assignment."""
    if len(node.handlers) != 1 or node.orelse is not None or node.finalbody is not None:
        return False
    first, second = _only_line(node.body), _only_line(node.handlers[0].body)
    if first is None or second is None or type(first) is not type(second):
        return False
    if _targets(first) != _targets(second):
        return False
    calls = [each.value for each in (first, second) if isinstance(each, cst.Return | cst.Assign | cst.Expr)]
    names = [rewriting.file.names.serve_name(each.func) for each in calls if isinstance(each, cst.Call)]
    return names == ["connect", "start"]


def _targets(line: cst.BaseSmallStatement) -> list[str]:
    return [code_of(each) for each in line.targets] if isinstance(line, cst.Assign) else []


def _only_line(block: cst.BaseSuite) -> cst.BaseSmallStatement | None:
    if not isinstance(block, cst.IndentedBlock) or len(block.body) != 1:
        return None
    line = block.body[0]
    return line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def _started(updated: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(updated, cst.Try)
    block = updated.handlers[0].body
    assert isinstance(block, cst.IndentedBlock)
    line = block.body[0]
    assert isinstance(line, cst.SimpleStatementLine)
    return line.with_changes(leading_lines=[*updated.leading_lines, *line.leading_lines])


def _start(operation: Operation, rewriting: Rewriting) -> str:
    given = operation.given
    parts = [f"{name}={rewriting.code(given[name])}" for name in _OF_START if name in given]
    http = [f'"{new}": {rewriting.code(given[old])}' for old, new in _HTTP.items() if old in given]
    if http:
        parts.append(f"http_options={{{', '.join(http)}}}")
    return f"{rewriting.serve(operation.call)}.start({', '.join(parts)})"


def _note_clients(rewriting: Rewriting) -> None:
    """The names, attributes and parameters that hold clients may be useless afterwards."""
    names, tree = rewriting.file.names, rewriting.file.tree
    for node in tree.nodes(cst.Assign, cst.AnnAssign, cst.Param):
        if isinstance(node, cst.Param):
            function = tree.parents.get(tree.parents[node])
            if isinstance(function, cst.FunctionDef) and _holds_client(node, names):
                rewriting.useless_params.add((function.name.value, node.name.value))
        elif isinstance(node, cst.Assign | cst.AnnAssign) and names.kind(node.value) == "client":
            rewriting.useless |= _names_of(node)


def report_clients(rewriting: Rewriting, made: cst.Module) -> None:
    """Tell about the places that brought, held or named a client, where the result has none any more."""
    before = list(_clients(rewriting.file.names))
    gone = Counter(what for what, _ in before)
    if before:
        gone -= Counter(what for what, _ in _clients(Names(made)))
    for what, node in before:
        if gone[what]:
            rewriting.report(SC102, node, "no client is needed")


def _clients(names: Names) -> Iterator[tuple[str, cst.CSTNode]]:
    for node in names.tree.nodes(cst.Call, cst.Assign, cst.AnnAssign, cst.Param):
        if isinstance(node, cst.Call) and names.serve_name(node.func) == "connect":
            yield "connect", node
        elif isinstance(node, cst.Assign | cst.AnnAssign) and names.kind(node.value) == "client":
            yield from ((name, node) for name in _names_of(node))
        elif isinstance(node, cst.Param) and _holds_client(node, names):
            yield node.name.value, node
    yield from (("type", node) for node in client_types(names))


def _names_of(node: cst.Assign | cst.AnnAssign) -> set[str]:
    targets = [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node.target]
    return {dotted(each) for each in targets if dotted(each)}


def _holds_client(param: cst.Param, names: Names) -> bool:
    return any(isinstance(each, Client) for each in names.inference.calls.parameter(param))


def write_ray_init(rewriting: Rewriting) -> None:
    """Plan ray.init() without keywords that today's Ray does not take."""
    for node in rewriting.file.tree.nodes(cst.Call):
        if rewriting.file.names.qualified(node.func) == "ray.init" and old_keywords(node):
            rewriting.edits.change(node, of_today)
            rewriting.report(SC102, node, "ray.init() without keywords that are gone")
