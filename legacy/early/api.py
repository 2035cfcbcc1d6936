"""The module functions of Ray 0.7 and 0.8, where everything began with `serve.init()`.

`legacy.api` comes here once this process has called `serve.init()`, in replicas of backends that were registered this
way, and with `--era 0.8`.
"""

from __future__ import annotations

import inspect
import warnings
from enum import Enum
from typing import Any

import ray

from legacy import eras
from legacy.client import Client
from legacy.config import BackendConfig
from legacy.constants import DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT
from legacy.early.handle import KeywordHandle, check_deadlines
from legacy.errors import InstanceError, RayServeException
from legacy.generations import V0_8
from legacy.http_options import DeploymentMode, HTTPOptions
from legacy.session.backend_specs import Backend
from legacy.session.instances import instances
from legacy.session.session import Session

_SETTINGS = ("num_replicas", "max_batch_size", "batch_wait_timeout", "max_concurrent_queries")
_UPDATABLE = ("num_replicas", "max_batch_size", "max_concurrent_queries")
_WITHOUT_EFFECT = ("kv_store_connector", "kv_store_path", "blocking", "gc_window_seconds", "policy_kwargs")


class RoutePolicy(str, Enum):
    """How Ray 0.7-0.8.5 let a router choose among backends; here it is always by the weights, which was the default."""

    Random = "Random"
    RoundRobin = "RoundRobin"
    PowerOfTwo = "PowerOfTwo"
    FixedPacking = "FixedPacking"


class _Current:
    """The instance that `serve.init` connected this process to last, also after its shutdown."""

    session: Session | None = None


def init(
    name: str | None = None,
    http_host: str = DEFAULT_HTTP_HOST,
    http_port: int = DEFAULT_HTTP_PORT,
    metric_exporter: Any = None,
    **further: Any,
) -> None:
    """Connect to the serve instance of that name, starting it where there is none, and Ray where it does not run.

    From here on module functions mean what they meant in Ray 0.8. One HTTP server runs on every node.

    Args:
        name: tells instances in one Ray cluster apart.
        http_host, http_port: where HTTP is served, if the instance is started here.
        metric_exporter: of Ray 0.8.6-0.8.7; it has no effect, metrics go to Ray's own.
        further: of Ray 0.7-0.8.5. `start_server=False` serves no HTTP, `ray_init_kwargs` goes to `ray.init`; the
            others are accepted and have no effect.

    Raises:
        TypeError: the name is no str, or another argument.
        RayServeException: the program was started with an era other than 0.8.
    """
    era = eras.chosen()
    if era.name and not era.functions.begins_with_init:
        raise RayServeException(
            f"serve.init() belongs to Ray 0.8, and this program was started for era {era.name}; "
            "leave --era out or say --era 0.8"
        )
    if name is not None and not isinstance(name, str):
        raise TypeError(f"the name of a serve instance must be a str, not {name!r}")
    started = _checked_start(further)
    if metric_exporter is not None:
        _warn("metric_exporter", "metrics are Ray's own, and serve.stat() counts as the default exporter did")
    if not ray.is_initialized():
        ray.init(**(further.get("ray_init_kwargs") or {}))
    location = DeploymentMode.EveryNode if started else DeploymentMode.NoServer
    options = HTTPOptions(host=http_host, port=http_port, location=location)
    _Current.session = instances.named(name, options)
    _Current.session.used.add(V0_8)


def speaks() -> bool:
    """Whether module functions are those of Ray 0.8 now: from `serve.init()` on, also after `serve.shutdown()`."""
    return _Current.session is not None or eras.chosen().functions.begins_with_init


def started_anew() -> None:
    """The program called `serve.start()`: if the instance of `init` is gone, it has gone on to Ray 1.x."""
    if _Current.session is not None and not instances.knows(_Current.session):
        _Current.session = None


def session() -> Session:
    """The instance module functions work on; InstanceError before serve.init() and after a shutdown."""
    current = _Current.session
    if current is not None and instances.knows(current):
        return current
    replicas_own = instances.of_replica()
    if replicas_own is None:
        raise InstanceError("Please run serve.init() to start or connect to a serve instance first")
    return replicas_own


def client() -> EarlyClient:
    """What module functions go through; InstanceError as `session`."""
    return EarlyClient(session(), V0_8)


class EarlyClient(Client):
    """What the module functions of Ray 0.8 do where those of later releases did something else."""

    def replace_backend(self, backend: Backend, backend_config: Any = None) -> None:
        """Register a backend and wait for its replicas; one that is there already is replaced, code and config.

        Args:
            backend: with the tag first, or the function or class first and the tag second as in Ray 0.7.
            backend_config: the BackendConfig of Ray 0.7.

        Raises:
            TypeError: the config is no dict; for others see `Client.create_backend`.
            ValueError: an unknown setting, or a bad value.
        """
        if inspect.isroutine(backend.tag) or inspect.isclass(backend.tag):
            backend = Backend(backend.target, backend.tag, backend.init_args, backend.actor_options, backend.config)
        if not isinstance(backend.tag, str):
            raise TypeError(f"a backend's tag must be a str, not {backend.tag!r}")
        config = backend_config.given() if isinstance(backend_config, BackendConfig) else backend.config
        if config is not None and not isinstance(config, dict):
            raise TypeError(f"config must be a dictionary such as {{'num_replicas': 2}}, not {config!r}")
        _check_settings(config or {}, _SETTINGS)
        checked = Backend(backend.tag, backend.target, backend.init_args, backend.actor_options, config)
        self._register("replace_backend", checked)

    def list_backends(self) -> dict[str, Any]:
        """All backends: tag -> settings as a plain dict."""
        return {tag: _plain(config) for tag, config in super().list_backends().items()}

    def get_backend_config(self, backend_tag: str) -> BackendConfig:
        """The settings of one backend; AssertionError for an unknown tag."""
        backends = super().list_backends()
        if backend_tag not in backends:
            raise AssertionError(
                f"Backend {backend_tag} is not registered; known backends: {sorted(backends) or 'none'}"
            )
        return backends[backend_tag]

    def update_backend_config(self, backend_tag: str, config_options: Any) -> None:
        """Change the number of replicas, the batch size or the number of concurrent queries.

        Raises:
            ValueError: not a dict, an unknown or another setting, a value out of range; nothing changes.
            TypeError: a value of the wrong type.
            AssertionError: unknown tag.
        """
        options = config_options
        if isinstance(options, BackendConfig):  # serve.set_backend_config of Ray 0.7
            options = {name: value for name, value in options.given().items() if name in _UPDATABLE}
        if not isinstance(options, dict):
            raise ValueError(f"config_options must be a dictionary, not {options!r}")
        self.get_backend_config(backend_tag)
        _check_settings(options, _UPDATABLE)
        super().update_backend_config(backend_tag, options)

    def create_endpoint(
        self, endpoint_name: str, *, backend: Any = None, route: Any = None, methods: Any = ("GET",)
    ) -> None:
        """As in `Client`, with or without a backend; the same again changes nothing."""
        methods = list(methods) if isinstance(methods, tuple) else methods
        known = self.list_endpoints().get(endpoint_name)
        if known is not None and isinstance(methods, list):
            wanted = [method.upper() for method in methods if isinstance(method, str)]
            if (known["route"], known["methods"]) == (route, wanted):
                return
        super().create_endpoint(endpoint_name, backend=backend, route=route, methods=methods)

    def set_traffic(self, endpoint_name: str, traffic_policy_dictionary: Any) -> None:
        """As in `Client`; AssertionError when the weights are no dict."""
        if not isinstance(traffic_policy_dictionary, dict):
            raise AssertionError(
                f"Traffic policy must be a dictionary of backend tag to weight, not {traffic_policy_dictionary!r}"
            )
        super().set_traffic(endpoint_name, traffic_policy_dictionary)

    def keyword_handle(self, name: str, relative_slo_ms: Any, absolute_slo_ms: Any, missing_ok: bool) -> KeywordHandle:
        """A handle that calls the endpoint with keyword arguments; AssertionError when it does not exist."""
        check_deadlines(relative_slo_ms, absolute_slo_ms)
        if not missing_ok and name not in self.list_endpoints():
            raise AssertionError(
                f"endpoint {name!r} does not exist; create_endpoint() it first or pass missing_ok=True"
            )
        handle = KeywordHandle(self._session.name, name, V0_8)
        handle.connect()
        return handle


def stat() -> list[dict[str, Any]]:
    """What was counted so far, in the form of Ray 0.8.7: `[{"info": {"name", "type", label...}, "value"}, ...]`.

    Only replicas and proxies that run now are asked; calls of handles count as requests of the backend.
    """
    found: list[dict[str, Any]] = session().ask("stat")
    return found


def _checked_start(further: dict[str, Any]) -> bool:
    for name, value in further.items():
        if name == "queueing_policy":
            if value is not None and getattr(value, "name", value) != RoutePolicy.Random.name:
                _warn(name, "requests are always spread at random by the weights")
        elif name not in (*_WITHOUT_EFFECT, "start_server", "ray_init_kwargs"):
            raise TypeError(f"serve.init() has no argument {name!r}")
    return bool(further.get("start_server", True))


def _check_settings(given: dict[str, Any], allowed: tuple[str, ...]) -> None:
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise ValueError(f"Unknown options in backend config: {unknown}; Ray 0.8 has {', '.join(allowed)}")
    replicas, batch = given.get("num_replicas", 1), given.get("max_batch_size")
    for name, value in (("num_replicas", replicas), ("max_batch_size", 1 if batch is None else batch)):
        if not isinstance(value, int):
            raise TypeError(f"{name} must be an int, not {value!r}")
        if value < 1:
            raise ValueError(f"{name} must be >= 1, not {value!r}")


def _plain(config: BackendConfig) -> dict[str, Any]:
    code = config.internal_metadata
    looks = {"accepts_batches": code.accepts_batches, "is_blocking": code.is_blocking}
    return {**looks, **{name: getattr(config, name) for name in _SETTINGS}}


def _warn(argument: str, why: str) -> None:
    warnings.warn(f"serve.init({argument}=...) has no effect: {why}", UserWarning, stacklevel=4)
