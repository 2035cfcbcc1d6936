"""The node's cache of environments: a private directory that all processes of a user share.

    archives/<digest>      packed environments
    prefixes/<digest>      unpacked ones
    created/<digest>       made from an environment.yml
    overlays/<digest>      `pip` packages on top of one
    locks/<digest>.work    held by who builds it
    locks/<digest>.use     shared by who uses it; its time is the last use

A directory counts only with its mark, which is written last. What a killed process left half-done has none, holds no
lock, and is swept.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from legacy.environments import locks
from legacy.environments.archive import Archive
from legacy.environments.disk import remove, sync_directory, sync_tree, tree_bytes
from legacy.environments.job import Job
from legacy.environments.locks import FileLock
from legacy.errors import EnvironmentFailedError
from legacy.settings import Settings

Kind = Literal["archives", "prefixes", "created", "overlays"]
TREES: tuple[Kind, ...] = ("prefixes", "created", "overlays")
KINDS: tuple[Kind, ...] = ("archives", *TREES)
DIRECTORIES = (*KINDS, "locks", "links", "wrappers", "packed", "trash")
MARK = ".serve-compat"
_OWN_TRASH = re.compile(r"[0-9a-f]{32}")
GRACE_S = 300.0  # between unpacking and the first lease nobody holds an environment


@dataclass(frozen=True)
class Entry:
    """Something in the cache.

    Attributes:
        label: the environment's name when it was made.
        size: in bytes.
        used_at: the last use, in seconds since the epoch.
    """

    kind: Kind
    digest: str
    path: str
    label: str
    size: int
    used_at: float
    in_use: bool


class Cache:
    """See the module.

    Args:
        root: is made when missing, for this user alone.
        max_bytes: above it the entries whose last use is longest ago go, except those in use.

    Raises:
        EnvironmentFailedError: the directory belongs to somebody else or cannot be made.
    """

    def __init__(self, root: Path, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.root = Path(os.path.abspath(root))
        self.max_bytes = max_bytes
        self._clock = clock
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in DIRECTORIES:
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise EnvironmentFailedError(
                f"the cache of environments {self.root} cannot be made: {error}; name another directory with "
                "SERVE_COMPAT_ENVIRONMENTS_DIR"
            ) from error
        found = self.root.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            # programs are run from here
            raise EnvironmentFailedError(
                f"the cache of environments {self.root} belongs to another user or others may write to it; "
                "correct that, or name another directory with SERVE_COMPAT_ENVIRONMENTS_DIR"
            )

    def place(self, kind: Kind, digest: str) -> Path:
        """Where something lies or will lie."""
        return self.root / kind / digest

    def prefix(self, digest: str) -> str | None:
        """The unpacked environment, or None while it is not complete."""
        place = self.place("prefixes", digest)
        return str(place) if is_complete(place) else None

    def archive(self, digest: str) -> Archive | None:
        """The packed environment, or None."""
        place = self.place("archives", digest)
        return Archive(digest, str(place), place.stat().st_size) if place.is_file() else None

    def working(self, digest: str, job: Job) -> FileLock:
        """The lock of who builds something; waits until others have built it or died.

        Raises:
            EnvironmentFailedError: the job's time is up.
        """
        return locks.acquire(self._lock(digest, "work"), job, "waiting for another process that prepares it")

    def lease(self, digest: str) -> FileLock:
        """Keep something from being evicted, until it is released or this process dies. Counts as a use.

        It does not say that the thing is there: look after taking the lease.
        """
        path = self._lock(digest, "use")
        lease = locks.shared(path)
        os.utime(path, (self._clock(), self._clock()))
        return lease

    @contextlib.contextmanager
    def half_done(self, kind: Kind, digest: str) -> Iterator[Path]:
        """A path to build something at, for the holder of the `working` lock; what is left there at the end goes."""
        for leftover in self._half_done(kind, digest):
            remove(leftover)
        path = self.root / kind / f".{digest}.{uuid.uuid4().hex[:8]}.partial"
        try:
            yield path
        finally:
            remove(path)

    def complete(self, built: Path, kind: Kind, digest: str, label: str) -> Path:
        """Put what was built at its place, at once and durably. A tree gets its mark."""
        place = self.place(kind, digest)
        if kind == "archives":
            with built.open("rb") as file:
                os.fsync(file.fileno())
        else:
            facts = {"label": label, "size": tree_bytes(built)}
            (built / MARK).write_text(json.dumps(facts) + "\n")
            sync_tree(built)
        if built != place:
            os.rename(built, place)
        sync_directory(place.parent)
        self.lease(digest).release()
        return place

    def entries(self) -> list[Entry]:
        """Everything that is complete, the one used longest ago first."""
        found = [entry for kind in KINDS for entry in self._entries(kind)]
        return sorted(found, key=lambda entry: (entry.used_at, entry.digest))

    def evict(self, keep: Collection[str] = ()) -> list[str]:
        """Remove what was used longest ago until the cache is below its limit, and what killed processes left.

        Never removes what is leased or was used in the last GRACE_S seconds, so it may stay above the limit.

        Args:
            keep: digests that stay in any case.

        Returns:
            The digests that went.
        """
        self._sweep()
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        gone = []
        for entry in entries:
            if total <= self.max_bytes:
                break
            recent = self._clock() - entry.used_at < GRACE_S
            if entry.digest not in keep and not recent and self._remove(entry):
                total -= entry.size
                gone.append(entry.digest)
        return gone

    def _remove(self, entry: Entry) -> bool:
        with contextlib.ExitStack() as held:
            for purpose in ("work", "use"):
                lock = locks.attempt(self._lock(entry.digest, purpose))
                if lock is None:
                    return False
                held.enter_context(lock)
            trash = self.root / "trash" / uuid.uuid4().hex
            os.rename(entry.path, trash)  # at once, so that nobody meets half of it
        remove(trash)
        return True

    def _entries(self, kind: Kind) -> Iterator[Entry]:
        for path in (self.root / kind).iterdir():
            digest = path.name
            if digest.startswith(".") or (kind != "archives" and not is_complete(path)):
                continue
            lock = self._lock(digest, "use")
            if not lock.exists():
                continue  # nobody put it here with `complete`
            with contextlib.suppress(FileNotFoundError):
                facts: dict[str, Any] = (
                    {"size": path.stat().st_size} if kind == "archives" else json.loads((path / MARK).read_text())
                )
                used_at = lock.stat().st_mtime
                yield Entry(kind, digest, str(path), facts.get("label", ""), facts["size"], used_at, _is_held(lock))

    def _sweep(self) -> None:
        for kind in KINDS:
            for path in self._half_done(kind):
                lock = locks.attempt(self._lock(path.name.split(".")[1], "work"))
                if lock is not None:
                    with lock:
                        remove(path)
        for path in (self.root / "trash").iterdir():
            if _OWN_TRASH.fullmatch(path.name):  # the directory is one that a user may have named
                remove(path)

    def _half_done(self, kind: Kind, digest: str = "*") -> list[Path]:
        return list((self.root / kind).glob(f".{digest}.{'[0-9a-f]' * 8}.partial"))

    def _lock(self, digest: str, purpose: str) -> Path:
        return self.root / "locks" / f"{digest}.{purpose}"


def from_settings(settings: Settings) -> Cache:
    """The cache that the settings name; below the user's cache directory by default."""
    if settings.environments_dir:
        return Cache(Path(settings.environments_dir), settings.environments_max_bytes)
    base = Path(settings.cache_home) if settings.cache_home else Path(settings.home or Path.home()) / ".cache"
    return Cache(base / "serve-compat" / "environments", settings.environments_max_bytes)


def is_complete(directory: Path) -> bool:
    """Whether a tree in the cache was finished."""
    return (directory / MARK).is_file()


def leased_by(prefix: Path) -> Path | None:
    """The lock file which keeps a directory of a cache from being evicted; None for one that lies elsewhere."""
    root = prefix.parent.parent
    inside = prefix.parent.name in TREES and is_complete(prefix) and (root / "locks").is_dir()
    return root / "locks" / f"{prefix.name}.use" if inside else None


def hold_own_environment() -> list[FileLock]:
    """Keep the environments that this process runs in from being evicted until it ends."""
    found = (leased_by(Path(prefix)) for prefix in {sys.prefix, sys.base_prefix})
    _OWN.extend(locks.shared(path) for path in found if path is not None)
    return _OWN


_OWN: list[FileLock] = []  # held until the process ends


def _is_held(lock: Path) -> bool:
    free = locks.attempt(lock)
    if free is not None:
        free.release()
    return free is None
