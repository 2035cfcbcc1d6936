"""Every error this project raises on purpose, and the HTTP status each one becomes.

    client call -> controller      InstanceError, BackendStartError, ChangeSupersededError,
                                   builtin ValueError / TypeError / KeyError
    request     -> router          QueueFullError (503), DeadlineError (503 / 504)
    router      -> replica         ReplicaLostError (500), UpstreamError (502)
    replica     -> user code       the user's own exception (500), MethodMissingError (500)

A class says the status and whether trying later can help; the message says what was asked, what is there, what to do.
All of them survive pickling with the same text: they are built from one string. Where the originals had a class for it,
programs see its name: they print it and compare with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Kind = TypeVar("_Kind", bound=type["RayServeException"])


class RayServeException(Exception):  # noqa: N818 - the public name since Ray 0.8
    """The base of all serve errors, under the name it has had since Ray 0.8."""

    status: int = 500
    retry_after_s: int | None = None

    def __reduce__(self) -> Any:
        here = _HERE.get(type(self))
        return super().__reduce__() if here is None else (_again, (here, self.args))


_HERE: dict[type[RayServeException], str] = {}  # what the classes are called here that have another name outside


def _again(here: str, args: tuple[Any, ...]) -> RayServeException:
    error: RayServeException = globals()[here](*args)
    return error


def _shown_as(name: str) -> Callable[[_Kind], _Kind]:
    """Give a class the name that the originals' error had."""

    def renamed(kind: _Kind) -> _Kind:
        _HERE[kind] = kind.__name__
        kind.__name__ = kind.__qualname__ = name
        return kind

    return renamed


@_shown_as("RayServeException")
class InstanceError(RayServeException):
    """No serve instance can be reached, or the one asked for has been shut down."""


@_shown_as("RayServeException")
class NameTakenError(InstanceError):
    """Another program was faster to take the name under which an instance was to start."""


@_shown_as("RuntimeError")
class BackendStartError(RayServeException, RuntimeError):
    """A replica could not be started: constructor, import, `reconfigure`, health check or environment failed."""


@_shown_as("RuntimeError")
class BackendEnvironmentError(BackendStartError):
    """The environment of a backend's replicas cannot be used on any node they could run on."""


@_shown_as("RuntimeError")
class BackendHealthError(BackendStartError):
    """A backend's replicas came up, but their health checks fail."""


@_shown_as("RayServeException")
class EnvironmentFailedError(RayServeException):
    """A conda environment could not be made, packed, sent, unpacked or used; nothing half-done is left in use."""


@_shown_as("ValueError")
class EnvironmentMissingError(EnvironmentFailedError, ValueError):
    """The conda environment that was named does not exist (a ValueError, as in Ray 1.1-1.2)."""


@_shown_as("RayServeException")
class ResourcesError(RayServeException):
    """The cluster has no room for the replicas asked for (Ray 0.8-1.3 raise this at once)."""


class ChangeSupersededError(RayServeException, RuntimeError):
    """Another change of the backend took the place of this one before it was in force."""


class BackendDeletedError(RayServeException):
    """The backend was deleted while a call was waiting for it."""


@_shown_as("RayServeException")
class MethodMissingError(RayServeException):
    """A call names a method which the backend's class does not have."""


class QueueFullError(RayServeException):
    """More requests wait for a replica than the router may hold."""

    status = 503
    retry_after_s = 1


class DeadlineError(RayServeException):
    """A request waited for a free replica longer than its deadline."""

    status = 503
    retry_after_s = 1


@_shown_as("RayServeException")
class EndpointMissingError(DeadlineError):
    """A handle call waited for an endpoint that nobody created (Ray 1.3-1.7 raise this after five seconds)."""


class NoBackendError(RayServeException):
    """A request reached an endpoint that no backend was linked to yet (Ray 0.7-0.8)."""

    status = 503
    retry_after_s = 1


class UpstreamTimeoutError(RayServeException):
    """A replica did not begin to answer in time."""

    status = 504


class UpstreamError(RayServeException):
    """A replica's answer broke the HTTP framing rules."""

    status = 502


class ReplicaLostError(RayServeException):
    """The replica died while it worked on the request, and the request may not be run again."""

    status = 500
