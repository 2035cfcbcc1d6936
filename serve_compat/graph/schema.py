"""The deployments of applications as JSON, and back."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from legacy.replica.code import import_path
from serve_compat.deployments.deployment import Deployment, deployment
from serve_compat.graph.handles import RayServeDAGHandle, RayServeDeploymentHandle
from serve_compat.graph.plan import Plan, Read, Result, Step
from serve_compat.graph.refs import Awaited
from serve_compat.graph.tree import LEFT, replaced

TYPE = "__serve_type__"


def path_of(target: Any, main: ModuleType) -> str:
    """The dotted path by which any process can import a function or class.

    Args:
        main: the module that runs as `__main__`.

    Raises:
        RuntimeError: there is none.
    """
    if "<locals>" in target.__qualname__:
        raise RuntimeError(
            f"{target.__qualname__} is defined in a function and cannot be imported by name; "
            "define it at the top of a module"
        )
    module = target.__module__
    if module == "__main__":
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        if spec is None and file is None:
            raise RuntimeError(f"{target.__qualname__} is defined in an interactive session; put it into a module")
        module = spec.name if spec is not None else Path(str(file)).stem
    return f"{module}.{target.__qualname__}"


def deployment_to_dict(each: Deployment) -> dict[str, Any]:
    """One deployment as JSON.

    Raises:
        RuntimeError: its function or class cannot be imported by name.
        TypeError: an argument is not JSON.
    """
    options = {
        name: value.model_dump() if isinstance(value, BaseModel) else value
        for name, value in each.given_options().items()
        if name not in ("name", "init_args", "init_kwargs", "route_prefix")
    }
    described = {
        "name": each.name,
        "import_path": path_of(each.func_or_class, sys.modules["__main__"]),
        "init_args": replaced(list(each.init_args), _encoded),
        "init_kwargs": replaced(dict(each.init_kwargs), _encoded),
        "route_prefix": each.route_prefix,
        **options,
    }
    try:
        plain: dict[str, Any] = json.loads(json.dumps(described))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{each.name} cannot be written as JSON: {error}; bind plain values, and build the rest in the constructor"
        ) from None
    return plain


def deployment_of(described: Mapping[str, Any]) -> Deployment:
    """What `deployment_to_dict` described; ImportError when its function or class is not there."""
    options = dict(described)
    path = options.pop("import_path").replace(":", ".")
    target = import_path(path)
    if isinstance(target, Deployment):  # the name in the module means what the decorator made of it
        target = target.func_or_class
    for name in ("init_args", "init_kwargs"):
        options[name] = _decoded(options.get(name) or ([] if name == "init_args" else {}))
    made: Deployment = deployment(target, **options)
    return made


def _encoded(value: Any) -> Any:
    if isinstance(value, RayServeDeploymentHandle):
        _, (name, awaited, options) = value.__reduce__()
        return {TYPE: "handle", "deployment": name, "options": options, "awaited": awaited.value}
    if isinstance(value, RayServeDAGHandle):
        _, (plan, awaited) = value.__reduce__()
        return {TYPE: "graph", "steps": [_step_to_dict(step) for step in plan.steps], "awaited": awaited.value}
    if isinstance(value, Read):
        return {TYPE: "input", "path": [list(step) for step in value.path]}
    return {TYPE: "result", "step": value.step} if isinstance(value, Result) else LEFT


def _step_to_dict(step: Step) -> dict[str, Any]:
    return {
        "deployment": step.deployment,
        "method": step.method,
        "args": replaced(list(step.args), _encoded),
        "kwargs": replaced(step.kwargs, _encoded),
        "after": step.after,
    }


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    items = {key: _decoded(item) for key, item in value.items()}
    decode = _DECODERS.get(items.get(TYPE, ""))
    return items if decode is None else decode(items)


def _graph(items: dict[str, Any]) -> RayServeDAGHandle:
    steps = tuple(Step(**{"after": None, **step, "args": tuple(step["args"])}) for step in items["steps"])
    return RayServeDAGHandle(Plan(steps), Awaited(items["awaited"]))


_DECODERS = {
    "handle": lambda items: RayServeDeploymentHandle(items["deployment"], Awaited(items["awaited"]), items["options"]),
    "graph": _graph,
    "input": lambda items: Read(tuple((kind, key) for kind, key in items["path"])),
    "result": lambda items: Result(items["step"]),
}
