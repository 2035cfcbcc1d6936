"""What `serve-compat env` does; returns values, prints nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from legacy import settings
from legacy.environments import cache
from legacy.environments.interpreter import prepare_interpreter
from legacy.environments.job import Job
from legacy.environments.local import local_archive, local_prefix
from legacy.environments.lookup import known_environments, lookup_paths, resolved
from legacy.environments.pack import pack_to
from legacy.environments.preflight import judge, needed_here, probe, repair
from legacy.environments.unpack import unpacked
from legacy.environments.wanted import Wanted, wanted_environment
from serve_compat.operations.tables import NONE, table

Tell = Callable[[str], None] | None
_PACKAGE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+\.json")


def report() -> dict[str, Any]:
    """The environments that have a name here, and the entries of this node's cache, sizes in bytes."""
    given = settings.load()
    paths = lookup_paths(given)
    held = cache.from_settings(given)
    named = {
        name: {"prefix": prefix, "active": prefix == paths.active.prefix, **_versions(prefix)}
        for name, prefix in known_environments(paths).items()
    }
    entries = [
        {"kind": each.kind, "digest": each.digest, "label": each.label, "size": each.size, "in_use": each.in_use,
         "used_at": each.used_at}
        for each in held.entries()
    ]  # fmt: skip
    whole = {"path": str(held.root), "max_bytes": held.max_bytes, "entries": entries}
    return {"environments": named, "cache": whole, "needed": {"python": needed_here().python, "ray": needed_here().ray}}


def as_text(found: Mapping[str, Any], width: int | None = None) -> str:
    """The report as tables."""
    rows = [
        [name + ("*" if one["active"] else ""), one["python"] or NONE, one["ray"] or NONE, one["prefix"]]
        for name, one in sorted(found["environments"].items())
    ]
    held = found["cache"]
    entries = [
        [one["digest"][:12], one["kind"], one["label"] or NONE, f"{one['size'] / 2**20:.1f} MiB",
         "now" if one["in_use"] else time.strftime("%Y-%m-%d %H:%M", time.localtime(one["used_at"]))]
        for one in held["entries"]
    ]  # fmt: skip
    total = sum(one["size"] for one in held["entries"])
    parts = [
        table(("ENVIRONMENT", "PYTHON", "RAY", "PREFIX"), rows, width) if rows else "No conda environments were found.",
        f"Cache {held['path']}: {total / 2**20:.1f} of {held['max_bytes'] / 2**20:.0f} MiB",
        table(("DIGEST", "KIND", "LABEL", "SIZE", "USED"), entries, width) if entries else "",
    ]
    return "\n\n".join(part for part in parts if part)


def pack(name: str, output: Path, tell: Tell = None) -> int:
    """Pack an environment into a file; returns the file's size in bytes. Errors as `local_prefix` and `pack_to`."""
    wanted, held, job = _asked(name, tell)
    if wanted.is_packed:
        raise ValueError(f"{name} is packed already")
    prefix = local_prefix(wanted, held, job, lookup_paths(settings.load()))
    assert prefix is not None, "only an archive has no directory"
    pack_to(prefix, output.absolute(), job)
    _done(tell)
    return output.stat().st_size


def check(name: str, tell: Tell = None) -> dict[str, Any]:
    """What an environment has and what is wrong with it, seen from this installation. Errors as `probe`."""
    wanted, held, job = _asked(name, tell)
    paths = lookup_paths(settings.load())
    prefix = local_prefix(wanted, held, job, paths)
    if prefix is None:
        prefix = unpacked(local_archive(wanted, held, job, paths), held, job)
    made, lease = prepare_interpreter(prefix, wanted, held, job)
    needed = needed_here()
    with lease:
        found = probe(made, needed, job)
    _done(tell)
    return {
        "name": wanted.label,
        "prefix": prefix,
        "python": found.python,
        "ray": found.ray,
        "problems": list(judge(found, needed)),
        "repair": repair(prefix, found, needed),
    }


def _asked(name: str, tell: Tell) -> tuple[Wanted, cache.Cache, Job]:
    given = settings.load()
    wanted = wanted_environment({"runtime_env": {"conda": name}})
    assert wanted is not None, "a name was given"
    job = Job(name, given.environment_timeout_s, tell)
    return resolved(wanted, lookup_paths(given)), cache.from_settings(given), job


def _done(tell: Tell) -> None:
    if tell is not None:
        tell("")


def _versions(prefix: str) -> dict[str, str]:
    """The versions of Python and Ray by what lies in the directory; "" for none. Nothing of it is run."""
    found = {"python": "", "ray": ""}
    for record in Path(prefix, "conda-meta").glob("python-*.json"):
        match = _PACKAGE.fullmatch(record.name)
        if match and match["name"] == "python":
            found["python"] = match["version"]
    for info in Path(prefix).glob("lib/python*/site-packages/ray-*.dist-info"):
        found["ray"] = info.name.removeprefix("ray-").removesuffix(".dist-info")
    return found
