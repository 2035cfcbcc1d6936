"""The Client object of Ray 1.0-1.7: what `serve.start()` and `serve.connect()` return."""

from __future__ import annotations

import difflib
from typing import Any, NoReturn

from legacy.config import BackendConfig
from legacy.environments.resolve import CondaEnv
from legacy.errors import RayServeException
from legacy.generations import V1_2, Generation
from legacy.handle import RayServeHandle
from legacy.session.backend_specs import Backend
from legacy.session.session import Session

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
        self._session.create_backend(self._generation, backend)

    def list_backends(self) -> dict[str, BackendConfig]:
        """All backends: tag -> BackendConfig."""
        return self._session.list_backends(self._generation)

    def get_backend_config(self, backend_tag: str) -> BackendConfig:
        """The config of one backend.

        Raises:
            ValueError: unknown tag.
        """
        return self._session.get_backend_config(self._generation, backend_tag)

    def update_backend_config(self, backend_tag: str, config_options: BackendConfig | dict[str, Any]) -> None:
        """Change some fields of a backend's config and wait until its replicas follow.

        Args:
            config_options: a dict of fields, or a BackendConfig, of which only the fields set explicitly count.

        Raises:
            TypeError: neither of them.
            ValueError: unknown tag or a bad value; nothing changes.
        """
        self._session.update_backend_config(self._generation, backend_tag, config_options)

    def delete_backend(self, backend_tag: str, force: bool = False) -> None:
        """Unregister a backend; its replicas finish what they work on. An unknown tag is fine.

        Args:
            force: kill the replicas at once.

        Raises:
            ValueError: an endpoint still uses it, even with weight 0 or as a shadow.
        """
        self._session.delete_backend(self._generation, backend_tag, force)

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
        self._session.create_endpoint(self._generation, endpoint_name, backend, route, methods)

    def list_endpoints(self) -> dict[str, dict[str, Any]]:
        """All endpoints: name -> {"route", "methods", "traffic", "shadows"}."""
        return self._session.list_endpoints(self._generation)

    def delete_endpoint(self, endpoint: str) -> None:
        """Unregister an endpoint; its backends stay. An unknown name is fine."""
        self._session.delete_endpoint(self._generation, endpoint)

    def set_traffic(self, endpoint_name: str, traffic_policy_dictionary: dict[str, float]) -> None:
        """Replace the split of an endpoint's traffic; its shadows end.

        Args:
            traffic_policy_dictionary: backend tag -> weight; the weights sum to 1.

        Raises:
            ValueError: unknown endpoint or backend, a negative weight, another sum; nothing changes.
        """
        self._session.set_traffic(self._generation, endpoint_name, traffic_policy_dictionary)

    def shadow_traffic(self, endpoint_name: str, backend_tag: str, proportion: float) -> None:
        """Copy a proportion of an endpoint's requests to another backend, whose answers are thrown away.

        Args:
            proportion: from 0 (ends it) to 1.

        Raises:
            TypeError: the proportion is no number in [0, 1].
            ValueError: unknown endpoint or backend.
        """
        self._session.shadow_traffic(self._generation, endpoint_name, backend_tag, proportion)

    def get_handle(self, endpoint_name: str, missing_ok: bool = False, sync: bool = True) -> RayServeHandle:
        """A handle that calls the endpoint from Python.

        Args:
            missing_ok: the endpoint may be created later; calls wait for it.
            sync: False gives a handle whose `remote` is awaited.

        Raises:
            KeyError: no such endpoint.
        """
        return self._session.get_handle(self._generation, endpoint_name, missing_ok, sync)

    def shutdown(self) -> None:
        """Stop the instance and forget everything in it. A second call does nothing."""
        self._session.shutdown()

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
