"""Before any replica starts: can the environment run one at all?"""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from legacy import settings
from legacy.dependencies import REQUIREMENTS
from legacy.environments.interpreter import Interpreter
from legacy.environments.job import Job
from legacy.environments.subprocesses import run
from legacy.errors import EnvironmentFailedError

# what a replica imports; the last one imports all of it, the others make a better error
MODULES = ("uvicorn", "starlette", "httptools", "uvloop", "pydantic", "websockets", "legacy.replica.replica")
_ANSWER = "serve-compat found: "
_PROBE = f"""
import importlib, json, sys
def attempt(name):
    try:
        return importlib.import_module(name), None
    except BaseException as error:
        return None, f"{{type(error).__name__}}: {{error}}"
ray, ray_error = attempt("ray")
found = {{"python": "%d.%d" % sys.version_info[:2], "ray": getattr(ray, "__version__", ""), "errors": {{}}}}
if ray is None:
    found["errors"]["ray"] = ray_error
else:
    for name in sys.argv[1:]:
        error = attempt(name)[1]
        if error:
            found["errors"][name] = error
print({_ANSWER!r} + json.dumps(found), flush=True)
import os; os._exit(0)
"""


@dataclass(frozen=True)
class Needed:
    """What replicas need.

    Attributes:
        python: "3.11"; code that was pickled by one minor version may crash another.
        ray: "2.60.0"; Ray refuses to talk to another version.
        modules: that must be importable.
    """

    python: str
    ray: str
    modules: tuple[str, ...] = MODULES


@dataclass(frozen=True)
class Found:
    """What an environment has.

    Attributes:
        ray: its version, "" when it cannot be imported.
        errors: module -> why it cannot be imported.
    """

    python: str
    ray: str
    errors: Mapping[str, str] = field(default_factory=dict)


def needed_here() -> Needed:
    """What this process has, which is what replicas of this cluster need."""
    return Needed(f"{sys.version_info[0]}.{sys.version_info[1]}", importlib.metadata.version("ray"))


def judge(found: Found, needed: Needed) -> tuple[str, ...]:
    """What is wrong, in words; nothing when replicas can run."""
    if found.python != needed.python:
        # everything else follows from it
        return (f"it has Python {found.python}, the cluster has {needed.python}",)
    problems = []
    if "ray" in found.errors:
        problems.append(f"it cannot import ray ({found.errors['ray']}), the cluster has Ray {needed.ray}")
    elif found.ray != needed.ray:
        problems.append(f"it has Ray {found.ray}, the cluster has {needed.ray}")
    missing = [name for name in needed.modules if name in found.errors]
    if missing:
        # the module of our own fails for the reasons of the others
        shown = [name for name in missing if "." not in name] or missing
        problems += [f"it cannot import {name} ({found.errors[name]})" for name in shown]
    return tuple(problems)


def repair(prefix: str, found: Found, needed: Needed) -> str:
    """The command that mends what `judge` found."""
    place = shlex.quote(prefix)
    if found.python != needed.python:
        return f"conda install -p {place} python={needed.python}"
    wanted = (f"ray=={needed.ray}", *(REQUIREMENTS[name] for name in needed.modules if name in REQUIREMENTS))
    return f"{place}/bin/python -m pip install {' '.join(shlex.quote(each) for each in wanted)}"


def probe(interpreter: Interpreter, needed: Needed, job: Job, env_vars: Mapping[str, str] | None = None) -> Found:
    """Ask the environment's Python, started as replicas will be.

    Args:
        env_vars: of the replicas' runtime_env.

    Raises:
        EnvironmentFailedError: it does not start, crashes, or answers too late.
    """
    environ = {**settings.with_changes({}), **(env_vars or {})}
    said = run([interpreter.wrapper, "-c", _PROBE, *needed.modules], job, "checking", environ, cwd="/")
    answers = [line[len(_ANSWER) :] for line in said.splitlines() if line.startswith(_ANSWER)]
    if not answers:
        raise EnvironmentFailedError(
            f"environment {interpreter.label}: {interpreter.prefix}/bin/python ended without an answer: "
            f"{said[-300:]!r}; it is damaged: create it again"
        )
    facts = json.loads(answers[-1])
    return Found(facts["python"], facts["ray"], facts["errors"])


def check(interpreter: Interpreter, node: str, job: Job, env_vars: Mapping[str, str] | None = None) -> None:
    """Make sure that replicas can run in the environment.

    Args:
        node: where this is, for the error.

    Raises:
        EnvironmentFailedError: they cannot; the message says what was found, what is needed, and what repairs it.
    """
    needed = needed_here()
    found = probe(interpreter, needed, job, env_vars)
    problems = judge(found, needed)
    if problems:
        raise EnvironmentFailedError(
            f"environment {interpreter.label} ({interpreter.prefix}) cannot run replicas on node {node}: "
            f"{'; '.join(problems)}. "
            f"Repair it with: {repair(interpreter.prefix, found, needed)}"
        )
