"""What the machine does on which the program that wants an environment runs."""

from __future__ import annotations

from legacy.environments.archive import Archive
from legacy.environments.cache import Cache
from legacy.environments.create import created
from legacy.environments.job import Job
from legacy.environments.lookup import Places, resolved
from legacy.environments.pack import packed, taken_over
from legacy.environments.wanted import Wanted


def prefix_at_home(wanted: Wanted, cache: Cache, job: Job, places: Places) -> str | None:
    """The environment's directory on this machine, created if it is wanted as a list of packages.

    Returns:
        None for a packed environment, which has to be unpacked here like anywhere else.

    Raises:
        EnvironmentMissingError: it does not exist.
        EnvironmentFailedError: it cannot be created.
    """
    if wanted.kind == "archive":
        return None
    if wanted.kind == "spec":
        return created(wanted.value, cache, job, places)
    return resolved(wanted, places).value


def archive_of(wanted: Wanted, cache: Cache, job: Job, places: Places) -> Archive:
    """The environment as a file to send to other machines; packed once for the same content.

    Raises:
        EnvironmentMissingError, EnvironmentFailedError: as `prefix_at_home`, and when it cannot be packed.
    """
    prefix = prefix_at_home(wanted, cache, job, places)
    if prefix is None:
        return taken_over(resolved(wanted, places).value, cache, job)
    return packed(prefix, cache, job)
