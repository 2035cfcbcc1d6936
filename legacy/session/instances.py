"""Which serve instances this process uses, and the rules of a second `start()`."""

from __future__ import annotations

import atexit
import random
import string
import threading
import warnings
from collections.abc import Set
from typing import Any, Literal

import ray

from legacy import cluster, controllers, eras
from legacy.constants import CONTROLLER_NAME
from legacy.errors import InstanceError, RayServeException
from legacy.generations import Generation
from legacy.http_options import DeploymentMode, HTTPOptions
from legacy.logs import logger
from legacy.records import InstanceName
from legacy.replica import context
from legacy.session.places import Places, found_by_itself, places
from legacy.session.session import Session
from legacy.session.starting import found_or_launched, launch


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
        self._connection: object = None
        self._sessions: list[Session] = []

    def start(self, detached: bool, options: HTTPOptions, dedicated_cpu: bool) -> Session:
        """Start an instance or attach to a running one.

        Raises:
            RayServeException: a second detached instance, where a new one was meant.
            InstanceError: other programs have all names that the instance could take.
            OSError, TimeoutError: HTTP did not come up; nothing keeps running.
        """
        with self._lock:
            _ensure_ray()
            self._forget_ended()
            running = self.of_replica() or self._first()
            if running is not None and self._attaches(running, options):
                return running
            alone = running is not None or eras.chosen().second_start == "new"
            called = controllers.detached_names() if detached else [f"{random_letters()}:{CONTROLLER_NAME}"]
            names = [_name(each) for each in called]
            session, launched = found_or_launched(
                lambda: self._none_beside(detached) if alone else self._started_elsewhere(detached, options),
                lambda: launch(names, detached, options, dedicated_cpu),
            )
            if not launched:
                self._warn_if_different(session, options)
            return self._add(session)

    def named(self, name: str | None, options: HTTPOptions) -> Session:
        """The instance of Ray 0.8 of that name, started if need be; in a replica, its own. Errors as `start`."""
        with self._lock:
            _ensure_ray()
            own = self.of_replica()
            if own is not None:
                return own
            names = controllers.detached_names() if name is None else [f"{name}:{CONTROLLER_NAME}"]
            wanted = [_name(each) for each in names]
            session, launched = found_or_launched(
                self._detached if name is None else lambda: _found(wanted[0]),
                lambda: launch(wanted, True, options, False),
            )
            if launched:
                session.owned = cluster.started_here()  # so that it is stopped in order before its cluster goes
            return self._add(session)

    def connect(self) -> Session:
        """The instance a replica belongs to; elsewhere the detached one (`legacy.session.places`), or InstanceError."""
        with self._lock:
            _ensure_ray()
            session = self.of_replica() or self._detached()
            if session is None:
                where = " or ".join(map(repr, _places().namespaces))
                others = controllers.others_in(_places().own)
                raise InstanceError(
                    f"no detached serve instance runs in Ray namespace {where}{others}; serve.start(detached=True) "
                    "one, and give every driver that uses it the same ray.init(namespace=...)"
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
        """Shut down the instance of `current`, unless only its being alone in the cluster tells; none is fine."""
        with self._lock:
            if not ray.is_initialized():
                return
            session = self.of_replica() or self._first() or self._in_places()
            if session is not None:
                session.shutdown()
            elif (other := self._anywhere()) is not None:
                where = f"{other.name.controller!r} in Ray namespace {other.name.namespace!r}"
                logger.warning(
                    "serve.shutdown() leaves serve instance %s alone, which this program has not used; "
                    "`serve-compat shutdown` ends it",
                    where,
                )

    def shutdown_owned(self) -> None:
        """At the end of the process: stop what does not outlive it."""
        if not ray.is_initialized():
            return
        for session in self._living():
            if session.owned:
                session.shutdown()

    def _living(self) -> list[Session]:
        connection = cluster.connection()
        if connection is not self._connection:  # another one than last time
            self._connection, self._sessions = connection, []
        self._sessions = [session for session in self._sessions if session.alive]
        return self._sessions

    def _forget_ended(self) -> None:
        """Leave out what another program has shut down: a handle does not tell until it is used."""
        for session in self._living():
            holder = controllers.holder(session.name)
            session.alive = holder is not None and cluster.actor_id(holder) == cluster.actor_id(session.controller)

    def _first(self) -> Session | None:
        return next(iter(self._living()), None)

    def _add(self, session: Session) -> Session:
        others = []
        for known in self._living():
            if known.name != session.name:
                others.append(known)
            elif known.controller == session.controller:
                return known
        self._sessions = [*others, session]
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
        known = next((session for session in self._living() if session.name == name), None)
        return known or self._add(_attached(name, controllers.find(name)))

    def _detached(self) -> Session | None:
        return self._in_places() or self._anywhere()

    def _in_places(self) -> Session | None:
        found = (controllers.find_detached(namespace) for namespace in _places().namespaces)
        return next((_attached(*each) for each in found if each is not None), None)

    def _anywhere(self) -> Session | None:
        if not _places().anywhere:
            return None
        running, _ = controllers.running()
        alone = found_by_itself(running, controllers.detached_names()[0])
        return _found(alone[0]) if len(alone) == 1 else None

    def _started_elsewhere(self, detached: bool, options: HTTPOptions) -> Session | None:
        """The detached instance that `start` attaches to instead of starting one."""
        session = self._detached()
        if session is None or (detached and session.name.namespace == _places().own):
            return session
        if eras.chosen().second_start == "attach":
            return session
        wanted = _address(options)
        clashes = wanted is not None and wanted[1] != 0 and wanted == _address(session.http_options())
        return session if clashes else None

    def _none_beside(self, detached: bool) -> None:
        if detached and controllers.find_detached(_places().own) is not None:
            raise RayServeException(
                "a detached serve instance runs in this Ray namespace already; serve.connect() to it, "
                "or shut it down first"
            )


def random_letters(length: int = 6) -> str:
    """That many random letters, as instances and replicas are named with."""
    return "".join(random.choices(string.ascii_letters, k=length))


def _name(controller: str) -> InstanceName:
    return InstanceName(controller, _places().own)


def _places() -> Places:
    return places(eras.chosen(), cluster.job_namespace())


def _attached(name: InstanceName, controller: Any) -> Session:
    return Session(controller, name, owned=False, detached=True)


def _found(name: InstanceName) -> Session | None:
    actor = controllers.holder(name)
    return _attached(name, actor) if actor is not None and controllers.is_ours(actor) else None


def _ensure_ray() -> None:
    if not ray.is_initialized():
        ray.init()


def _address(options: HTTPOptions) -> tuple[str | None, int] | None:
    return None if options.location is DeploymentMode.NoServer else (options.host, options.port)


instances = Instances()
atexit.register(instances.shutdown_owned)
