"""Writing the router of an endpoint whose traffic is split, and what becomes of the calls about it."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of, quoted
from serve_compat.migrate.deployment.decide.splitting import TRAFFIC, Split
from serve_compat.migrate.deployment.find.groups import Use
from serve_compat.migrate.deployment.write.definitions import write_deployment
from serve_compat.migrate.deployment.write.operations import SC108, handle_of_unknown
from serve_compat.migrate.deployment.write.rewriting import Rewriting
from serve_compat.migrate.writing.router_text import IMPORTS, SC222, router_class, router_deploy
from serve_compat.migrate.writing.texts import statement


def write_split(split: Split, rewriting: Rewriting) -> None:
    """Plan the deployments, the router, and its weights."""
    for pair in split.pairs:
        write_deployment(pair, rewriting)
    rewriting.imports |= set(IMPORTS)
    for use in split.group.uses:
        call = use.operation.call
        if use.name == "create_endpoint":
            _write_router(split, use, rewriting)
        elif use.name in TRAFFIC:
            rewriting.put(call, router_deploy(split.title, _weights(use, rewriting)))
            rewriting.report(SC222, call, f"{use.name}() becomes a new user_config of the router of {split.name!r}")
        elif use.name == "delete_endpoint":
            rewriting.put(call, f"{split.title}.delete()")
            rewriting.report(SC108, call, "the router is deleted")
        elif use.name == "delete_backend":
            rewriting.put(call, f"{_deployment(split, use, rewriting)}.delete()")
            rewriting.report(SC108, call, "the backend's deployment is deleted")
        elif use.name == "get_handle":
            handle_of_unknown(use, rewriting)


def _write_router(split: Split, use: Use, rewriting: Rewriting) -> None:
    call, file = use.operation.call, split.home
    top = next(each for each in (call, *file.tree.ancestors(call)) if file.tree.parents.get(each) is file.tree.module)
    route = "None" if split.route is None else quoted(split.route.rstrip("/") or "/")
    code = router_class(quoted(split.name), split.title, route, rewriting.serve(top), split.methods)
    rewriting.edits.insert_before(top, lambda: [statement(code)])
    rewriting.report(SC222, call, "the endpoint becomes a router in front of a deployment for each backend")
    if use.tag is None or _is_set_at_once(split, use):
        rewriting.drop(call)
    else:
        rewriting.put(call, router_deploy(split.title, f"{{{quoted(str(use.tag[-1]))}: 1.0}}"))


def _is_set_at_once(split: Split, use: Use) -> bool:
    """Whether the very next statement sets other weights."""
    file = split.home
    line, block = file.line(use.operation.call), file.block(use.operation.call)
    body = list(block.body) if isinstance(block, cst.Module | cst.IndentedBlock) else []
    place = body.index(line) if line in body else len(body)
    following = body[place + 1] if place + 1 < len(body) else None
    return any(file.line(each.operation.call) is following for each in split.group.named(*TRAFFIC))


def _weights(use: Use, rewriting: Rewriting) -> str:
    given = use.operation.arg("traffic_policy_dictionary")
    if given is None:
        return f"{{{rewriting.code(use.operation.need('backend_tag'))}: 1.0}}"
    return rewriting.code(given)


def _deployment(split: Split, use: Use, rewriting: Rewriting) -> str:
    pairs = [pair for pair in split.pairs if pair.home.constants.text(pair.name) == (use.tag or ("",))[-1]]
    known = rewriting.knows(pairs[0], use.operation.call) if len(pairs) == 1 else ""
    tag = code_of(rewriting.edits.expression(use.operation.need("backend_tag")))
    return known or f"{rewriting.serve(use.operation.call)}.get_deployment({tag})"
