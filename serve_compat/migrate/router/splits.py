"""Weighted traffic between deployments: what the file says about it, or why a router cannot stand in for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.expressions import default_route, deployment_name, is_repeatable, literal, text
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.analysis.values import Deployment, Handle, Named


class NoRouterError(Exception):
    """A router cannot stand in for the split; says why, and at which node."""

    def __init__(self, node: cst.CSTNode, why: str) -> None:
        super().__init__(why)
        self.node, self.why = node, why


@dataclass
class Split:
    """The traffic of one endpoint, which is a deployment of the file.

    Attributes:
        name: the endpoint's name.
        origin: the definition of its own deployment: decorated class or function, or the call that makes it.
        statement: the definition's statement, at the top of the module.
        serve: source of the file's name for the module.
        route: source of its route_prefix.
        deploys: the calls that deploy it, in their order.
        calls: the set_traffic calls with the source of their weights.
        handles: the calls of get_handle().
        methods: what is called on its handles beside `__call__`.
    """

    name: str
    origin: cst.CSTNode
    statement: cst.CSTNode
    serve: str
    route: str
    deploys: list[cst.Call] = field(default_factory=list)
    calls: list[tuple[cst.Call, str]] = field(default_factory=list)
    handles: list[cst.Call] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)


def splits(names: Names) -> list[Split]:
    """The splits of a file, in the order of their first set_traffic.

    Raises:
        NoRouterError: one of them has something that a router cannot do.
    """
    reader = _Reader(names)
    found: dict[str, Split] = {}
    for call in reader.calls:
        serve_name = names.serve_name(call.func)
        if serve_name == "shadow_traffic":
            raise NoRouterError(call, "a router sends each request to one deployment and has no shadow traffic")
        if serve_name == "set_traffic":
            name, weights = reader.read(call)
            if name not in found:
                found[name] = reader.split(call, name)
            found[name].calls.append((call, weights))
    for split in found.values():
        reader.check(split)
    return list(found.values())


class _Reader:
    def __init__(self, names: Names) -> None:
        self._names, self._tree, self._infer = names, names.tree, names.inference
        self.calls = names.tree.nodes(cst.Call)
        self._deployments = self._all_deployments()

    def _all_deployments(self) -> dict[cst.CSTNode, Deployment]:
        """Every deployment that the file defines, by its definition, with the options of the definition alone."""
        found: dict[cst.CSTNode, Deployment] = {}
        for bindings in self._tree.root.bindings.values():
            for each in bindings:
                for value in self._infer.binding(each) if each.kind != "import" else ():
                    if isinstance(value, Deployment):
                        known = found.get(value.origin)
                        if known is None or len(value.calls) < len(known.calls):
                            found[value.origin] = value
        return found

    def _code(self, node: cst.CSTNode) -> str:
        return self._tree.module.code_for_node(node)

    def read(self, call: cst.Call) -> tuple[str, str]:
        """The endpoint's name and the source of the weights."""
        given: dict[str, cst.BaseExpression] = {}
        for arg, usual in zip(call.args, ("endpoint_name", "traffic_policy_dictionary", ""), strict=False):
            given[arg.keyword.value if arg.keyword else usual] = arg.value
        if set(given) != {"endpoint_name", "traffic_policy_dictionary"} or any(arg.star for arg in call.args):
            raise NoRouterError(call, "what set_traffic() is given cannot be told")
        if not isinstance(self._tree.parents[call], cst.Expr):
            raise NoRouterError(call, "what set_traffic() returns is used")
        name = self._text(given["endpoint_name"])
        if name is None:
            raise NoRouterError(call, "which endpoint is meant is known at run time only")
        return name, self._code(given["traffic_policy_dictionary"])

    def _text(self, node: cst.BaseExpression) -> str | None:
        """The text of a literal, of a name that is only ever one literal, and of `X.name` of a deployment."""
        if isinstance(node, cst.Name):
            bindings = self._tree.scopes[node].lookup(node.value)
            value = bindings[0].node if len(bindings) == 1 and bindings[0].kind == "value" else None
            return literal(value) if value is not None and not bindings[0].path else None
        if isinstance(node, cst.Attribute) and node.attr.value == "name":
            return next((literal(deployment_name(each)) for each in self._meant(node.value)), None)
        return literal(node)

    def _meant(self, node: cst.BaseExpression) -> list[Deployment]:
        values = self._infer.of(node)
        return [value for value in values if isinstance(value, Deployment)] if len(values) == 1 else []

    def split(self, call: cst.Call, name: str) -> Split:
        """The endpoint's own deployment, from its definition."""
        found = [each for each in self._deployments.values() if literal(deployment_name(each)) == name]
        if len(found) != 1:
            raise NoRouterError(call, f"the deployment {name!r} is not defined once at the top of this file")
        deployment = found[0]
        origin = deployment.origin
        statement = self._tree.statement(origin)
        if statement is None or self._tree.parents.get(statement) is not self._tree.module:
            raise NoRouterError(call, f"the deployment {name!r} is not defined at the top of this file")
        maker = _maker(deployment)
        if not isinstance(maker, cst.Attribute) or maker.attr.value != "deployment" or not dotted(maker.value):
            raise NoRouterError(
                origin, "the router needs the file's name for the module serve, which is not imported here"
            )
        route = deployment.option("route_prefix")
        shown = default_route(text(name)) if route is None else route
        if not is_repeatable(shown):
            raise NoRouterError(origin, "its route_prefix cannot be repeated at the router")
        split = Split(name, origin, statement, self._code(maker.value), self._code(shown))
        self._collect(split)
        return split

    def _collect(self, split: Split) -> None:
        for call in self.calls:
            func = call.func
            if not isinstance(func, cst.Attribute):
                continue
            is_meant = self._is_meant(func.value, split)
            method = func.attr.value
            if is_meant and method == "deploy":
                split.deploys.append(call)
            elif is_meant and method == "get_handle":
                split.handles.append(call)
            elif (
                is_meant
                and method == "options"
                and any(arg.keyword and arg.keyword.value in ("route_prefix", "name") for arg in call.args)
            ):
                raise NoRouterError(call, f"name or route of {split.name!r} change after its definition")
            elif is_meant and method not in ("options",):
                raise NoRouterError(call, f"{method}() of {split.name!r} has no equivalent beside a router")
        for call in self.calls:
            self._add_method(call, split)
        for node in self._tree.nodes(cst.Attribute):
            if node.attr.value in ("url", "route_prefix") and self._is_meant(node.value, split):
                raise NoRouterError(node, f"the {node.attr.value} of {split.name!r} belongs to the router then")

    def _is_meant(self, node: cst.BaseExpression, split: Split) -> bool:
        """Is the expression the endpoint's deployment, by its object or by its name?"""
        for value in self._infer.of(node):
            if isinstance(value, Deployment) and value.origin is split.origin:
                return True
            if isinstance(value, Named) and value.name is not None and self._text(value.name) == split.name:
                return True
        return False

    def _add_method(self, call: cst.Call, split: Split) -> None:
        func = call.func
        if not isinstance(func, cst.Attribute) or func.attr.value not in ("remote", "options"):
            return
        if func.attr.value == "options" and self._is_handle(func.value, split):
            for arg in call.args:
                name = literal(arg.value)
                if arg.keyword is None or arg.keyword.value != "method_name" or name is None:
                    raise NoRouterError(call, "options of the handle are not passed on by a router")
                _add(split.methods, name)
        elif isinstance(func.value, cst.Attribute) and self._is_handle(func.value.value, split):
            _add(split.methods, func.value.attr.value)

    def _is_handle(self, node: cst.BaseExpression, split: Split) -> bool:
        return any(isinstance(value, Handle) and value.origin in split.handles for value in self._infer.of(node))

    def check(self, split: Split) -> None:
        """What a router needs of the rest of the file."""
        first = split.calls[0][0]
        if not split.deploys:
            raise NoRouterError(first, f"{split.name!r} is not deployed in this file")
        line = self._tree.statement(split.deploys[0])
        block = self._tree.parents.get(line) if line is not None else None
        for call in split.deploys[1:]:
            if block not in list(self._tree.ancestors(call)):
                raise NoRouterError(call, f"{split.name!r} is deployed in several places")
        if not isinstance(self._tree.parents[split.deploys[0]], cst.Expr) or not isinstance(
            line, cst.SimpleStatementLine
        ):
            raise NoRouterError(split.deploys[0], "the result of deploy() is used")
        if len(line.body) > 1:
            raise NoRouterError(split.deploys[0], "deploy() shares its line with something else")
        for deployment in self._deployments.values():
            code = deployment.code
            if code is not None and any(self._is_ingress(each.decorator) for each in code.decorators):
                raise NoRouterError(code, "FastAPI applications of other deployments cannot be called by a router")
        for name, allowed in (("random", {"random"}), ("Request", {"starlette.requests.Request", "fastapi.Request"})):
            if any(each.target not in allowed for each in self._tree.root.bindings.get(name, ())):
                raise NoRouterError(first, f"the router needs the name {name}, which means something else in this file")

    def _is_ingress(self, decorator: cst.BaseExpression) -> bool:
        return isinstance(decorator, cst.Call) and self._names.serve_name(decorator.func) == "ingress"


def _maker(deployment: Deployment) -> cst.BaseExpression | None:
    """The expression `serve.deployment` of the definition."""
    if deployment.calls:
        return deployment.calls[0].func
    if isinstance(deployment.origin, cst.ClassDef | cst.FunctionDef):
        found = [each.decorator for each in deployment.origin.decorators]
        return next((each for each in found if dotted(each).endswith("deployment")), None)
    return deployment.origin.func if isinstance(deployment.origin, cst.Call) else None


def _add(names: list[str], name: str) -> None:
    if name != "__call__" and name not in names:
        names.append(name)


__all__ = ["NoRouterError", "Split", "splits"]
