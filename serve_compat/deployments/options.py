"""The options of a deployment: one table of names, spellings, checks and where each one goes.

`@serve.deployment`, `.options()` and `.set_options()` all read their keyword arguments through it, so what is checked
in one place is checked in all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from legacy import eras
from legacy.config import AutoscalingConfig, BackendConfig
from legacy.constants import CONCURRENCY_1_4
from legacy.session.checks import config_fields


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: as `Deployment` calls it.
        check: gives the value to keep, or raises TypeError or ValueError.
        field: of BackendConfig, for options that are part of the backend's config.
        others: further spellings: of Ray 1.8-1.13 (with an underscore) and of today's Ray.
        default: what the option is when it was not given.
    """

    name: str
    check: Callable[[Any], Any]
    field: str = ""
    others: tuple[str, ...] = ()
    default: Any = None


def _of_type(name: str, kinds: tuple[type, ...], called: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kinds):
            raise TypeError(f"{name} must be {called}, not {value!r}")
        return value

    return check


def _init_args(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"init_args must be a tuple, not {value!r}; write init_args=(value,) for a single argument")
    return tuple(value)


def _route_prefix(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"route_prefix must be a string, not {value!r}; None means no HTTP route")
    if not value.startswith("/"):
        raise ValueError("route_prefix must start with '/'.")
    if value != "/" and value.endswith("/"):
        instead = value.rstrip("/") or "/"
        raise ValueError(f"route_prefix must not end with '/' unless it is '/' itself; use {instead!r}, not {value!r}")
    if "{" in value or "}" in value:
        raise ValueError(f"route_prefix must not contain '{{' or '}}', it is no template: {value!r}")
    return value


def _autoscaling_config(value: Any) -> AutoscalingConfig:
    if isinstance(value, AutoscalingConfig):
        return value
    if not isinstance(value, dict):
        raise TypeError(f"autoscaling_config must be a dict or a serve.config.AutoscalingConfig, not {value!r}")
    return AutoscalingConfig(**value)


def _num_replicas(value: Any) -> Any:
    if isinstance(value, str) and not value.strip().removeprefix("+").isdecimal():
        raise ValueError(
            f"num_replicas must be a whole number of at least 1, not {value!r}; for as many as the load asks for "
            "(num_replicas='auto' of Ray 2.10 and later) give autoscaling_config={'min_replicas': 1, "
            "'max_replicas': 100} in its place"
        )
    return value


def _user_config(value: Any) -> Any:
    if isinstance(value, bytes) or not eras.chosen().deployments.json_user_config:
        return value
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"user_config must be JSON-serializable, and this one is not ({error}); "
            "pass plain dicts, lists, str and numbers, and build the rest in reconfigure(). A program of Ray 1.3 to "
            "1.13, which took more, runs with --era 1.13 (or 1.4)"
        ) from None
    return value


def _driver_deployment(value: Any) -> bool:
    if value:
        raise ValueError(
            "is_driver_deployment=True (one replica per node, Ray 2.2-2.3) is not supported; "
            "use http_options={'location': 'EveryNode'} for HTTP on every node, and num_replicas"
        )
    return False


def _unchecked(value: Any) -> Any:
    return value


def _underscored(name: str, field: str) -> Option:
    return Option(name, _unchecked, field, (f"_{name}",), BackendConfig.model_fields[field].default)


TABLE = (
    Option("name", _of_type("name", (str,), "a string")),
    Option("version", _of_type("version", (str,), "a string")),
    Option("prev_version", _of_type("prev_version", (str,), "a string")),
    Option("init_args", _init_args, default=()),
    Option("init_kwargs", _of_type("init_kwargs", (dict,), "a dict"), default={}),
    Option("route_prefix", _route_prefix),
    Option("ray_actor_options", _of_type("ray_actor_options", (dict,), "a dict")),
    Option("is_driver_deployment", _driver_deployment, default=False),
    Option("num_replicas", _num_replicas, "num_replicas", default=1),
    Option("user_config", _user_config, "user_config"),
    Option("max_concurrent_queries", _unchecked, "max_concurrent_queries", ("max_ongoing_requests",), CONCURRENCY_1_4),
    Option("autoscaling_config", _autoscaling_config, "autoscaling_config", ("_autoscaling_config",)),
    _underscored("graceful_shutdown_wait_loop_s", "experimental_graceful_shutdown_wait_loop_s"),
    _underscored("graceful_shutdown_timeout_s", "experimental_graceful_shutdown_timeout_s"),
    _underscored("health_check_period_s", "health_check_period_s"),
    _underscored("health_check_timeout_s", "health_check_timeout_s"),
)
_BY_SPELLING = {spelling: option for option in TABLE for spelling in (option.name, *option.others)}
_CONFIG = tuple(option for option in TABLE if option.field)
_ROUTE = "route_prefix"  # the only option for which None is a value of its own


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options under their names, checked. None means "not given", except for route_prefix after Ray 1.7.

    Args:
        given: as the user wrote them; `config` (Ray 1.3) is a BackendConfig or its fields as a dict.

    Raises:
        TypeError: an unknown option, one that is given twice, or a value of a wrong type.
        ValueError: a value out of range, or num_replicas together with autoscaling.
    """
    plain = dict(given)
    found = _of_config(plain.pop("config", None))
    for spelling, value in plain.items():
        option = _BY_SPELLING.get(spelling)
        if option is None:
            known = ", ".join(sorted(each.name for each in TABLE))
            raise TypeError(f"a deployment has no option {spelling!r}; it has {known}")
        if value is None and (option.name != _ROUTE or eras.chosen().deployments.no_prefix_is_default):
            continue
        if option.name in found and spelling != option.name:
            raise TypeError(f"{option.name} is given twice: {spelling} is another spelling of it")
        found[option.name] = None if value is None else option.check(value)
    if "num_replicas" in found and "autoscaling_config" in found:
        raise ValueError("num_replicas and autoscaling_config exclude each other; set min_replicas and max_replicas")
    backend_config(found)
    return found


def backend_config(options: Mapping[str, Any]) -> BackendConfig:
    """The part of checked options that is the backend's config; ValueError (pydantic's) for a value out of range."""
    fields = {option.field: options[option.name] for option in _CONFIG if option.name in options}
    if "autoscaling_config" in fields:
        fields.pop("num_replicas", None)  # of a deployment that was looked up: what the load asked for then
    return BackendConfig(**fields)


def of_backend(config: BackendConfig) -> dict[str, Any]:
    """The options a backend's config was made from."""
    given = config.given()
    return {option.name: given[option.field] for option in _CONFIG if given.get(option.field) is not None}


def value(options: Mapping[str, Any], name: str) -> Any:
    """An option's value, or its default."""
    return options[name] if name in options else _BY_SPELLING[name].default


def config_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option that is part of the config, with defaults: what decides whether two deployments are equal."""
    return {option.name: value(options, option.name) for option in _CONFIG}


def _of_config(config: Any) -> dict[str, Any]:
    return {} if config is None else of_backend(BackendConfig(**config_fields(config, "config")))
