"""One serve instance as seen from this process: every command of every generation goes through here."""

from __future__ import annotations

import sys
import time
import uuid
from pickle import PicklingError
from typing import Any, NoReturn

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from legacy import controllers, settings
from legacy.calls.routers import routers
from legacy.errors import DeadlineError, InstanceError, RayServeException
from legacy.generations import Generation
from legacy.handle import RayServeHandle, RayServeSyncHandle
from legacy.http_options import HTTPOptions
from legacy.logs import logger
from legacy.records import BackendSpec, InstanceName
from legacy.session.packing import check_user_config
from legacy.session.progress import show_until_done
from legacy.unpicklable import culprit_among

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

    Attributes:
        alive: False once it was shut down from here, or found to be gone.
        used: the generations of the APIs through which it was used.
    """

    def __init__(self, controller: Any, name: InstanceName, owned: bool, detached: bool) -> None:
        self.controller = controller
        self.name = name
        self.owned = owned
        self.detached = detached
        self.alive = True
        self.used: set[Generation] = set()
        self._deployment_handles: dict[tuple[str, bool], RayServeHandle] = {}

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
        """Wait until HTTP is up; OSError when the address is taken, TimeoutError when it is not up in time."""
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
            raise controllers.has_ended(self.name)

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + GONE_S
        while time.monotonic() < deadline:
            if controllers.holder(self.name) != self.controller:
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
        router = routers.known(self.name)
        asked_in = "" if router is None else router.life
        tag, values = _sent_values(args)
        check_user_config(tag, values.get("user_config"))
        # Ray runs the call again when the controller crashes in between; the id lets it see that
        try:
            ref = getattr(self.controller, method).remote(uuid.uuid4().hex, *args)
        except (TypeError, PicklingError) as error:  # of Ray, whose text holds the whole code and not whose it is
            told = culprit_among(values.items(), error.__cause__ or error)
            raise type(error)(f"{tag!r} cannot be sent to its controller: {told}") from error
        if timeout_s is not None:
            show_until_done(ref, tag, lambda: self._preparing(tag), sys.stderr, timeout_s)
        timeout_s = timeout_s or settings.load().call_timeout_s
        version = self._result(ref, timeout_s, method)
        router = routers.known(self.name)
        if router is not None and not router.wait_for_version(version, HANDLES_FOLLOW_S, asked_in):
            logger.warning("handles of this process have not followed %s within %g s", method, HANDLES_FOLLOW_S)

    def ask(self, method: str, *args: Any) -> Any:
        """Ask the controller something; its errors are raised as they are."""
        self.check_alive()
        return self._result(getattr(self.controller, method).remote(*args), settings.load().call_timeout_s, method)

    def _preparing(self, tag: str) -> tuple[str, str]:
        try:
            doing, waits_for = self.ask("preparing", tag)
        except RayServeException:  # the command itself says what is wrong
            return "", ""
        return doing, waits_for

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


def _sent_values(args: tuple[Any, ...]) -> tuple[str, dict[str, Any]]:
    """What a command is about, and the values that it sends; code has been pickled already."""
    given, *others = args
    if isinstance(given, BackendSpec):
        return given.tag, {"user_config": given.config.user_config, "ray_actor_options": given.actor_options}
    return str(given), {name: value for part in others if isinstance(part, dict) for name, value in part.items()}


def _raise_cause(error: RayTaskError) -> NoReturn:
    cause = error.cause
    if isinstance(cause, Exception) and not isinstance(cause, RayTaskError):
        raise cause from None
    raise RayServeException(str(error)) from None
