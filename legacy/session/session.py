"""One serve instance as seen from this process: every command of every generation goes through here.

Each is given the generation of the API that the user came through; where generations disagree, it decides.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import uuid
from typing import Any, NoReturn

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from legacy import settings
from legacy.calls.local_router import InstanceName
from legacy.calls.routers import has_ended, routers
from legacy.config import BackendConfig, HTTPOptions
from legacy.constants import HTTP_METHODS
from legacy.control.desired import already_registered, not_registered
from legacy.early.handle import FirstHandle
from legacy.errors import DeadlineError, InstanceError, RayServeException
from legacy.generations import Generation
from legacy.handle import RayServeHandle, RayServeSyncHandle
from legacy.records import BackendSpec, Endpoint
from legacy.session.backend_specs import Backend, backend_spec
from legacy.session.checks import check_endpoint, config_fields
from legacy.session.environment_transfer import with_environment
from legacy.session.progress import show_until_done
from legacy.traffic.split import as_weights, check_proportion

logger = logging.getLogger("ray.serve")

HANDLES_FOLLOW_S = 5.0  # how long a command waits for this process's own handles to follow it
HANDLES_KEPT = 100  # as in Ray 1.13
GONE_S = 5.0  # how long shutdown waits for the controller's name to vanish


class Session:
    """Commands and questions to one instance.

    Args:
        controller: its controller's actor handle.
        name: how any process finds it.
        owned: it ends with this process (started here and not detached).
        detached: it outlives its driver.
    """

    def __init__(self, controller: Any, name: InstanceName, owned: bool, detached: bool) -> None:
        self.controller = controller
        self.name = name
        self.owned = owned
        self.detached = detached
        self.alive = True
        self.used: set[Generation] = set()
        self._deployment_handles: dict[tuple[str, bool], RayServeHandle] = {}

    # backends

    def create_backend(self, generation: Generation, backend: Backend) -> None:
        """Check the arguments in the order of the originals, register the backend and wait for its replicas."""
        if backend.tag in self.list_backends(generation):
            raise ValueError(already_registered(backend.tag))
        spec = with_environment(backend_spec(generation, backend), self.ask)
        self.command("create_backend", spec, timeout_s=settings.load().start_timeout_s)

    def replace_backend(self, generation: Generation, backend: Backend) -> None:
        """Register a backend, in the place of one of the same tag if there is one, and wait for its replicas."""
        self.used.add(generation)
        spec = with_environment(backend_spec(generation, backend), self.ask)
        self.command("replace_backend", spec, timeout_s=settings.load().start_timeout_s)

    def list_backends(self, generation: Generation) -> dict[str, BackendConfig]:
        """tag -> config of all backends."""
        self.used.add(generation)
        backends: dict[str, BackendConfig] = self.ask("list_backends")
        return backends

    def get_backend_config(self, generation: Generation, tag: str) -> BackendConfig:
        """The config of one backend, or ValueError."""
        backends = self.list_backends(generation)
        if tag not in backends:
            raise ValueError(not_registered("backend", tag, backends))
        return backends[tag]

    def update_backend_config(self, generation: Generation, tag: str, changes: Any) -> None:
        """Merge the fields given explicitly into a backend's config and wait until it is in force."""
        self.used.add(generation)
        given = config_fields(changes, "the config options")
        BackendConfig(**given)  # so that a bad value raises pydantic's own error here
        self.command("update_backend", tag, given, timeout_s=settings.load().start_timeout_s)

    def delete_backend(self, generation: Generation, tag: str, force: bool) -> None:
        """Unregister a backend and wait until its replicas are gone; an unknown tag is fine."""
        self.used.add(generation)
        self.command("delete_backend", tag, force, timeout_s=settings.load().start_timeout_s)

    # endpoints

    def create_endpoint(self, generation: Generation, name: str, backend: Any, route: Any, methods: Any) -> None:
        """Register an endpoint and wait until every proxy knows it."""
        self.used.add(generation)
        upper = check_endpoint(name, backend, route, methods, generation.endpoint_before_backend)
        traffic = {} if backend is None else {backend: 1.0}
        self.command("create_endpoint", Endpoint(name, route, upper, traffic, {}, generation))

    def list_endpoints(self, generation: Generation) -> dict[str, dict[str, Any]]:
        """name -> route, methods, traffic and shadows of all endpoints."""
        self.used.add(generation)
        endpoints: dict[str, Endpoint] = self.ask("list_endpoints")
        return {name: _described(endpoint, generation) for name, endpoint in endpoints.items()}

    def delete_endpoint(self, generation: Generation, name: str) -> None:
        """Unregister an endpoint and wait until no proxy knows it; an unknown name is fine."""
        self.used.add(generation)
        self.command("delete_endpoint", name)

    def set_traffic(self, generation: Generation, name: str, weights: Any) -> None:
        """Replace the traffic policy of an endpoint and wait until it is in force."""
        self.used.add(generation)
        self.command("set_traffic", name, as_weights(name, weights))

    def shadow_traffic(self, generation: Generation, name: str, tag: str, proportion: Any) -> None:
        """Copy a proportion of an endpoint's requests to a backend; 0 ends it."""
        self.used.add(generation)
        check_proportion(name, tag, proportion)
        self.command("shadow_traffic", name, tag, proportion)

    def get_handle(self, generation: Generation, name: str, missing_ok: bool, sync: bool) -> RayServeHandle:
        """A handle to an endpoint.

        Raises:
            KeyError: there is no such endpoint, and `missing_ok` is False.
        """
        self.used.add(generation)
        endpoints: dict[str, Endpoint] = self.ask("list_endpoints")
        if name not in endpoints and not missing_ok:
            raise KeyError(
                f"endpoint {name!r} does not exist; known endpoints: {sorted(endpoints) or 'none'}. "
                "create_endpoint() it first, or pass missing_ok=True"
            )
        methods = endpoints[name].python_methods if name in endpoints else ()
        kind = RayServeSyncHandle if sync else RayServeHandle
        if generation.options_change_handle and sync:
            kind = FirstHandle
        _warn_about_context(sync)
        handle = kind(self.name, name, generation, methods=methods)
        handle.connect()
        return handle

    def deployment_handle(self, generation: Generation, name: str, sync: bool) -> RayServeHandle:
        """The handle to a deployment, which need not exist yet; the same object for the same arguments."""
        self.check_alive()
        handle = self._deployment_handles.get((name, sync))
        if handle is None:
            handle = (RayServeSyncHandle if sync else RayServeHandle)(self.name, name, generation)
            if len(self._deployment_handles) >= HANDLES_KEPT:
                self._deployment_handles.pop(next(iter(self._deployment_handles)))
            self._deployment_handles[name, sync] = handle
        handle.connect()
        return handle

    # the instance

    def http_options(self) -> HTTPOptions:
        """What the instance was started with, without middlewares."""
        options: HTTPOptions = self.ask("http_options")
        return options

    def status(self) -> dict[str, Any]:
        """Endpoints, backends, replicas, proxies and routers, as plain values."""
        report: dict[str, Any] = self.ask("status")
        return report

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait until HTTP is up.

        Raises:
            OSError: the address is taken.
            TimeoutError: it is not up in time.
        """
        try:
            self._result(self.controller.ready.remote(), timeout_s, "serve.start")
        except DeadlineError as error:
            raise TimeoutError(str(error)) from None

    def shutdown(self) -> None:
        """Stop everything that belongs to the instance; a second call does nothing."""
        if not self.alive:
            return
        self.alive = False
        routers.close(self.name)
        if not ray.is_initialized():
            return
        try:
            ray.get(self.controller.shutdown.remote(), timeout=settings.load().call_timeout_s)
        except (RayActorError, RayTaskError, GetTimeoutError) as error:
            logger.warning("serve instance %s did not shut down cleanly: %s", self.name.controller, error)
        ray.kill(self.controller, no_restart=True)
        self._wait_until_gone()

    def check_alive(self) -> None:
        """Raise InstanceError when the instance was shut down from here."""
        if not self.alive:
            raise has_ended(self.name)

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + GONE_S
        while time.monotonic() < deadline:
            try:
                ray.get_actor(self.name.controller, namespace=self.name.namespace)
            except ValueError:
                return
            time.sleep(0.02)  # Ray has no event for a name that becomes free

    def command(self, method: str, *args: Any, timeout_s: float | None = None) -> None:
        """Have the controller change something, and wait until this process's handles follow it.

        Args:
            timeout_s: how long the controller may take; by default a call that starts nothing.

        Raises:
            DeadlineError: it took longer.
            Exception: the controller's errors are raised as they are.
        """
        self.check_alive()
        # Ray runs the call again when the controller crashes in between; the id lets it see that
        ref = getattr(self.controller, method).remote(uuid.uuid4().hex, *args)
        timeout_s = timeout_s or settings.load().call_timeout_s
        if any(isinstance(arg, BackendSpec) and arg.environment is not None for arg in args):
            show_until_done(ref, lambda: str(self.ask("preparing")), sys.stderr, timeout_s)
        version = self._result(ref, timeout_s, method)
        router = routers.known(self.name)
        if router is not None and not router.wait_for_version(version, HANDLES_FOLLOW_S):
            logger.warning("handles of this process have not followed %s within %g s", method, HANDLES_FOLLOW_S)

    def ask(self, method: str, *args: Any) -> Any:
        """Ask the controller something; its errors are raised as they are."""
        self.check_alive()
        return self._result(getattr(self.controller, method).remote(*args), settings.load().call_timeout_s, method)

    def _result(self, ref: Any, timeout_s: float, what: str) -> Any:
        try:
            return ray.get(ref, timeout=timeout_s)
        except GetTimeoutError:
            raise DeadlineError(f"{what} was not done within {timeout_s:g} s; is the cluster overloaded?") from None
        except RayTaskError as error:
            _raise_cause(error)
        except RayActorError as error:
            self.alive = False
            raise InstanceError(f"serve instance {self.name.controller!r} is gone: {error}") from None


def _described(endpoint: Endpoint, generation: Generation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "route": endpoint.route,
        "methods": list(endpoint.methods or HTTP_METHODS),
        "traffic": dict(endpoint.traffic),
        "shadows": dict(endpoint.shadows),
    }
    if generation.lists_python_methods:
        described["python_methods"] = list(endpoint.python_methods)
    return described


def _warn_about_context(sync: bool) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    if sync:
        logger.warning("a sync handle was made inside an event loop, which its calls may block; get_handle(sync=False)")


def _raise_cause(error: RayTaskError) -> NoReturn:
    cause = error.cause
    if isinstance(cause, Exception) and not isinstance(cause, RayTaskError):
        raise cause from None
    raise RayServeException(str(error)) from None
