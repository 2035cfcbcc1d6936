"""All names with their headings, and how a name that somebody typed is found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from serve_compat.explain import backends, deployments, graphs, handles, instance
from serve_compat.explain.entry import Entry
from serve_compat.names.history import NAMES, Name
from serve_compat.names.public import MODULES

TABLES: Mapping[str, tuple[Entry, ...]] = {
    "Starting and stopping": instance.INSTANCE,
    "Options of serve.start and serve.init": instance.START_OPTIONS,
    "HTTP options": instance.HTTP_OPTIONS,
    "Backends": backends.BACKENDS,
    "Endpoints and traffic": backends.ENDPOINTS,
    "Settings of backends": backends.BACKEND_CONFIG,
    "Deployments": deployments.DEPLOYMENTS,
    "Options of deployments": deployments.DEPLOYMENT_OPTIONS,
    "Attributes of deployments": deployments.ATTRIBUTES,
    "Autoscaling": deployments.AUTOSCALING,
    "Handles": handles.HANDLES,
    "What handlers get": handles.REQUESTS,
    "Graphs": graphs.GRAPHS,
    "Helpers": handles.HELPERS,
    "HTTP headers, URLs, environment variables": instance.ENVIRONMENT,
    "Metrics": handles.METRICS,
}
_OWNERS: Mapping[str, str] = {
    "BackendConfig": "Settings of backends",
    "HTTPOptions": "HTTP options",
    "http_options": "HTTP options",
    "AutoscalingConfig": "Autoscaling",
    "autoscaling_config": "Autoscaling",
    "_autoscaling_config": "Autoscaling",
}
"""What stands in front of a name, and the table that then is meant."""
_PREFIXES = re.compile(r"^(ray\.)?(experimental\.)?(serve(_compat)?\.)?(client\.)?(api\.)?")
_OF_THE_PACKAGE = re.compile(r"^(ray\.)?serve(_compat)?\.\w+$")


def find(asked: str) -> tuple[list[Entry], list[Name]]:
    """What is known about a name: from the old names that work here, and from those that are no part of this package.

    Args:
        asked: "create_backend", "serve.create_backend()", "ray.serve.set_traffic", "deploy" for "Deployment.deploy".
    """
    wanted = plain(asked)
    entries = [entry for table in TABLES.values() for entry in table]
    exact = [entry for entry in entries if entry.name in (wanted, asked.strip())]
    names = [name for name in NAMES.values() if name.name == wanted]
    of_the_package = _OF_THE_PACKAGE.match(_code(asked))
    if exact:
        return exact, names if of_the_package else []  # the decorator serve.route is not the parameter
    ending = _of_owner(wanted, [entry for entry in entries if _last(entry.name) == _last(wanted)])
    if wanted in MODULES:
        ending += [entry for entry in entries if entry.name.startswith(f"{wanted}.") and entry not in ending]
    if names and "." in wanted:  # Deployment.run, which never was: serve.run is no answer
        ending = []
    if any(_is_in_a_module(entry) for entry in ending) and not of_the_package:
        names = []  # DAGDriver is right, only serve.DAGDriver never was
    if ending or names:
        return ending, names
    others = [name for name in NAMES.values() if _last(name.name) == _last(wanted)]
    return [entry for entry in entries if not others and entry.name.lower() == wanted.lower()], others


def close(asked: str) -> list[str]:
    """Names that look like one that is not known; names that people only guess where nothing real looks like it."""
    real = {_last(entry.name) for table in TABLES.values() for entry in table}
    real |= {_last(name.name) for name in NAMES.values() if name.first}
    wanted = _last(plain(asked)).lower()
    ranked = sorted((_likeness(wanted, name) + _REAL * (name in real), name) for name in real | set(map(_last, NAMES)))
    found = [name for likeness, name in reversed(ranked) if likeness >= _ALIKE]
    return [name for name in found if name in real][:3] if found[:1] and found[0] in real else found[:1]


def _likeness(wanted: str, name: str) -> float:
    return difflib.SequenceMatcher(None, wanted, name.lower()).ratio()


def plain(asked: str) -> str:
    """A name as the tables spell it, from how a program writes it."""
    text = asked.strip().lstrip("@").partition("=")[0]
    if text.startswith(("ray.get(", "await (", "ray.wait(")):
        return next((name for name in _CALLS if name.startswith(text.partition("(")[0] + "(")), text)
    called = _code(asked)
    return _PREFIXES.sub("", called) or called


def _code(asked: str) -> str:
    return asked.strip().lstrip("@").partition("=")[0].partition("(")[0].strip()


def _of_owner(wanted: str, entries: list[Entry]) -> list[Entry]:
    table = TABLES.get(_OWNERS.get(wanted.rpartition(".")[0].rpartition(".")[2], ""), ())
    return [entry for entry in entries if entry in table] or entries


def _is_in_a_module(entry: Entry) -> bool:
    return entry.name.partition(".")[0] in MODULES


def _last(name: str) -> str:
    return name if "(" in name or "/" in name or name.startswith("ray.") else name.rpartition(".")[2]


_ALIKE = 0.75
_REAL = 0.05
"""How much more alike a name must be that no Ray ever had."""
_CALLS = tuple(entry.name for table in TABLES.values() for entry in table if "(" in entry.name)
