"""Every error this project raises on purpose, and the HTTP status each one becomes.

    client call -> controller      InstanceError, BackendStartError, ChangeSupersededError,
                                   builtin ValueError / TypeError / KeyError
    request     -> router          QueueFullError (503), DeadlineError (503 / 504)
    router      -> replica         ReplicaLostError (500), UpstreamError (502)
    replica     -> user code       the user's own exception (500), MethodMissingError (500)

A class says the status and whether trying later can help; the message says what was asked, what is there, what to do.
All of them survive pickling with the same text: they are built from one string.
"""

from __future__ import annotations


class RayServeException(Exception):  # noqa: N818 - the public name since Ray 0.8
    """The base of all serve errors, under the name it has had since Ray 0.8."""

    status: int = 500
    retry_after_s: int | None = None


class InstanceError(RayServeException):
    """No serve instance can be reached, or the one asked for has been shut down."""


class NameTakenError(InstanceError):
    """Another program was faster to take the name under which an instance was to start."""


class BackendStartError(RayServeException, RuntimeError):
    """A replica could not be started: constructor, import, `reconfigure`, health check or environment failed."""


class BackendEnvironmentError(BackendStartError):
    """The environment of a backend's replicas cannot be used on any node they could run on."""


class BackendHealthError(BackendStartError):
    """A backend's replicas came up, but their health checks fail."""


class EnvironmentFailedError(RayServeException):
    """A conda environment could not be made, packed, sent, unpacked or used; nothing half-done is left in use."""


class EnvironmentMissingError(EnvironmentFailedError, ValueError):
    """The conda environment that was named does not exist (a ValueError, as in Ray 1.1-1.2)."""


class ResourcesError(RayServeException):
    """The cluster has no room for the replicas asked for (Ray 0.8-1.3 raise this at once)."""


class ChangeSupersededError(RayServeException, RuntimeError):
    """Another change of the backend took the place of this one before it was in force."""


class BackendDeletedError(RayServeException):
    """The backend was deleted while a call was waiting for it."""


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
