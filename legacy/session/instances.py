"""Which serve instances this process uses, and the rules of a second `start()`."""

from __future__ import annotations

import atexit
import logging
import random
import string
import threading
import warnings
from collections.abc import Set
from typing import Literal

import ray

from legacy import cluster, eras
from legacy.calls.local_router import process_key
from legacy.calls.routers import routers
from legacy.config import DeploymentMode, HTTPOptions
from legacy.constants import CONTROLLER_NAME
from legacy.control.launch import find_controller, start_controller
from legacy.errors import InstanceError, RayServeException
from legacy.generations import Generation
from legacy.records import InstanceName
from legacy.replica import context
from legacy.session.session import Session

logger = logging.getLogger("ray.serve")

READY_S = 70.0  # the controller gives up after 60 s itself, and knows why


def second_start(used: Set[Generation], same_address: bool) -> Literal["attach", "new"]:
    """What `start()` means when this process has started an instance already, see `legacy.api.start`.

    Args:
        used: the generations of the APIs through which the running instance was used.
        same_address: whether the HTTP address asked for is that of the running instance.
    """
    attaches = any(generation.second_start == "attach" for generation in used) if used else same_address
    return "attach" if attaches else "new"


class Instances:
    """The sessions of one process, the oldest first."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._key: object = None
        self._sessions: list[Session] = []

    def start(self, detached: bool, options: HTTPOptions, dedicated_cpu: bool) -> Session:
        """Start an instance or attach to a running one.

        Raises:
            RayServeException: a second detached instance, where a new one was meant.
            OSError, TimeoutError: HTTP did not come up; nothing keeps running.
        """
        with self._lock:
            _ensure_ray()
            running = self.of_replica() or self._first()
            if running is not None and self._attaches(running, options):
                return running
            if detached:
                existing = self._detached()
                if existing is not None and (running is not None or eras.chosen().second_start == "new"):
                    raise RayServeException(
                        "a detached serve instance runs in this Ray namespace already; serve.connect() to it, "
                        "or shut it down first"
                    )
                if existing is not None:
                    self._warn_if_different(existing, options)
                    return self._add(existing)
            controller = CONTROLLER_NAME if detached else f"{random_letters()}:{CONTROLLER_NAME}"
            return self._add(_launch(controller, detached, options, dedicated_cpu))

    def named(self, name: str | None, options: HTTPOptions) -> Session:
        """The instance of Ray 0.8 of that name, started if need be; in a replica, its own. Errors as `start`."""
        with self._lock:
            _ensure_ray()
            controller = CONTROLLER_NAME if name is None else f"{name}:{CONTROLLER_NAME}"
            found = self.of_replica() or self._found(InstanceName(controller, cluster.instance_namespace()))
            if found is not None:
                return self._add(found)
            session = _launch(controller, True, options, False)
            session.owned = cluster.started_here()  # so that it is stopped in order before its cluster goes
            return self._add(session)

    def connect(self) -> Session:
        """The instance a replica belongs to; elsewhere the detached one of this Ray namespace, or InstanceError."""
        with self._lock:
            _ensure_ray()
            session = self.of_replica() or self._detached()
            if session is None:
                raise InstanceError(
                    "no detached serve instance runs in this Ray namespace; serve.start(detached=True) one, and give "
                    "every driver that uses it the same ray.init(namespace=...)"
                )
            return self._add(session)

    def current(self) -> Session:
        """What module functions work on: the first this process started, else what `connect` finds."""
        with self._lock:
            if not ray.is_initialized():
                raise InstanceError("no serve instance runs; call serve.start() first")
            running = self.of_replica() or self._first()
            if running is not None:
                return running
            try:
                return self.connect()
            except InstanceError as error:
                raise InstanceError(
                    f"no serve instance was started here; call serve.start() (in Ray 0.8 serve.init()) first ({error})"
                ) from None

    def knows(self, session: Session) -> bool:
        """Whether a session is alive and of the Ray this process is connected to now."""
        with self._lock:
            return session.alive and ray.is_initialized() and session in self._living()

    def shutdown_current(self) -> None:
        """Shut down the instance of `current`; none is fine."""
        with self._lock:
            if not ray.is_initialized():
                return
            try:
                session = self.current()
            except InstanceError:
                return
            session.shutdown()

    def shutdown_owned(self) -> None:
        """At the end of the process: stop what does not outlive it."""
        if not ray.is_initialized():
            return
        for session in self._living():
            if session.owned:
                session.shutdown()

    def _living(self) -> list[Session]:
        key = process_key()
        if key != self._key:  # another Ray session than last time
            self._key, self._sessions = key, []
        self._sessions = [session for session in self._sessions if session.alive]
        return self._sessions

    def _first(self) -> Session | None:
        return next(iter(self._living()), None)

    def _add(self, session: Session) -> Session:
        for known in self._living():
            if known.name == session.name:
                return known
        self._sessions.append(session)
        return session

    def _attaches(self, running: Session, options: HTTPOptions) -> bool:
        if context.current() is not None:
            return True
        said = eras.chosen().second_start
        if said is None:
            same = _address(options) == _address(running.http_options())
            said = second_start(running.used, same)
        if said == "new":
            return False
        self._warn_if_different(running, options)
        return True

    def _warn_if_different(self, running: Session, options: HTTPOptions) -> None:
        if options != HTTPOptions() and _address(options) != _address(running.http_options()):
            warnings.warn(
                "serve.start() attached to the instance that runs already; its HTTP options stay as they are",
                UserWarning,
                stacklevel=5,
            )
        logger.info("attached to serve instance %s", running.name.controller)

    def of_replica(self) -> Session | None:
        """The instance this process is a replica of, if it is one."""
        replica = context.current()
        if replica is None:
            return None
        name = InstanceName(replica.controller_name, replica.namespace)
        return self._known(name) or self._add(_attached(name))

    def _detached(self) -> Session | None:
        return self._found(InstanceName(CONTROLLER_NAME, cluster.instance_namespace()))

    def _found(self, name: InstanceName) -> Session | None:
        try:
            return self._known(name) or _attached(name)
        except InstanceError:
            return None

    def _known(self, name: InstanceName) -> Session | None:
        return next((session for session in self._living() if session.name == name), None)


def random_letters(length: int = 6) -> str:
    """That many random letters, as instances and replicas are named with."""
    return "".join(random.choices(string.ascii_letters, k=length))


def _launch(controller_name: str, detached: bool, options: HTTPOptions, dedicated_cpu: bool) -> Session:
    cluster.let_python_heed_sigterm()  # the instance is stopped in order at the end of the process
    name = InstanceName(controller_name, cluster.instance_namespace())
    controller = start_controller(name, detached, options, dedicated_cpu)
    routers.open(name)
    session = Session(controller, name, owned=not detached, detached=detached)
    try:
        session.wait_until_ready(READY_S)
    except BaseException:  # whatever went wrong, half an instance must not stay behind
        session.shutdown()
        raise
    return session


def _attached(name: InstanceName) -> Session:
    return Session(find_controller(name), name, owned=False, detached=True)


def _ensure_ray() -> None:
    if not ray.is_initialized():
        ray.init()


def _address(options: HTTPOptions) -> tuple[str | None, int] | None:
    return None if options.location is DeploymentMode.NoServer else (options.host, options.port)


instances = Instances()
atexit.register(instances.shutdown_owned)
