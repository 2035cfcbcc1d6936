"""One backend with its endpoint, and the deployment that they become: what is decided before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of, is_repeatable
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.find.file import Analysis
from serve_compat.migrate.deployment.find.groups import Group, Use
from serve_compat.migrate.deployment.find.handlers import SC127, Handler, takes_any
from serve_compat.migrate.deployment.find.listings import CreationGuard
from serve_compat.migrate.deployment.find.operations import EARLY, Operation
from serve_compat.migrate.deployment.find.options import SC120, Config, pinned_queries
from serve_compat.migrate.deployment.find.staying import Inconvertible

Form = Literal["decorator", "lambda", "inline", "variable", "known"]


@dataclass(frozen=True)
class Methods:
    """Which HTTP methods the endpoint answers.

    Attributes:
        texts: their names; empty where only run time knows them.
        expression: what was given, where only run time knows them.
        wrapped: the handler cannot be changed itself, so that it is wrapped by a function of the file.
        always_http: every call of the handler brings an HTTP request.
    """

    texts: tuple[str, ...] = ()
    expression: cst.BaseExpression | None = None
    wrapped: bool = False
    always_http: bool = True


@dataclass(frozen=True, eq=False)
class Pair:
    """A backend and its endpoint.

    Attributes:
        home: the file that creates both.
        create, endpoint: the two calls.
        at: the call whose place the deploy() takes.
        own_name: of a deployment behind a router; None where the endpoint's name and route are the deployment's.
        by_tag: it is named as the backend was, not as the endpoint.
        twins: how many backends, this one included, the definition serves in the same way.
        methods: None where nothing has to be refused.
        options: of the deployment, without name and route.
        form: decorator in place; a lambda that becomes a decorated function; the call form, directly or in a variable;
            known where another pair writes the definition.
        variable: the name that the file knows the deployment by, "" in the direct call form.
        collector: what collects the requests of a batch handler, "" for others.
        straight: updates that follow the creation in the same block, so that each can be written with all options.
        guards: `if`s that ask whether the backend or the endpoint is there already.
        sources: get_backend_config() of which the result is only changed, for an update.
        turns: the deployments that follow this one under its name, each in the place of a set_traffic() or a creation.
        has_tags: those that take turns had tags of their own.
        is_mixed: whether calls of its handle may reach handlers that read different requests.
        dropped: calls that go, beside the usual ones.
    """

    group: Group
    home: Analysis
    create: Operation
    endpoint: Operation
    at: Operation
    handler: Handler
    config: Config
    own_name: cst.BaseExpression | None = None
    by_tag: bool = False
    twins: int = 1
    methods: Methods | None = None
    options: Mapping[str, cst.BaseExpression] = field(default_factory=dict)
    form: Form = "inline"
    variable: str = ""
    collector: str = ""
    straight: Sequence[Use] = ()
    guards: Sequence[CreationGuard] = ()
    sources: frozenset[cst.Call] = frozenset()
    turns: Sequence[Pair] = ()
    has_tags: bool = False
    is_mixed: bool = False
    dropped: Sequence[Operation] = ()

    @property
    def name(self) -> cst.BaseExpression:
        """The deployment's name."""
        if self.own_name is not None:
            return self.own_name
        return self.create.need("backend_tag") if self.by_tag else self.endpoint.need("endpoint_name")

    @property
    def route(self) -> cst.BaseExpression | None:
        """The endpoint's route as it was given; None for what is behind a router."""
        return self.endpoint.arg("route") if self.own_name is None else None

    @property
    def is_batch(self) -> bool:
        """Whether its handler takes lists of requests."""
        return self.handler.node is not None and bool(batch_marks(self.handler, self.home))


def batch_marks(handler: Handler, home: Analysis) -> list[cst.Decorator]:
    """The `@serve.accept_batch` of a handler: on its function, its `__call__`, or the class itself."""
    body = handler.body
    nodes = [each for each in (handler.node, body) if isinstance(each, cst.FunctionDef | cst.ClassDef)]
    marks = []
    for node in dict.fromkeys(nodes):
        for each in node.decorators:
            known = home.names.qualified(each.decorator) if each.decorator in home.tree.order else None
            if (known or "").endswith(".accept_batch"):
                marks.append(each)
    return marks


def check_served(pair: Pair) -> None:
    """Do the creations have nothing but what a deployment has?

    Raises:
        Inconvertible: no.
    """
    known = {"backend_tag", "func_or_class", "ray_actor_options", "config", "env"}
    for operation, names in ((pair.create, known), (pair.endpoint, {"endpoint_name", "backend", "route", "methods"})):
        odd = set(operation.given) - names
        if odd:
            raise Inconvertible(SC120, f"{operation.name}() has no argument {sorted(odd)[0]!r} with an equivalent")
    served = pair.handler.expression
    if isinstance(served, cst.BaseString) or "ImportedBackend" in code_of(served):
        raise Inconvertible(SC127, "the backend is imported in its replicas only")
    if not (isinstance(served, cst.Lambda) or is_repeatable(served) or isinstance(served, cst.Call)):
        raise Inconvertible(SC127, "which code the backend serves cannot be told")


def filled(pair: Pair, files: Files) -> Pair:
    """The pair with what its deployment has beside the name.

    Raises:
        Inconvertible: something has no equivalent.
    """
    return replace(pair, methods=_methods(pair, files), options=options_of(pair))


def _methods(pair: Pair, files: Files) -> Methods | None:
    """Which HTTP methods its handler has to refuse."""
    home = pair.home
    if not home.file.options.pin or home.constants.is_none(pair.endpoint.arg("route")):
        return None
    given = pair.endpoint.arg("methods")
    always_http = not pair.group.named("get_handle") and home.path not in files.open_handles
    body = pair.handler.body
    wrapped = not pair.handler.here or body is None or pair.handler.is_inherited or takes_any(body)
    if wrapped and not always_http and pair.create.generation == EARLY:
        raise Inconvertible(SC127, "its handler, which is defined elsewhere, gets keyword arguments of Ray 0.8")
    if given is None:
        return Methods(("GET",), wrapped=wrapped, always_http=always_http)
    value = home.constants.literal(given)
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return Methods(tuple(dict.fromkeys(each.upper() for each in value)), None, wrapped, always_http)
    return Methods(expression=given, wrapped=True, always_http=always_http)


def is_pinned(pair: Pair) -> bool:
    """Whether its options write down what a backend had without saying so."""
    all_, said = ({name: code_of(each) for name, each in options_of(pair, pin).items()} for pin in (True, False))
    return all_ != said


def options_of(pair: Pair, pinned: bool = True) -> dict[str, cst.BaseExpression]:
    """The options of its deployment, without name and route.

    Args:
        pinned: with the defaults that later releases changed, unless the command line leaves them out.
    """
    pin = pinned and pair.home.file.options.pin
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
            raise Inconvertible(SC127, "max_batch_size is given, but the handler is not known to take batches")
    return options
