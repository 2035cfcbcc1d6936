"""A graph as the deployments it consists of (`serve.build`, Ray 1.13-2.6)."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import IO, Any, NoReturn

import yaml  # type: ignore[import-untyped]

from legacy import eras, settings
from serve_compat.deployments.deployment import Deployment
from serve_compat.graph import schema
from serve_compat.graph.handles import RayServeDAGHandle, RayServeDeploymentHandle
from serve_compat.graph.naming import names
from serve_compat.graph.nodes import (
    ClassMethodNode,
    ClassNode,
    DAGNode,
    FunctionNode,
    InputAttributeNode,
    UnboundMethod,
    parts,
)
from serve_compat.graph.plan import plan_of
from serve_compat.graph.refs import Awaited
from serve_compat.graph.tree import LEFT, ordered, replaced


class Deployments(dict[str, Deployment]):
    """name -> deployment; the deployments themselves may be changed with `set_options`, the set of them not."""

    def __setitem__(self, name: str, value: Deployment) -> NoReturn:
        raise RuntimeError("an application's deployments cannot be exchanged; change one with .set_options()")

    def __delitem__(self, name: str) -> NoReturn:
        raise RuntimeError("an application's deployments cannot be removed; build another graph")


class Application:
    """The deployments of a graph in an order in which each comes after those it calls.

    Args:
        deployments: at most one of them has a route: the ingress.
    """

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._deployments = Deployments({each.name: each for each in deployments})

    @property
    def deployments(self) -> Deployments:
        """name -> deployment; assigning an item raises RuntimeError."""
        return self._deployments

    @property
    def ingress(self) -> Deployment | None:
        """The deployment that answers HTTP; None when there is none."""
        return next((each for each in self._deployments.values() if each.route_prefix is not None), None)

    def renamed(self, application: str) -> Application:
        """A copy for a named run: every name has the application's in front (Ray 2.3)."""

        def moved(value: Any) -> Any:
            if isinstance(value, RayServeDeploymentHandle):
                return value.renamed(f"{application}_{value.deployment_name}")
            if isinstance(value, RayServeDAGHandle):
                steps = (
                    replace(
                        step,
                        deployment=f"{application}_{step.deployment}",
                        args=replaced(step.args, moved),
                        kwargs=replaced(step.kwargs, moved),
                    )
                    for step in value.plan.steps
                )
                return RayServeDAGHandle(replace(value.plan, steps=tuple(steps)), value._awaited)
            return LEFT

        return Application(
            each.options(
                name=f"{application}_{each.name}",
                route_prefix=each.route_prefix,
                init_args=replaced(each.init_args, moved),
                init_kwargs=replaced(each.init_kwargs, moved),
            )
            for each in self._deployments.values()
        )

    def to_dict(self) -> dict[str, Any]:
        """The application as JSON: import paths, options and arguments. Errors as `schema.deployment_to_dict`."""
        deployments = [schema.deployment_to_dict(each) for each in self._deployments.values()]
        return {"import_path": None, "runtime_env": {}, "deployments": deployments}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Application:
        """The application that `to_dict` described; its functions and classes are imported."""
        return cls(map(schema.deployment_of, described["deployments"]))

    def to_yaml(self, f: IO[str] | None = None) -> str | None:
        """`to_dict` as YAML, written to a file when one is given, else returned."""
        text: str | None = yaml.safe_dump(self.to_dict(), stream=f, sort_keys=False)
        return text

    @classmethod
    def from_yaml(cls, str_or_file: str | IO[str]) -> Application:
        """The application that `to_yaml` wrote."""
        return cls.from_dict(yaml.safe_load(str_or_file))

    def __repr__(self) -> str:
        return f"Application({', '.join(self._deployments)})"


def build(target: ClassNode | FunctionNode) -> Application:
    """The deployments that running the graph would make; nothing is deployed (Ray 1.13-2.6).

    Raises:
        RuntimeError: in an interactive session, whose functions and classes other processes cannot import.
        TypeError, ValueError: as `serve.run`.
    """
    if not hasattr(sys.modules["__main__"], "__file__"):
        raise RuntimeError(
            "serve.build cannot be used in an interactive session: what it makes names functions and classes by import "
            "path; put the graph into a module. serve.run works here"
        )
    return built(target)


def built(target: Any) -> Application:
    """`build` for every kind of session; TypeError for what is no node, ValueError for what cannot be served."""
    _check_root(target)
    nodes = ordered(target, parts)
    deployed = [node for node in nodes if isinstance(node, (ClassNode, FunctionNode))]
    if isinstance(target, FunctionNode) and len(deployed) > 1:
        raise ValueError(
            f"{target!r} is bound to other nodes and cannot be served by itself. Please provide a driver class, "
            "DAGDriver (serve.drivers) or one of yours, bind it with this node as its argument, and run that"
        )
    named = names(deployed)
    builder = _Builder(named)
    unique = {named[id(node)]: node for node in deployed}
    return Application(builder.deployment(name, node, node is target) for name, node in unique.items())


def _check_root(target: Any) -> None:
    if isinstance(target, (ClassNode, FunctionNode)):
        return
    if isinstance(target, (ClassMethodNode, InputAttributeNode)):
        raise ValueError(
            f"{target!r} cannot be served by itself; please provide a driver class, DAGDriver (serve.drivers) or one "
            "of yours, bind it with this node as its argument, and run that"
        )
    hint = ""
    if isinstance(target, Deployment):
        hint = f"; write {target.name}.bind(...) to make one of it, or {target.name}.deploy() without a graph"
    elif isinstance(target, UnboundMethod):
        hint = "; a method needs .bind(...) too, and then DAGDriver around it"
    raise TypeError(f"serve.run and serve.build take a node made by .bind() or an Application, not {target!r}{hint}")


class _Builder:
    def __init__(self, named: Mapping[int, str]) -> None:
        self._names = named
        self._awaited = Awaited(settings.load().handle_is_sync or eras.chosen().deployments.awaited_once)

    def deployment(self, name: str, node: ClassNode | FunctionNode, is_ingress: bool) -> Deployment:
        original: Deployment = node._deployment
        args, kwargs = (), {}
        if isinstance(node, ClassNode):
            args, kwargs = self._constructor_value(node._bound_args), self._constructor_value(node._bound_kwargs)
        route = _route(original, is_ingress)
        return original.options(name=name, route_prefix=route, init_args=args, init_kwargs=kwargs).unversioned()

    def _constructor_value(self, value: Any) -> Any:
        def stand_in(each: Any) -> Any:
            if isinstance(each, InputAttributeNode):
                raise ValueError(
                    f"{each!r} is an argument of a constructor, which runs once, before there is any request; "
                    "bind it to a method or function"
                )
            if isinstance(each, ClassNode):
                return self._handle_to(each)
            if isinstance(each, FunctionNode) and _takes_more(each):
                return self._handle_to(each)
            if isinstance(each, DAGNode):
                return RayServeDAGHandle(plan_of(each, self._names, self._handle_to), self._awaited)
            return LEFT

        return replaced(value, stand_in)

    def _handle_to(self, node: ClassNode | FunctionNode) -> RayServeDeploymentHandle:
        return RayServeDeploymentHandle(self._names[id(node)], self._awaited)


def _takes_more(node: FunctionNode) -> bool:
    """Whether nothing is bound to a function that has parameters: what it is called with is for them."""
    bound = node._bound_args or node._bound_kwargs
    return not bound and bool(inspect.signature(node._deployment.func_or_class).parameters)


def _route(deployment: Deployment, is_ingress: bool) -> str | None:
    own = deployment.route_prefix
    is_default = own is None or own == f"/{deployment.name}"
    if is_ingress:
        return "/" if is_default or own is None else own
    if not is_default:
        raise ValueError(
            f"Route prefix is only configurable on the ingress deployment of a graph, the node that is run; "
            f"leave it out: {deployment!r}"
        )
    return None
