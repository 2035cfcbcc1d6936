"""An environment on the machine of the program that wants it: its directory, or packed as a file to send."""

from __future__ import annotations

from legacy.environments.archive import Archive
from legacy.environments.cache import Cache
from legacy.environments.create import created
from legacy.environments.job import Job
from legacy.environments.lookup import LookupPaths, resolved
from legacy.environments.pack import packed, taken_over
from legacy.environments.wanted import Wanted


def local_prefix(wanted: Wanted, cache: Cache, job: Job, paths: LookupPaths) -> str | None:
    """The environment's directory on this machine, created if it is wanted as a list of packages.

    Returns:
        None for a packed environment, which has to be unpacked here like anywhere else.

    Raises:
        EnvironmentMissingError: it does not exist.
        EnvironmentFailedError: it cannot be created.
    """
    if wanted.is_packed:
        return None
    if wanted.kind == "spec":
        return created(wanted.value, cache, job, paths)
    return resolved(wanted, paths).value


def local_archive(wanted: Wanted, cache: Cache, job: Job, paths: LookupPaths) -> Archive:
    """The environment as a file to send to other machines; packed once for the same content. Errors as `packed`."""
    prefix = local_prefix(wanted, cache, job, paths)
    if prefix is None:
        return taken_over(resolved(wanted, paths).value, cache, job)
    return packed(prefix, cache, job)
