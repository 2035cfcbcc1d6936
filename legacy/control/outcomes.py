"""What the caller of a command is told about how its change ended. Pure."""

from __future__ import annotations

from legacy.control.desired import Desired
from legacy.control.fleet import Fleet
from legacy.control.registered import undoing
from legacy.errors import (
    BackendDeletedError,
    BackendEnvironmentError,
    BackendHealthError,
    BackendStartError,
    ChangeSupersededError,
)
from legacy.records import StartFailure


def how_it_ended(desired: Desired, fleet: Fleet | None, tag: str, command: str) -> Exception | None:
    """The error of a command that Ray runs again after a crash, of which its caller has not been told yet.

    Args:
        fleet: of the backend that the command changes; None while there is none.
    """
    if desired.log.has_undone("backend", tag, command):
        return deleted_since(tag)
    known = desired.backends.get(tag)
    if known is None:
        return None
    if command in known.superseded:
        return superseded(tag)
    if known.revision == undoing(command) and fleet is not None and fleet.taken_back is not None:
        return start_error(tag, fleet.taken_back)
    return None


def start_error(tag: str, failure: StartFailure) -> BackendStartError:
    """What the caller of a command is told about a failure of its change."""
    kinds = {"environment": BackendEnvironmentError, "health": BackendHealthError}
    return kinds.get(failure.kind, BackendStartError)(failure_text(tag, failure))


def superseded(tag: str) -> ChangeSupersededError:
    """What the caller of a command is told when another has taken its place."""
    return ChangeSupersededError(
        f"another change of backend {tag!r} took the place of this one before it was in force; "
        "look at what is registered now, and ask again if this one is still wanted"
    )


def deleted_since(tag: str) -> BackendDeletedError:
    """What the caller of a command is told when what it made was deleted before it was answered."""
    return BackendDeletedError(
        f"backend {tag!r} was deleted by another command before this one was answered; "
        "look at what is registered now, and ask again if this one is still wanted"
    )


def failure_text(tag: str, failure: StartFailure) -> str:
    """The message of a BackendStartError: which replica, what failed, and the user's traceback."""
    step = {
        "constructor": "its constructor raised",
        "reconfigure": "its reconfigure(user_config) failed",
        "lost": "its code did not arrive",
        "import": "its code could not be imported",
        "environment": "its environment cannot be used",
        "actor": "its actor could not be made",
        "died": "its process died",
        "timeout": "it was not ready in time",
        "health": "its health check failed",
        "hung": "it hangs",
    }[failure.kind]
    text = f"backend {tag!r} did not start: replica {failure.replica}: {step}: {failure.error}"
    return f"{text}\n{failure.traceback}".rstrip()
