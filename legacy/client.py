"""The Client object of Ray 1.0-1.7: what `serve.start()` and `serve.connect()` return."""

from __future__ import annotations

import asyncio
import difflib
from typing import Any, NoReturn

from legacy import settings
from legacy.config import BackendConfig
from legacy.constants import HTTP_METHODS
from legacy.control.desired import already_registered, not_registered
from legacy.early.handle import FirstHandle
from legacy.environments.resolve import CondaEnv
from legacy.errors import RayServeException
from legacy.generations import V1_2, Generation
from legacy.handle import RayServeHandle, RayServeSyncHandle
from legacy.logs import logger
from legacy.records import Endpoint
from legacy.session.backend_specs import Backend, backend_spec
from legacy.session.checks import check_endpoint, config_fields
from legacy.session.environment_transfer import with_environment
from legacy.session.session import Session
from legacy.traffic.split import as_weights, check_proportion

DEFAULT_METHODS = ["GET"]


class Client:
    """Manages the backends and endpoints of one serve instance.

    Every method raises RayServeException once the instance has been shut down. The behaviour is that of Ray 1.2; where
    this project is better on purpose, the README says so.

    Args:
        session: the connection to the instance.
        generation: whose rules hold; an era other than Ray 1.2 may ask for another.
    """

    def __init__(self, session: Session, generation: Generation = V1_2) -> None:
        self._session = session
        self._generation = generation

    def create_backend(
        self,
        backend_tag: str,
        func_or_class: Any,
        *actor_init_args: Any,
        ray_actor_options: dict[str, Any] | None = None,
        config: BackendConfig | dict[str, Any] | None = None,
        env: CondaEnv | None = None,
    ) -> None:
        """Register a backend and wait until all its replicas can answer.

        Args:
            backend_tag: its name.
            func_or_class: a function, a class, or an import path "package.module.Name" that only replicas import.
            actor_init_args: the class's constructor arguments.
            ray_actor_options: resources of each replica; `num_cpus` is 1 by default.
            config: a BackendConfig or its fields as a dict.
            env: the conda environment replicas run in.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: the tag is taken, or a bad value. Nothing is registered then.
            ResourcesError: the cluster has no room for the replicas right now.
            BackendStartError: a replica could not be started; it carries the user's error text.
        """
        backend = Backend(backend_tag, func_or_class, actor_init_args, ray_actor_options, config, env)
        if backend_tag in self._used.ask("list_backends"):
            raise ValueError(already_registered(backend_tag))
        self._register("create_backend", backend)

    def list_backends(self) -> dict[str, BackendConfig]:
        """All backends: tag -> BackendConfig."""
        backends: dict[str, BackendConfig] = self._used.ask("list_backends")
        return backends

    def get_backend_config(self, backend_tag: str) -> BackendConfig:
        """The config of one backend; ValueError for an unknown tag."""
        backends = self._used.ask("list_backends")
        if backend_tag not in backends:
            raise ValueError(not_registered("backend", backend_tag, backends))
        config: BackendConfig = backends[backend_tag]
        return config

    def update_backend_config(self, backend_tag: str, config_options: BackendConfig | dict[str, Any]) -> None:
        """Change some fields of a backend's config and wait until its replicas follow.

        Args:
            config_options: a dict of fields, or a BackendConfig, of which only the fields set explicitly count.

        Raises:
            TypeError: neither of them.
            ValueError: unknown tag or a bad value; nothing changes.
        """
        session = self._used
        given = config_fields(config_options, "the config options")
        BackendConfig(**given)  # so that a bad value raises pydantic's own error here
        session.command("update_backend", backend_tag, given, timeout_s=settings.load().start_timeout_s)

    def delete_backend(self, backend_tag: str, force: bool = False) -> None:
        """Unregister a backend; its replicas finish what they work on. An unknown tag is fine.

        Args:
            force: kill the replicas at once.

        Raises:
            ValueError: an endpoint still uses it, even with weight 0 or as a shadow.
        """
        self._used.command("delete_backend", backend_tag, force, timeout_s=settings.load().start_timeout_s)

    def create_endpoint(
        self,
        endpoint_name: str,
        *,
        backend: str | None = None,
        route: str | None = None,
        methods: list[str] = DEFAULT_METHODS,
    ) -> None:
        """Register an endpoint; a request right after this returns is answered.

        Args:
            backend: the tag of the backend that gets all its traffic at first.
            route: an HTTP path that begins with "/"; None for an endpoint that only handles can call.
            methods: the HTTP methods it answers.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: unknown backend, or the name or route is taken.
        """
        session, rules = self._used, self._generation
        upper = check_endpoint(endpoint_name, backend, route, methods, rules.endpoint_before_backend)
        traffic = {} if backend is None else {backend: 1.0}
        session.command("create_endpoint", Endpoint(endpoint_name, route, upper, traffic, {}, rules))

    def list_endpoints(self) -> dict[str, dict[str, Any]]:
        """All endpoints: name -> {"route", "methods", "traffic", "shadows"}, from Ray 1.3 on "python_methods" too."""
        endpoints: dict[str, Endpoint] = self._used.ask("list_endpoints")
        return {name: _described(endpoint, self._generation) for name, endpoint in endpoints.items()}

    def delete_endpoint(self, endpoint: str) -> None:
        """Unregister an endpoint; its backends stay. An unknown name is fine."""
        self._used.command("delete_endpoint", endpoint)

    def set_traffic(self, endpoint_name: str, traffic_policy_dictionary: dict[str, float]) -> None:
        """Replace the split of an endpoint's traffic; its shadows end.

        Args:
            traffic_policy_dictionary: backend tag -> weight; the weights sum to 1.

        Raises:
            ValueError: unknown endpoint or backend, a negative weight, another sum; nothing changes.
        """
        self._used.command("set_traffic", endpoint_name, as_weights(endpoint_name, traffic_policy_dictionary))

    def shadow_traffic(self, endpoint_name: str, backend_tag: str, proportion: float) -> None:
        """Copy a proportion of an endpoint's requests to another backend, whose answers are thrown away.

        Args:
            proportion: from 0 (ends it) to 1.

        Raises:
            TypeError: the proportion is no number in [0, 1].
            ValueError: unknown endpoint or backend.
        """
        session = self._used
        check_proportion(endpoint_name, backend_tag, proportion)
        session.command("shadow_traffic", endpoint_name, backend_tag, proportion)

    def get_handle(self, endpoint_name: str, missing_ok: bool = False, sync: bool = True) -> RayServeHandle:
        """A handle that calls the endpoint from Python.

        Args:
            missing_ok: the endpoint may be created later; calls wait for it.
            sync: False gives a handle whose `remote` is awaited.

        Raises:
            KeyError: no such endpoint.
        """
        endpoints: dict[str, Endpoint] = self._used.ask("list_endpoints")
        if endpoint_name not in endpoints and not missing_ok:
            raise KeyError(
                f"endpoint {endpoint_name!r} does not exist; known endpoints: {sorted(endpoints) or 'none'}. "
                "create_endpoint() it first, or pass missing_ok=True"
            )
        methods = endpoints[endpoint_name].python_methods if endpoint_name in endpoints else ()
        kind = RayServeSyncHandle if sync else RayServeHandle
        if sync and self._generation.options_change_handle:
            kind = FirstHandle
        if sync:
            _warn_inside_event_loop()
        handle = kind(self._session.name, endpoint_name, self._generation, methods=methods)
        handle.connect()
        return handle

    def shutdown(self) -> None:
        """Stop the instance and forget everything in it. A second call does nothing."""
        self._session.shutdown()

    @property
    def _used(self) -> Session:
        """The session, which remembers through which API it was used."""
        self._session.used.add(self._generation)
        return self._session

    def _register(self, command: str, backend: Backend) -> None:
        session = self._used
        spec = with_environment(backend_spec(self._generation, backend), session.ask)
        session.command(command, spec, timeout_s=settings.load().start_timeout_s)

    def __getattr__(self, name: str) -> NoReturn:
        methods = [each for each in dir(Client) if not each.startswith("_")]
        close = difflib.get_close_matches(name, methods, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(methods)} (@serve.deployment deploys)"
        raise AttributeError(f"a serve Client has no method {name!r}: {hint}")

    def __reduce__(self) -> NoReturn:
        raise RayServeException(
            "a serve Client cannot be pickled; call serve.connect() where you need one, or pass a handle instead"
        )

    def __repr__(self) -> str:
        return f"Client(controller={self._session.name.controller!r}, namespace={self._session.name.namespace!r})"


def _described(endpoint: Endpoint, generation: Generation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "route": endpoint.told_route,
        "methods": list(endpoint.methods or HTTP_METHODS),
        "traffic": dict(endpoint.traffic),
        "shadows": dict(endpoint.shadows),
    }
    if generation.lists_python_methods:
        described["python_methods"] = list(endpoint.python_methods)
    return described


def _warn_inside_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    logger.warning("a sync handle was made inside an event loop, which its calls may block; get_handle(sync=False)")
