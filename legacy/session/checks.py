"""Checks of what a user passes to the backend and endpoint calls, made before anything leaves the process.

Each raises the exception type of the originals, with a message that says what was given, what is allowed and what to
do. The rules are those of Ray 1.2 and 1.4 (reference 3.1 and 5.1).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from legacy.config import BackendConfig, BackendMetadata, resolved_concurrency
from legacy.constants import OWN_PAGES
from legacy.generations import Generation
from legacy.http_options import HTTPOptions
from legacy.logs import logger
from legacy.replica.backends import accepts_batches

FIRST_USER_PORT = 1024
HTTP_PORTS = (80, 443)
_AMOUNTS = ("num_cpus", "num_gpus", "memory", "object_store_memory")


def check_name(kind: str, name: Any) -> None:
    """ValueError for a name that no other process can be told, since it is no text in UTF-8; any other text is fine."""
    try:
        str(name).encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the {kind} name {name!r} holds {name[error.start]!r}, which is half a character (a lone surrogate); "
            "any whole characters may be in it, so decode the text that it comes from with its own encoding"
        ) from None


def check_target(
    tag: str, target: Any, init_args: tuple[Any, ...], init_kwargs: dict[str, Any] | None = None
) -> bool | None:
    """Whether a backend is a class (True), a function (False) or an import path (None).

    Raises:
        TypeError: it is none of them.
        ValueError: a function with constructor arguments.
    """
    if isinstance(target, str):
        return None
    if inspect.isclass(target):
        return True
    if not inspect.isfunction(target):
        raise TypeError(
            f"backend {tag!r} must be a function, a class or an import path such as 'package.module.Name', "
            f"not {target!r}; pass the class itself, and its constructor's arguments after it"
        )
    if init_args or init_kwargs:
        raise ValueError(
            f"backend {tag!r} is a function, which has no constructor to pass {init_args or init_kwargs!r} to; "
            "use a class with __init__, or leave the arguments out"
        )
    return False


def is_async(target: Any) -> bool:
    """Whether the function, or the class's `__call__`, is a coroutine function; an import path counts as sync."""
    handler = getattr(target, "__call__", None) if inspect.isclass(target) else target  # noqa: B004 - it is looked at
    return inspect.iscoroutinefunction(handler)


def checked_actor_options(options: Any, generation: Generation) -> dict[str, Any]:
    """A copy of `ray_actor_options` with defaults filled in.

    Raises:
        TypeError: not a dict, or an amount that is no number.
        ValueError: a key serve keeps to itself, or a negative amount.
    """
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise TypeError(f"ray_actor_options must be a dict such as {{'num_cpus': 2}}, not {options!r}")
    reserved = generation.reserved_actor_options
    for key in options:
        if key in reserved:
            raise ValueError(f"Specifying {key!r} in ray_actor_options is not allowed: {reserved[key]}; remove it")
    for key in _AMOUNTS:
        _check_amount(key, options.get(key))
    resources = options.get("resources")
    if resources is not None and not isinstance(resources, dict):
        raise TypeError(f"ray_actor_options['resources'] must be a dict of name to amount, not {resources!r}")
    copied = {key: value for key, value in options.items() if value is not None}
    return {"num_cpus": generation.default_cpus, **copied}


def _check_amount(key: str, amount: Any) -> None:
    if amount is None:
        return
    if not isinstance(amount, (int, float)):
        raise TypeError(f"ray_actor_options[{key!r}] must be a number, not {amount!r}")
    if amount < 0:
        raise ValueError(f"ray_actor_options[{key!r}] must be 0 or more, not {amount!r}")


def checked_config(tag: str, target: Any, config: Any, generation: Generation) -> BackendConfig:
    """The config a backend is registered with: validated, computed defaults filled in; the argument is not changed.

    Raises:
        TypeError: neither None, a dict nor a BackendConfig.
        ValueError: an unknown field, a value out of range, or a batch size for a handler without `accept_batch`.
    """
    given = {} if config is None else config_fields(config, "config")
    checked = BackendConfig(**given)
    asynchronous = is_async(target)
    checked.internal_metadata = BackendMetadata(
        accepts_batches=accepts_batches(target),
        is_blocking=not asynchronous,
        autoscaling_config=checked.internal_metadata.autoscaling_config,
    )
    checked.check_batch_size(tag)
    # where the limit was computed, it was when the object was made, before it knew the handler: as if for a sync one
    as_async = asynchronous and not isinstance(config, BackendConfig)
    checked.max_concurrent_queries = resolved_concurrency(checked, generation.default_concurrency, as_async)
    return checked


def config_fields(config: Any, name: str) -> dict[str, Any]:
    """The fields the user set explicitly, by reference; TypeError for neither a dict nor a BackendConfig."""
    if isinstance(config, BackendConfig):
        return config.given()
    if not isinstance(config, dict):
        raise TypeError(f"{name} must be a dict such as {{'num_replicas': 2}} or a serve.BackendConfig, not {config!r}")
    return dict(config)


def check_endpoint(name: str, backend: Any, route: Any, methods: Any, backend_later: bool = False) -> tuple[str, ...]:
    """Check the arguments of create_endpoint and give the methods in upper case.

    Args:
        backend_later: there may be no backend yet (Ray 0.7-0.8).

    Raises:
        TypeError: no backend or not a str, a route that does not begin with "/", methods that are no list of str.
    """
    if not isinstance(backend, str) and not (backend is None and backend_later):
        given = "none was given" if backend is None else f"not {backend!r}"
        raise TypeError(
            f"create_endpoint({name!r}) needs backend=, the tag of a backend (a str), {given}; "
            "create_backend() one and pass its tag"
        )
    check_name("endpoint", name)
    if route is not None and not (isinstance(route, str) and route.startswith("/")):
        raise TypeError(
            f"the route of endpoint {name!r} must be a str that begins with '/', or None for an endpoint without "
            f"HTTP, not {route!r}"
        )
    warn_of_own_page(name, route)
    if not isinstance(methods, list):
        raise TypeError(f"the methods of endpoint {name!r} must be a list such as ['GET', 'POST'], not {methods!r}")
    for method in methods:
        if not isinstance(method, str):
            raise TypeError(f"the methods of endpoint {name!r} must be str such as 'GET', not {method!r}")
    return tuple(method.upper() for method in methods)


def warn_of_own_page(name: str, route: str | None) -> None:
    """Say that requests to a route will not arrive, since a page of the proxies has its path; the originals took it."""
    if route in OWN_PAGES:
        logger.warning(
            "%r is a page of serve itself, so no request to it reaches %r; choose another route", route, name
        )


def merged_http_options(
    http_options: Any, host: str, port: int, middlewares: list[Any], warn: Callable[[str], None]
) -> HTTPOptions:
    """The HTTPOptions that `serve.start` was asked for, by the new argument or by the older three.

    Args:
        http_options: a dict, an HTTPOptions or None.
        host, port, middlewares: the older arguments; only values that differ from the defaults count.
        warn: told when one of the older arguments is used.

    Raises:
        TypeError: http_options is of another type.
        ValueError: both ways at once, an unknown option or a bad value.
    """
    default = HTTPOptions()
    older = {
        name: value
        for name, value in (("host", host), ("port", port), ("middlewares", middlewares))
        if value != getattr(default, name)
    }
    if older:
        names = ", ".join(f"http_{name}" for name in older)
        if http_options is not None:
            raise ValueError(f"{names} cannot be used together with http_options; put everything into http_options")
        checked = _http_options(older)
        if 0 < checked.port < FIRST_USER_PORT and checked.port not in HTTP_PORTS:
            # Ray 1.5+ refuses the old arguments as a whole; what is surely meant as one of them goes on working here.
            raise ValueError(
                f"http_port={checked.port} is a privileged port and none of HTTP's; if it is meant, "
                f"pass http_options={older!r}"
            )
        warn(f"{names}: use http_options={older!r} instead")
        return checked
    if http_options is None:
        return default
    if isinstance(http_options, HTTPOptions):
        return http_options
    if not isinstance(http_options, dict):
        raise TypeError(
            f"http_options must be a dict such as {{'port': 8001}} or a serve.HTTPOptions, not {http_options!r}"
        )
    return HTTPOptions(**http_options)


def _http_options(older: dict[str, Any]) -> HTTPOptions:
    try:
        return HTTPOptions(**older)
    except ValueError as error:
        raise ValueError(f"bad HTTP argument; pass http_options={{...}} with valid values: {error}") from error
