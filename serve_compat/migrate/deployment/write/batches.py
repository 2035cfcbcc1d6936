"""Handlers that take lists of requests: `@serve.batch` collects what arrives one by one."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.deployment.decide.pair import Pair, batch_marks
from serve_compat.migrate.deployment.write.http_methods import guard_lines
from serve_compat.migrate.deployment.write.rewriting import Rewriting
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.texts import blank_lines, expression, statement

SC112 = Rule(
    "SC112",
    "@serve.accept_batch becomes a method with @serve.batch",
    "deployment",
    "Deployments get requests one by one; @serve.batch collects them again, with the same size and waiting time.",
    differs="The waiting time counts from the first request of a batch.",
)


def write(pair: Pair, rewriting: Rewriting) -> None:
    """Plan the method that collects, and the one that answers a single request."""
    node, body = pair.handler.node, pair.handler.body
    assert isinstance(body, cst.FunctionDef)
    rewriting.report(SC112, pair.create.call, "the batch handler collects its requests by @serve.batch")
    lines = guard_lines(pair.methods, "request", rewriting) if pair.methods is not None else []
    serve = rewriting.serve(pair.create.call)
    marks, name = set(batch_marks(pair.handler, pair.home)), pair.collector

    def collect(updated: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(updated, cst.FunctionDef)
        decorator = cst.Decorator(expression(f"{serve}.batch({_settings(pair, rewriting)})"))
        kept = [new for old, new in zip(body.decorators, updated.decorators, strict=True) if old not in marks]
        return updated.with_changes(name=cst.Name(name), decorators=[decorator, *kept], asynchronous=cst.Asynchronous())

    guard = "".join(f"    {line}\n" for line in lines)
    if isinstance(node, cst.ClassDef):
        rewriting.edits.change(body, collect)
        answer = f"async def __call__(self, request):\n{guard}    return await self.{name}(request)\n"
        rewriting.edits.insert_behind(body, lambda: [statement(answer).with_changes(leading_lines=blank_lines(1))])
        rewriting.edits.change(node, lambda updated: _without_marks(updated, node, marks))
        return
    collected: list[cst.BaseStatement] = []

    def answer_one(updated: cst.CSTNode) -> cst.CSTNode:
        batch = collect(updated)
        assert isinstance(batch, cst.FunctionDef)
        collected[:] = [batch]
        one = f"async def {body.name.value}(request):\n{guard}    return await {name}(request)\n"
        return statement(one).with_changes(leading_lines=batch.leading_lines)

    rewriting.edits.change(body, answer_one)
    rewriting.edits.insert_before(body, lambda: collected)


def _without_marks(updated: cst.CSTNode, node: cst.ClassDef, marks: set[cst.Decorator]) -> cst.CSTNode:
    assert isinstance(updated, cst.ClassDef)
    kept = [new for old, new in zip(node.decorators, updated.decorators, strict=True) if old not in marks]
    return updated.with_changes(decorators=kept)


def _settings(pair: Pair, rewriting: Rewriting) -> str:
    size, wait = pair.config.batch.get("max_batch_size"), pair.config.batch.get("batch_wait_timeout")
    given = [f"max_batch_size={rewriting.code(size) if size is not None else 1}"]
    if wait is not None:
        given.append(f"batch_wait_timeout_s={rewriting.code(wait)}")
    return ", ".join(given)
