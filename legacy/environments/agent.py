"""The actor that prepares environments on its node: gets them there, checks and keeps them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError

from legacy import settings
from legacy.environments import cache as caches
from legacy.environments.archive import Archive
from legacy.environments.fingerprint import change_stamp, file_stamp, package_fingerprint
from legacy.environments.interpreter import Interpreter, prepare_interpreter
from legacy.environments.job import Job
from legacy.environments.local import local_archive, local_prefix
from legacy.environments.origin import Offer, Origin, Prepared
from legacy.environments.preflight import check
from legacy.environments.ship import fetched
from legacy.environments.start_link import StartLinks
from legacy.environments.unpack import unpacked
from legacy.environments.upload import Upload
from legacy.errors import EnvironmentFailedError
from legacy.logs import logger

PATIENCE = 3  # the archive's node creates, packs and hashes it; each step has the whole time


@dataclass
class _Held:
    """An environment that may be used here; `lock` lets one preparation of it run at a time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    lease: contextlib.ExitStack | None = None


class ServeEnvironments:
    """One node's environments. Every method may be called again after the controller died, and finds its work done.

    Args:
        node: the id of this node.
        directory: the instance's private directory, where replicas find what starts them.
    """

    def __init__(self, node: str, directory: str) -> None:
        self._settings = settings.load()
        self._node = node
        self._cache = caches.from_settings(self._settings)
        self._links = StartLinks(directory, self._settings.raylet_pid)
        self._held: dict[str, _Held] = {}
        self._checked: set[tuple[object, ...]] = set()  # interpreter, state of the environment, replicas' variables
        self._fetched: dict[str, Offer] = {}
        self._given: dict[str, tuple[object, Archive]] = {}  # packed files of users, which take long to hash
        self._jobs: dict[str, tuple[Job, str]] = {}
        self._uploads: dict[str, Upload] = {}

    async def prepare(self, origin: Origin, env_vars: dict[str, str], source: Any | None) -> Prepared:
        """Make replicas startable in the environment on this node.

        Args:
            env_vars: of the replicas' runtime_env.
            source: the agent that has it; None when it comes from this node itself.
        """
        held = self._held.setdefault(origin.key, _Held())
        async with held.lock:
            try:
                if self._runs_in(origin):
                    self._links.put(origin.key, sys.executable)  # for the case that other nodes need a path
                    return Prepared(as_it_is=True)
                await asyncio.to_thread(self._prepare, held, origin, env_vars, source)
            except (EnvironmentFailedError, RayError, OSError) as error:
                return Prepared(await self._without(origin, str(error)))
        return Prepared()

    async def offer(self, origin: Origin) -> Offer | str:
        """The archive of an environment that this node has, packed now if need be; else why there is none."""
        if origin.node_id != self._node:
            return self._fetched.get(origin.key) or f"node {self._node} does not have it"
        try:
            archive = await asyncio.to_thread(self._archive, origin)
        except EnvironmentFailedError as error:
            return str(error)
        return Offer(archive.digest, archive.size)

    async def has(self, key: str) -> bool:
        """Whether this node has fetched the environment, so that others may get it from here."""
        offer = self._fetched.get(key)
        return offer is not None and self._cache.archive(offer.digest) is not None

    async def read(self, path: str, offset: int) -> bytes:
        """A piece of an archive that `locate` gave, for another node."""
        return await asyncio.to_thread(Archive("", path, 0).read, offset)

    async def locate(self, origin: Origin, digest: str) -> str:
        """The file of an archive that this node offered; "" when it is gone."""
        archive = self._cache.archive(digest)
        if archive is not None:
            return archive.path
        return origin.wanted.value if origin.wanted.is_packed and origin.uploaded is None else ""

    async def receive(self, label: str, offer: Offer) -> bool:
        """Begin to take an archive in from outside the cluster; False when it is here already."""
        if self._cache.archive(offer.digest) is not None:
            return False
        self._uploads[offer.digest] = Upload(label, offer, self._cache, self._settings.environment_timeout_s)
        return True

    async def take(self, digest: str, number: int, piece: bytes) -> None:
        """A piece of an upload; errors as `Upload.take`."""
        await self._uploads[digest].take(number, piece)

    async def received(self, digest: str) -> None:
        """Wait until an upload is on the disk; errors as `Upload.done`."""
        await self._uploads.pop(digest).done()

    async def progress(self) -> dict[str, str]:
        """What is being done now: key of the environment -> "packing 40%"."""
        return {key: said for key, (_, said) in self._jobs.items()}

    async def keep(self, keys: set[str]) -> None:
        """Let go of every other environment, so that the cache may drop it."""
        for key in [key for key, held in self._held.items() if key not in keys and not held.lock.locked()]:
            lease = self._held.pop(key).lease
            self._links.remove(key)
            if lease is not None:
                lease.close()

    async def stop(self) -> None:
        """End what is being done, and remove what leads replicas to their environments."""
        for job, _ in self._jobs.values():
            job.cancel()
        self._links.close()

    def _prepare(self, held: _Held, origin: Origin, env_vars: dict[str, str], source: Any | None) -> None:
        with self._job(origin) as job:
            prefix = self._own(origin, job) if source is None else self._brought(origin, source, job)
            found, lease = prepare_interpreter(prefix, origin.wanted, self._cache, job)
            with contextlib.ExitStack() as undo:
                undo.enter_context(lease)
                self._check(found, env_vars, job)
                self._links.put(origin.key, found.wrapper)
                undo.pop_all()
        if held.lease is not None:
            held.lease.close()
        held.lease = lease

    def _runs_in(self, origin: Origin) -> bool:
        """Whether an environment that nobody named is what the cluster was started in: Ray has processes for that."""
        prefix = os.path.realpath(origin.wanted.value)
        active = os.path.realpath(self._settings.conda_prefix or os.sep)
        return origin.implied and not origin.wanted.pip and prefix == active == os.path.realpath(sys.prefix)

    def _own(self, origin: Origin, job: Job) -> str:
        prefix = None if origin.uploaded else local_prefix(origin.wanted, self._cache, job, origin.lookup_paths)
        return prefix or unpacked(self._archive(origin, job), self._cache, job)

    def _brought(self, origin: Origin, source: Any, job: Job) -> str:
        if origin.packages and package_fingerprint(origin.wanted.value) == origin.packages:
            return origin.wanted.value  # nodes of a cluster are often copies of each other
        job.step("waiting for its archive")
        offer = ray.get(source.offer.remote(origin), timeout=PATIENCE * job.left())
        if isinstance(offer, str):
            raise EnvironmentFailedError(offer)
        prefix = self._cache.prefix(offer.digest)
        if prefix is None:
            prefix = unpacked(self._fetch(origin, offer, source, job), self._cache, job)
        self._fetched[origin.key] = offer
        return prefix

    def _fetch(self, origin: Origin, offer: Offer, source: Any, job: Job) -> Archive:
        path = ray.get(source.locate.remote(origin, offer.digest), timeout=job.left())
        if not path:
            raise EnvironmentFailedError(
                f"environment {origin.wanted.label}: its archive is gone from the node that packed it; deploy again"
            )
        return fetched(
            offer,
            lambda offset: source.read.remote(path, offset),
            lambda piece, patience_s: ray.get(piece, timeout=patience_s),
            self._cache,
            job,
        )

    def _archive(self, origin: Origin, job: Job | None = None) -> Archive:
        if origin.uploaded is not None:
            archive = self._cache.archive(origin.uploaded.digest)
            if archive is None:
                raise EnvironmentFailedError(
                    f"environment {origin.wanted.label}: the archive that was sent is gone from node {self._node}; "
                    "deploy again"
                )
            return archive
        with contextlib.nullcontext(job) if job is not None else self._job(origin) as working:
            if not origin.wanted.is_packed:
                return local_archive(origin.wanted, self._cache, working, origin.lookup_paths)
            state = file_stamp(origin.wanted.value)
            if state is None or self._given.get(origin.wanted.value, (None,))[0] != state:
                packed = local_archive(origin.wanted, self._cache, working, origin.lookup_paths)
                self._given[origin.wanted.value] = state, packed
            return self._given[origin.wanted.value][1]

    def _check(self, found: Interpreter, env_vars: dict[str, str], job: Job) -> None:
        subject = (found.wrapper, found.digest or change_stamp(found.prefix), tuple(sorted(env_vars.items())))
        if subject not in self._checked:
            check(found, self._node, job, env_vars)
            self._checked.add(subject)

    async def _without(self, origin: Origin, error: str) -> str:
        """What replicas do on a node that cannot have the environment."""
        if not origin.implied:
            return error
        # nobody asked for it by name, and the originals used whatever the node had
        logger.warning("replicas on node %s run in its own Python, not in their caller's: %s", self._node, error)
        try:
            await asyncio.to_thread(self._links.put, origin.key, sys.executable)
        except OSError as problem:
            return f"environment {origin.wanted.label}: {problem}"
        return ""

    @contextlib.contextmanager
    def _job(self, origin: Origin) -> Iterator[Job]:
        def tell(said: str) -> None:
            self._jobs[origin.key] = (job, said)

        job = Job(origin.wanted.label, self._settings.environment_timeout_s, tell)
        tell("waiting")
        try:
            yield job
        finally:
            self._jobs.pop(origin.key, None)
