"""All names with their headings, and how a name that somebody typed is found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from serve_compat.explain import calls, settings
from serve_compat.explain.entry import Entry
from serve_compat.history import NAMES, Name

TABLES: Mapping[str, tuple[Entry, ...]] = {
    "Starting and stopping": calls.INSTANCE,
    "Backends": calls.BACKENDS,
    "Endpoints and traffic": calls.ENDPOINTS,
    "Settings of backends": settings.BACKEND_CONFIG,
    "Deployments": calls.DEPLOYMENTS,
    "Options of deployments": settings.DEPLOYMENT_OPTIONS,
    "Options of serve.start and serve.init": settings.START_OPTIONS,
    "Handles": calls.HANDLES,
    "What handlers get": settings.REQUESTS,
    "Graphs": calls.GRAPHS,
}
_PREFIXES = re.compile(r"^(ray\.)?(experimental\.)?(serve(_compat)?\.)?(client\.)?(api\.)?")


def find(asked: str) -> tuple[list[Entry], list[Name]]:
    """What is known about a name: from the old names that work here, and from those that are no part of this package.

    Args:
        asked: "create_backend", "serve.create_backend()", "ray.serve.set_traffic", "deploy" for "Deployment.deploy".
    """
    wanted = plain(asked)
    entries = [entry for table in TABLES.values() for entry in table]
    exact = [entry for entry in entries if entry.name == wanted]
    if exact:
        return exact, []
    ending = [entry for entry in entries if _last(entry.name) == _last(wanted)]
    names = [name for name in NAMES.values() if name.name == wanted]
    return ending, names if names or ending else [name for name in NAMES.values() if _last(name.name) == _last(wanted)]


def close(asked: str) -> list[str]:
    """Names that look like one that is not known."""
    known = {_last(entry.name) for table in TABLES.values() for entry in table} | {_last(name) for name in NAMES}
    return difflib.get_close_matches(_last(plain(asked)), sorted(known), n=3, cutoff=0.6)


def plain(asked: str) -> str:
    """A name as the tables spell it, from how a program writes it."""
    text = asked.strip().lstrip("@").partition("=")[0]
    if text.startswith(("ray.get(", "await (")):
        return text
    called = text.partition("(")[0]
    return _PREFIXES.sub("", called) or called


def _last(name: str) -> str:
    return name.rpartition(".")[2]
