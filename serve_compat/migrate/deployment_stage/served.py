"""What a deployment has of its backend and its endpoint beside their names: its options, and the methods it refuses."""

from __future__ import annotations

import libcst as cst

from serve_compat.migrate.deployment_stage.handlers import takes_any
from serve_compat.migrate.deployment_stage.operations import EARLY
from serve_compat.migrate.deployment_stage.options import Inconvertible, pinned_queries
from serve_compat.migrate.deployment_stage.pair import Methods, Pair
from serve_compat.migrate.serve_stage.expressions import is_repeatable


def check_served(pair: Pair) -> None:
    """Do the creations have nothing but what a deployment has?

    Raises:
        Inconvertible: no.
    """
    known = {"backend_tag", "func_or_class", "ray_actor_options", "config", "env"}
    for operation, names in ((pair.create, known), (pair.endpoint, {"endpoint_name", "backend", "route", "methods"})):
        odd = set(operation.given) - names
        if odd:
            raise Inconvertible("SC120", f"{operation.name}() has no argument {sorted(odd)[0]!r} with an equivalent")
    served = pair.handler.expression
    if isinstance(served, cst.BaseString) or "ImportedBackend" in cst.Module([]).code_for_node(served):
        raise Inconvertible("SC127", "the backend is imported in its replicas only")
    if not (isinstance(served, cst.Lambda) or is_repeatable(served) or isinstance(served, cst.Call)):
        raise Inconvertible("SC127", "which code the backend serves cannot be told")


def methods_of(pair: Pair) -> Methods | None:
    """Which HTTP methods its handler has to refuse."""
    home = pair.home
    if not home.file.options.pin or home.constants.is_none(pair.endpoint.arg("route")):
        return None
    given = pair.endpoint.arg("methods")
    always_http = not pair.group.named("get_handle") and not home.has_open_handles
    body = pair.handler.body
    wrapped = not pair.handler.here or body is None or pair.handler.is_inherited or takes_any(body)
    if wrapped and not always_http and pair.create.door == EARLY:
        raise Inconvertible("SC127", "its handler, which is defined elsewhere, gets keyword arguments of Ray 0.8")
    if given is None:
        return Methods(("GET",), wrapped=wrapped, always_http=always_http)
    value = home.constants.literal(given)
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return Methods(tuple(dict.fromkeys(each.upper() for each in value)), None, wrapped, always_http)
    return Methods(expression=given, wrapped=True, always_http=always_http)


def options_of(pair: Pair) -> dict[str, cst.BaseExpression]:
    """The options of its deployment, without name and route."""
    pin = pair.home.file.options.pin
    options = dict(pair.config.options)
    queries = pinned_queries(pair.create, pair.config, pair.handler) if pin else None
    if queries is not None:
        options["max_concurrent_queries"] = queries
    actor = pair.home.configs.actor_options(pair.create, pin)
    if actor is not None:
        options["ray_actor_options"] = actor
    if pair.config.batch and not pair.is_batch:
        size = pair.config.batch.get("max_batch_size")
        if size is None or pair.home.constants.literal(size) != 1:
            raise Inconvertible("SC127", "max_batch_size is given, but the handler is not known to take batches")
    return options
