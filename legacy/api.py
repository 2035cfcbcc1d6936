"""The module-level functions of Ray 0.7-1.7: `serve.start`, `serve.create_backend` and the others.

After `serve.init()` they are those of Ray 0.7-0.8, see `legacy.early.api`; otherwise those of 1.3-1.7.
"""

from __future__ import annotations

import warnings
from typing import Any

from legacy import eras, public_names
from legacy.client import DEFAULT_METHODS
from legacy.client import Client as Client
from legacy.config import BackendConfig
from legacy.constants import DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT
from legacy.early import api as early
from legacy.early.api import RoutePolicy as RoutePolicy
from legacy.early.api import init as init
from legacy.early.api import stat as stat
from legacy.environments.resolve import CondaEnv
from legacy.handle import RayServeHandle
from legacy.http_options import HTTPOptions
from legacy.replica.context import get_current_backend_tag as get_current_backend_tag
from legacy.replica.context import get_current_replica_tag as get_current_replica_tag
from legacy.replica.context import get_replica_context as get_replica_context
from legacy.session.backend_specs import Backend
from legacy.session.checks import merged_http_options
from legacy.session.instances import instances

__all__ = sorted(public_names.modules_by_name(public_names.API))

_IGNORED = {
    "_checkpoint_path": "the state is kept in the cluster itself",
    "_override_controller_namespace": "an instance lives in the namespace of its Ray job",
}


def start(
    detached: bool = False,
    http_host: str = DEFAULT_HTTP_HOST,
    http_port: int = DEFAULT_HTTP_PORT,
    http_middlewares: list[Any] | None = None,
    http_options: dict[str, Any] | HTTPOptions | None = None,
    dedicated_cpu: bool = False,
    **further: Any,
) -> Client:
    """Start a serve instance, and Ray with it when it does not run; returns when HTTP is up.

    A second call: Ray 1.2 made an independent instance, Ray 1.3+ attached to the one that runs. Here it attaches when
    the running instance was used through module functions, or when nothing was used yet and the same HTTP host and
    port are asked for. It makes an independent instance when only methods of a Client were used so far, or when nothing
    was used yet and the address differs. Inside a replica it always attaches to the replica's own instance.
    For `detached=True` with a detached instance in the same Ray namespace: it attaches in the first cases, and in a
    process that has not started anything; it raises where an independent instance was meant. An era that the user
    named (`serve-compat run --era`) decides instead: 1.0 and 1.2 start an instance each time, 1.4 and later attach.

    Args:
        detached: the instance outlives this driver, until `shutdown()`; other drivers find it by `connect()`.
            Otherwise it ends with this driver.
        http_host, http_port, http_middlewares: the older way to say what `http_options` says (Ray 0.8-1.2); deprecated.
        http_options: an HTTPOptions or its fields as a dict.
        dedicated_cpu: reserve one CPU for the controller (Ray 1.4+).
        further: `_checkpoint_path` and `_override_controller_namespace` of Ray 1.8-1.13, which have no effect.

    Raises:
        TypeError: another argument.
        ValueError: a bad option, or options given both ways.
        RayServeException: see above; also when other programs, such as stock Ray Serve, have all names that a detached
            instance may have (`legacy.controllers`).
        OSError: the HTTP address is taken.
        TimeoutError: HTTP was not up within a minute.
    """
    for name, value in further.items():
        _check_ignored(name, value)
    middlewares = [] if http_middlewares is None else http_middlewares
    options = merged_http_options(http_options, http_host, http_port, middlewares, _warn_deprecated)
    early.started_anew()
    return Client(instances.start(detached, options, dedicated_cpu), eras.chosen().client)


def connect() -> Client:
    """A Client for the instance this replica belongs to, or elsewhere for the detached one of this Ray namespace.

    Raises:
        RayServeException: there is none.
    """
    return Client(instances.connect(), eras.chosen().client)


def shutdown() -> None:
    """Stop the instance that module functions work on and forget everything in it; without one, do nothing.

    Raises:
        RayServeException: there is none (only Ray 0.8, before `serve.init()`).
    """
    if early.speaks():
        return early.session().shutdown()
    instances.shutdown_current()


def create_backend(
    backend_tag: str,
    backend_def: Any,
    *init_args: Any,
    ray_actor_options: dict[str, Any] | None = None,
    config: BackendConfig | dict[str, Any] | None = None,
    env: CondaEnv | None = None,
    **older: Any,
) -> None:
    """Register a backend and wait until all its replicas can answer, also for resources to become free (Ray 1.4-1.7).

    Arguments and errors are those of `Client.create_backend`, except that there is no ResourcesError. In Ray 0.8
    programs a tag that is taken is replaced, the config is a dict, and as in Ray 0.7 the tag may come second and
    `backend_config=` hold a BackendConfig.
    """
    _check_older("create_backend", older, "backend_config")
    if early.speaks():
        backend = Backend(backend_tag, backend_def, init_args, ray_actor_options, config, env)
        return early.client().replace_backend(backend, older.get("backend_config"))
    _check_older("create_backend", older)
    _client().create_backend(
        backend_tag, backend_def, *init_args, ray_actor_options=ray_actor_options, config=config, env=env
    )


def list_backends() -> dict[str, BackendConfig]:
    """All backends: tag -> BackendConfig (Ray 0.8: a plain dict)."""
    return _client().list_backends()


def get_backend_config(backend_tag: str) -> BackendConfig:
    """The config of one backend; ValueError for an unknown tag (Ray 0.8: AssertionError)."""
    return _client().get_backend_config(backend_tag)


def update_backend_config(backend_tag: str, config_options: BackendConfig | dict[str, Any]) -> None:
    """Change some fields of a backend's config, as `Client.update_backend_config`."""
    _client().update_backend_config(backend_tag, config_options)


def delete_backend(backend_tag: str, force: bool = False) -> None:
    """Unregister a backend, as `Client.delete_backend`."""
    _client().delete_backend(backend_tag, force)


def create_endpoint(
    endpoint_name: str,
    *early_arguments: Any,
    backend: str | None = None,
    route: str | None = None,
    methods: list[str] = DEFAULT_METHODS,
    **older: Any,
) -> None:
    """Register an endpoint, as `Client.create_endpoint`; a route may be a template such as "/items/{id}" (Ray 1.3+).

    In Ray 0.8 programs the route and the methods may be positional, and a backend may be linked later.
    """
    if early.speaks():
        _check_older("create_endpoint", older, "blocking")
        route, methods = _positional(early_arguments, route, methods)
    else:
        _check_older("create_endpoint", older)
        if early_arguments:
            raise TypeError(
                f"create_endpoint() takes the name as its only positional argument, not {early_arguments!r} too; "
                "write backend=..., route=..., methods=[...]. Only after serve.init() (Ray 0.8) may a route follow it"
            )
    _client().create_endpoint(endpoint_name, backend=backend, route=route, methods=methods)


def list_endpoints() -> dict[str, dict[str, Any]]:
    """All endpoints: name -> {"route", "methods", "traffic", "shadows", "python_methods"}."""
    return _client().list_endpoints()


def delete_endpoint(endpoint: str) -> None:
    """Unregister an endpoint; its backends stay. An unknown name is fine."""
    _client().delete_endpoint(endpoint)


def set_traffic(endpoint_name: str, traffic_policy_dictionary: dict[str, float]) -> None:
    """Replace the split of an endpoint's traffic, as `Client.set_traffic`."""
    _client().set_traffic(endpoint_name, traffic_policy_dictionary)


def split(endpoint_name: str, traffic_policy_dictionary: dict[str, float]) -> None:
    """`set_traffic` under its name in Ray 0.7."""
    set_traffic(endpoint_name, traffic_policy_dictionary)


def link(endpoint_name: str, backend_tag: str) -> None:
    """Send all traffic of an endpoint to one backend (Ray 0.7)."""
    set_traffic(endpoint_name, {backend_tag: 1.0})


def scale(backend_tag: str, num_replicas: int) -> None:
    """Change the number of a backend's replicas (Ray 0.7)."""
    update_backend_config(backend_tag, {"num_replicas": num_replicas})


def set_backend_config(backend_tag: str, backend_config: BackendConfig | dict[str, Any]) -> None:
    """`update_backend_config` under its name in Ray 0.7."""
    update_backend_config(backend_tag, backend_config)


def shadow_traffic(endpoint_name: str, backend_tag: str, proportion: float) -> None:
    """Copy a proportion of an endpoint's requests to another backend, as `Client.shadow_traffic`."""
    _client().shadow_traffic(endpoint_name, backend_tag, proportion)


def get_handle(
    endpoint_name: str,
    missing_ok: bool = False,
    sync: bool = True,
    *,
    relative_slo_ms: float | None = None,
    absolute_slo_ms: float | None = None,
) -> RayServeHandle:
    """A handle that calls the endpoint from Python, as `Client.get_handle`.

    With two or more positional arguments its calls reach the handler as they are (Ray 1.4-1.7); a call to an endpoint
    that does not exist raises after 5 seconds. In Ray 0.8 programs calls take keyword arguments only, which reach the
    handler as they are; the two deadlines are of that time, they are checked and have no effect.
    """
    if early.speaks():
        if not isinstance(missing_ok, bool):  # the second argument was a deadline, as was the third
            relative_slo_ms, missing_ok = missing_ok, False
        return early.client().keyword_handle(endpoint_name, relative_slo_ms, absolute_slo_ms, missing_ok)
    return _client().get_handle(endpoint_name, missing_ok, sync)


def _check_ignored(name: str, value: Any) -> None:
    if name not in _IGNORED:
        raise TypeError(
            f"serve.start() has no argument {name!r}; it has detached, dedicated_cpu and "
            "http_options={'host': ..., 'port': ..., 'location': ...}"
        )
    if value not in (None, "ray://"):
        warnings.warn(f"serve.start({name}=...) has no effect: {_IGNORED[name]}", UserWarning, stacklevel=3)


def _check_older(function: str, given: dict[str, Any], *known: str) -> None:
    for name in given:
        if name not in known:
            raise TypeError(f"serve.{function}() has no argument {name!r}")


def _positional(given: tuple[Any, ...], route: Any, methods: Any) -> tuple[Any, Any]:
    if len(given) > 2:
        raise TypeError(
            f"serve.create_endpoint(name, route, methods) got {len(given) - 2} positional arguments too many"
        )
    if len(given) == 2 and isinstance(given[1], bool):  # `blocking` of Ray 0.7: it returned when the route was there
        given = given[:1]
    return (given[0] if given else route), (given[1] if len(given) == 2 else methods)


def _client() -> Client:
    return early.client() if early.speaks() else Client(instances.current(), eras.chosen().functions)


def _warn_deprecated(message: str) -> None:
    warnings.warn(message, DeprecationWarning, stacklevel=4)
