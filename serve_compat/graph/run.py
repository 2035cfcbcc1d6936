"""`serve.run` and `serve.delete`: putting a graph into force (Ray 1.12-2.6)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from typing import Any

from legacy import eras
from legacy.constants import DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT
from legacy.errors import InstanceError
from legacy.handle import RayServeHandle
from legacy.http_options import HTTPOptions
from legacy.logs import logger
from legacy.session import deployments as core
from legacy.session.instances import instances
from serve_compat.deployments.deployment import Deployment
from serve_compat.graph.application import Application, built
from serve_compat.graph.handover import Handover, handover, members
from serve_compat.graph.nodes import ClassNode, FunctionNode
from serve_compat.threads import in_thread

_INGRESS_DECIDES: Any = object()


def run(
    target: ClassNode | FunctionNode | Application,
    _blocking: bool = True,
    host: str = DEFAULT_HTTP_HOST,
    port: int = DEFAULT_HTTP_PORT,
    name: str = "",
    route_prefix: str | None = _INGRESS_DECIDES,
) -> RayServeHandle | None:
    """Deploy everything a graph consists of and wait until all of it can answer.

    Starts a detached instance when none runs. What an earlier `run` with the same name (or also without one) deployed
    and this graph does not have is removed, as in Ray 2.x; deployments made by `.deploy()` stay, but with `--era 2.3`,
    where a run without a name removes every deployment that it does not have. Backends stay.

    Args:
        target: a node made by `.bind()`, or what `serve.build` gave. Its root is the ingress: it answers HTTP at "/"
            unless it has a route_prefix of its own.
        _blocking: False returns when everything is registered.
        host, port: where HTTP listens, if this starts the instance.
        name: of the application: its deployments are called `<name>_<deployment>`, `serve.delete(name)` removes them.
        route_prefix: of the ingress; None for no HTTP (Ray 2.3).

    Returns:
        A handle to the ingress; None when there is none.

    Raises:
        TypeError: not a node and not an application.
        ValueError: a node that cannot be served by itself, a name or route that is taken, or something in the graph
            that cannot be deployed.
        RuntimeError: a constructor failed; what was not deployed before is removed again.
    """
    application = target if isinstance(target, Application) else built(target)
    if name:
        application = application.renamed(name)
    ingress = application.ingress
    deployments = dict(application.deployments)
    if ingress is not None and route_prefix is not _INGRESS_DECIDES:
        ingress = deployments[ingress.name] = ingress.options(route_prefix=route_prefix)
    _ensure_instance(host, port)
    replacing = _handover(deployments, ingress, name)
    before = core.names()
    try:
        _deploy(deployments, ingress, replacing, name, _blocking)
    except BaseException:  # whatever went wrong, half a graph must not stay behind
        _take_back([each for each in deployments if each not in before])
        raise
    _all([partial(core.delete, each) for each in replacing.removed])
    return None if ingress is None else core.handle(ingress.name, sync=True)


def delete(name: str, _blocking: bool = True) -> None:
    """Take an application out of service that `run(..., name=name)` deployed; an unknown one is fine (Ray 2.3).

    Args:
        name: "" for what was run without a name.
        _blocking: accepted; the call always waits until the replicas are gone.

    Raises:
        RayServeException: no serve instance runs.
        TimeoutError: a replica did not end in time.
    """
    _all([partial(core.delete, each) for each in members(core.endpoints(), name)])


def _handover(deployments: Mapping[str, Deployment], ingress: Deployment | None, application: str) -> Handover:
    root = None if ingress is None else core.endpoint_of(ingress.name, ingress.route_prefix, application)
    wanted = {name: each.route_prefix for name, each in deployments.items()}
    replaces_all = not application and eras.chosen().deployments.run_replaces_all
    return handover(core.endpoints(), wanted, root, application, replaces_all)


def _take_back(names: Collection[str]) -> None:
    try:
        _all([partial(core.delete, name) for name in names])
    except Exception:  # what failed before is what the user has to hear of
        logger.exception("what serve.run had made could not be removed again")


def _deploy(
    deployments: Mapping[str, Deployment],
    ingress: Deployment | None,
    replacing: Handover,
    application: str,
    blocking: bool,
) -> None:
    """The ingress comes last, since its constructor may call the others."""
    first = [
        _deploying(each.options(route_prefix=replacing.meanwhile[name]), application, blocking)
        for name, each in deployments.items()
        if ingress is None or name != ingress.name
    ]
    _all(first)
    if ingress is not None:
        _deploying(ingress.options(route_prefix=replacing.meanwhile[ingress.name]), application, blocking)()
    if replacing.then:
        core.set_routes(replacing.then)


def _deploying(each: Deployment, application: str, blocking: bool) -> Callable[[], None]:
    return lambda: core.deploy(replace(each._request((), {}), application=application), blocking)


def _all(tasks: Collection[Callable[[], None]]) -> None:
    """Do everything at the same time; raises the first error after all are over."""
    running = [in_thread(task) for task in tasks]
    wait(running)
    for future in running:
        future.result()


def _ensure_instance(host: str, port: int) -> None:
    try:
        running = instances.current().http_options()
    except InstanceError:
        instances.start(True, HTTPOptions(host=host, port=port), False)
        return
    if (host, port) not in ((DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT), (running.host, running.port)):
        warnings.warn(
            f"serve.run uses the instance that runs already: HTTP stays at {running.host}:{running.port}",
            UserWarning,
            stacklevel=3,
        )
