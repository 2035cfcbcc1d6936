"""Pack an environment: conda-pack decides what belongs to it, and the same content always gives the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conda_pack
from conda_pack.core import Packer

from legacy.environments.archive import Archive, hashed
from legacy.environments.cache import MARK, Cache
from legacy.environments.compression import compressed
from legacy.environments.disk import explained
from legacy.environments.job import Job
from legacy.environments.tree import TreeWriter
from legacy.errors import EnvironmentFailedError

AHEAD = 32  # files
FORM = "1"  # of our archives; another number forgets what was packed before


def packed(prefix: str, cache: Cache, job: Job) -> Archive:
    """The environment as an archive in the cache; packed once, until something in the environment changes.

    Args:
        prefix: the environment's directory.

    Raises:
        EnvironmentFailedError: conda-pack refuses it, the disk is full, or the job's time is up.
    """
    job.step("looking for changes")
    state = fingerprint(prefix, job)
    note = cache.root / "packed" / state
    with cache.working(state, job):
        known = cache.archive(note.read_text().strip()) if note.is_file() else None
        if known is not None:
            cache.lease(known.digest).release()
            return known
        archive = _pack(prefix, state, cache, job)
        with explained(job.label, "packing", cache.root):
            note.write_text(archive.digest + "\n")
    cache.evict(keep=[archive.digest])
    return archive


def taken_over(path: str, cache: Cache, job: Job) -> Archive:
    """A packed environment of the user's as an archive; it is not copied, and stays the user's.

    Raises:
        EnvironmentFailedError: it cannot be read.
    """
    with explained(job.label, "reading", Path(path)):
        return Archive(hashed(Path(path), job, "reading"), path, os.path.getsize(path))


def pack_to(prefix: str, output: Path, job: Job) -> None:
    """Pack the environment into a file. A file that is there is replaced at the end, and stays as it is on failure.

    Raises:
        EnvironmentFailedError: conda-pack refuses it, the disk is full, or the job's time is up.
    """
    environment = _environment(prefix)
    part = output.with_name(f".{output.name}.partial")
    try:
        with explained(job.label, "packing", output.parent):
            with part.open("wb") as file, compressed(file) as stream:
                writer = TreeWriter(stream, environment, job)
                packer = Packer(prefix, writer)
                with warnings.catch_warnings():
                    # says that packages which are not in conda's package cache are packed as they lie
                    warnings.simplefilter("ignore")
                    for number, member in enumerate(environment.files):
                        job.step("packing", number / len(environment.files))
                        _announce(environment.files[number + AHEAD : number + AHEAD + 1])
                        packer.add(member)
                    # conda-pack wants every text file of unknown origin rewritten, also those with nothing to rewrite
                    packer.prefixes = [
                        each for each in packer.prefixes if each[1] != prefix or each[0] not in writer.without_prefix
                    ]
                    packer.finish()
                writer.close()
            os.replace(part, output)
    except conda_pack.CondaPackException as error:
        raise _refusal(prefix, error) from error
    finally:
        part.unlink(missing_ok=True)


def fingerprint(prefix: str, job: Job) -> str:
    """A hash of names, sizes and times in the environment: changes when the environment is changed.

    Compiled bytecode is left out: running the environment writes it.
    """
    digest = hashlib.sha256(f"{FORM}\0{os.path.abspath(prefix)}\0".encode())
    for name, status in _walk(prefix):
        job.step("looking for changes")
        digest.update(f"{name}\0{status.st_mode}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="replace"))
    return digest.hexdigest()


def _announce(files: list[Any]) -> None:
    # lets the disk read what will be packed soon, while the compressor works
    for file in files:
        with contextlib.suppress(OSError):
            descriptor = os.open(file.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(descriptor)


def _walk(prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    for root, directories, files in os.walk(prefix):
        directories[:] = sorted(name for name in directories if name != "__pycache__")
        links = [name for name in directories if os.path.islink(os.path.join(root, name))]
        for name in sorted([*files, *links]):
            path = os.path.join(root, name)
            yield os.path.relpath(path, prefix), os.lstat(path)


def _pack(prefix: str, state: str, cache: Cache, job: Job) -> Archive:
    with cache.half_done("archives", state) as part:
        pack_to(prefix, part, job)
        size = part.stat().st_size
        digest = hashed(part, job, "hashing")
        with explained(job.label, "packing", part.parent):
            place = cache.complete(part, "archives", digest, job.label)
    return Archive(digest, str(place), size)


def _environment(prefix: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            environment = conda_pack.CondaEnv.from_prefix(prefix).exclude(MARK)
    except conda_pack.CondaPackException as error:
        raise _refusal(prefix, error) from error
    except (OSError, ValueError, KeyError) as error:
        raise EnvironmentFailedError(f"the environment {prefix} cannot be packed: {error!r}") from error
    links = [str(path) for path in Path(prefix).glob("lib/python*/site-packages/*.egg-link")]
    if links:
        raise EnvironmentFailedError(_editable(prefix, f"editable packages are installed in it: {', '.join(links)}"))
    return environment


def _refusal(prefix: str, error: Exception) -> EnvironmentFailedError:
    said = " ".join(str(error).split())
    if "editable" in said:
        return EnvironmentFailedError(_editable(prefix, said))
    if "deleted/overwritten" in said:
        remedy = "install those packages again with conda, or remove the copies that pip put over them"
    elif "is not a conda environment" in said:
        remedy = "name the directory of a conda environment, one with a conda-meta directory"
    else:
        remedy = "correct that, or pack it yourself with conda-pack and name the archive"
    return EnvironmentFailedError(f"the environment {prefix} cannot be packed: {said}: {remedy}")


def _editable(prefix: str, said: str) -> str:
    return (
        f"the environment {prefix} cannot be packed: {said}: their code lies outside the environment; install them "
        f"without -e ({prefix}/bin/python -m pip install DIRECTORY), or send their directories with "
        "runtime_env['py_modules']"
    )
