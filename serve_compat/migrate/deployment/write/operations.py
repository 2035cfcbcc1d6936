"""What is done to a deployment after its creation: updates, readings of its config, handles, deletion, listings."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of, quoted
from serve_compat.migrate.deployment.decide.naming import Owned, renamed
from serve_compat.migrate.deployment.decide.pair import Pair
from serve_compat.migrate.deployment.decide.planning import UPDATES
from serve_compat.migrate.deployment.decide.requests import parts_read
from serve_compat.migrate.deployment.find.groups import Group, Use, is_known
from serve_compat.migrate.deployment.find.handle_uses import option
from serve_compat.migrate.deployment.find.listings import SC109, SC113, asked_name, is_about_names
from serve_compat.migrate.deployment.find.options import OPTION_OF_FIELD
from serve_compat.migrate.deployment.write.definitions import constructor_args
from serve_compat.migrate.deployment.write.handle_calls import CLASS, SC106, rewrite_calls
from serve_compat.migrate.deployment.write.rewriting import Rewriting
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.texts import expression, keyword_args, plain

SC107 = Rule(
    "SC107",
    "update_backend_config() becomes another deploy() with the changed options",
    "deployment",
    "A deployment with a version is updated in place when only its options change. get_backend_config() becomes"
    " attributes of the deployment.",
)
SC108 = Rule(
    "SC108",
    "delete_endpoint() and delete_backend() become one delete()",
    "deployment",
    "A deployment goes with its route.",
    differs="The backend of an endpoint that was deleted alone went on running.",
)


def write_uses(pair: Pair, rewriting: Rewriting) -> None:
    """Plan the changes of everything that this file does to a pair's deployment."""
    path = rewriting.file.path
    for use in pair.group.uses:
        if use.path != path:
            continue
        if use.name in UPDATES:
            _update(use, pair, rewriting)
        elif use.operation.call in pair.sources:
            _without_reading(use.operation.call, rewriting)
        elif use.name == "get_backend_config":
            rewriting.put(use.operation.call, _named(pair, use, rewriting))
            rewriting.report(SC107, use.operation.call, "options are read from the deployment")
        elif use.name == "get_handle":
            _handle(use, pair, rewriting)
        elif use.name == "delete_endpoint":
            rewriting.put(use.operation.call, f"{_named(pair, use, rewriting)}.delete()")
            rewriting.report(SC108, use.operation.call, "deleting the endpoint and its backend is one call")
        elif use.name == "delete_backend":
            rewriting.drop(use.operation.call)


def _without_reading(call: cst.Call, rewriting: Rewriting) -> None:
    """`config = serve.get_backend_config(tag)`, which was changed and given back: the update says what changes."""
    small = rewriting.file.small(call)
    if small is not None:
        rewriting.edits.remove(small)


def write_open(group: Group, rewriting: Rewriting) -> None:
    """Plan the changes of operations on deployments whose names only run time knows."""
    for use in group.uses:
        call = use.operation.call
        if use.name == "get_handle":
            _handle(use, None, rewriting)
        elif use.name == "delete_endpoint":
            rewriting.put(call, f"{_looked_up(use, rewriting)}.delete()")
            rewriting.report(SC108, call, "deleting the endpoint and its backend is one call")
        elif use.name == "delete_backend" and not _is_endpoint(use, rewriting):
            rewriting.drop(call)


def _is_endpoint(use: Use, rewriting: Rewriting) -> bool:
    return any(each.operation.call is use.operation.call and each.endpoint is not None for each in rewriting.file.uses)


def _looked_up(use: Use, rewriting: Rewriting) -> str:
    name = use.operation.arg("endpoint_name")
    assert name is not None
    return f"{rewriting.serve(use.operation.call)}.get_deployment({rewriting.code(name)})"


def _turn_at(pair: Pair, call: cst.Call, rewriting: Rewriting) -> Pair:
    """Of deployments that take turns, the one that runs at a place."""
    tree = rewriting.file.tree
    for turn in reversed(pair.turns if pair.home is rewriting.file else []):
        if turn.variable and tree.order[turn.at.call] < tree.order[call]:
            return turn
    return pair


def _named(pair: Pair, use: Use, rewriting: Rewriting) -> str:
    """The deployment as an expression at a place."""
    call = use.operation.call
    pair = _turn_at(pair, call, rewriting)
    if use.name == "get_backend_config":
        return f"{rewriting.serve(call)}.get_deployment({_name(pair, use, rewriting)})"
    return rewriting.knows(pair, call) or f"{rewriting.serve(call)}.get_deployment({_name(pair, use, rewriting)})"


def _name(pair: Pair, use: Use, rewriting: Rewriting) -> str:
    given = use.operation.arg("endpoint_name")
    if given is not None and not pair.by_tag:
        return rewriting.code(given)
    if is_known(use.tag) or is_known(use.endpoint):
        text = pair.home.constants.text(pair.name)
        if text is not None:
            return quoted(text)
    return rewriting.code(pair.name)


def _update(use: Use, pair: Pair, rewriting: Rewriting) -> None:
    call = use.operation.call
    known = rewriting.knows(pair, call) if pair.straight else ""
    options = _all_so_far(use, pair, rewriting) if known else _options_of(use, pair, rewriting)
    receiver = known or f"{rewriting.serve(call)}.get_deployment({_name(pair, use, rewriting)})"
    args = constructor_args(pair, rewriting) if known else []
    rewriting.keep_comments(call)
    chosen = cst.Call(cst.Attribute(expression(receiver), cst.Name("options")), keyword_args(options))
    made = cst.Call(cst.Attribute(chosen, cst.Name("deploy")), [plain(each) for each in args])
    rewriting.edits.replace(call, made)
    given = use.operation.arg("config_options")
    if isinstance(given, cst.Name):
        rewriting.useless.add(given.value)
    rewriting.report(SC107, call, "another deploy() with the changed options updates the deployment in place")


def _options_of(use: Use, pair: Pair, rewriting: Rewriting) -> dict[str, cst.BaseExpression]:
    if use.name == "scale":
        return {"num_replicas": rewriting.edits.expression(use.operation.need("num_replicas"))}
    config = rewriting.file.configs.read(use.operation.arg("config_options"))
    for _, _, assign in config.filled:
        rewriting.edits.remove(assign)
    return {name: rewriting.edits.expression(value) for name, value in config.options.items()}


def _all_so_far(use: Use, pair: Pair, rewriting: Rewriting) -> dict[str, cst.BaseExpression]:
    found: dict[str, cst.BaseExpression] = {}
    for each in pair.straight:
        found.update(_options_of(each, pair, rewriting))
        if each is use:
            break
    return {name: found[name] for name in OPTION_OF_FIELD.values() if name in found}


def _handle(use: Use, pair: Pair | None, rewriting: Rewriting) -> None:
    operation = use.operation
    receiver = _named(pair, use, rewriting) if pair is not None else _looked_up(use, rewriting)
    sync = operation.arg("sync")
    given = "" if sync is None else f"sync={rewriting.code(sync)}"
    rewriting.put(operation.call, f"{receiver}.get_handle({given})")
    rewriting.report(SC106, operation.call, "the handle is the deployment's, which passes arguments on as they are")
    known = rewriting.file.handles.get(operation.call)
    if known is None:
        return
    reached = None if pair is not None and pair.is_mixed else pair
    if rewrite_calls(known, reached, rewriting.file, rewriting.edits, rewriting.calls):
        rewriting.helpers.setdefault(CLASS, set())
        rewriting.helpers[CLASS] |= _parts(use, reached, rewriting)


def _parts(use: Use, pair: Pair | None, rewriting: Rewriting) -> set[str]:
    """What the class of requests must offer for the calls of one handle."""
    given = {"http_method": "method", "http_headers": "headers"}
    calls = rewriting.file.handles[use.operation.call].calls
    found = {part for call in calls for name, part in given.items() if option(call, name) is not None}
    for arg in (arg for call in calls for arg in call.node.args):
        found.add("data" if (arg.keyword is None and not arg.star) or _is_data(arg) else "query")
    if pair is None:
        return found | {"body", "json", "form", "method", "headers", "query_params"}
    return found | parts_read(pair, rewriting.files)


def _is_data(arg: cst.Arg) -> bool:
    return arg.keyword is not None and arg.keyword.value == "request_data"


def handle_of_unknown(use: Use, rewriting: Rewriting) -> None:
    """Plan a handle whose calls reach one of several handlers."""
    _handle(use, None, rewriting)


def write_lists(rewriting: Rewriting, owned: Owned) -> None:
    """Plan the changes of listings, of which only the names are used.

    Args:
        owned: the groups of the file, with their deployments.
    """
    for use in rewriting.file.uses:
        if use.name in ("list_backends", "list_endpoints"):
            call = use.operation.call
            rewriting.put(call, f"{rewriting.serve(call)}.list_deployments()")
            asked, name = asked_name(call, rewriting.file), renamed(use, rewriting.file, owned)
            if asked is not None and name is not None and name is not asked:
                rewriting.edits.replace(asked, rewriting.edits.expression(name))
            rule = SC109 if is_about_names(call, rewriting.file) else SC113
            rewriting.report(rule, call, "the deployments are listed")


__all__ = ["code_of", "write_lists", "write_open", "write_uses"]
