"""From the nodes of a graph to the calls that a method of its driver makes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import is_repeatable, literal
from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.tree import Binding
from serve_compat.migrate.analysis.values import Deployment, MethodNode, Node
from serve_compat.migrate.serve.graphs.lists import gets_of
from serve_compat.migrate.serve.program import Program

ADAPTERS = ("http_adapter", "input_schema")  # the second is its name in Ray 1.12
_DAGS = ("dag", "dags", "dag_handle")


class GraphError(Exception):
    """The graph has something that no rule of ours can write down."""

    def __init__(self, node: cst.CSTNode, why: str) -> None:
        super().__init__(why)
        self.node = node


@dataclass
class Run:
    """One graph of a driver: the method that makes its calls.

    Attributes:
        route: the path that it answers; "" where it answers all of them.
        answer: the call whose result is the graph's.
        lines: the statements before.
        input_forms: how the request's input is taken: "whole", "index", "key", "attribute".
    """

    route: str = ""
    answer: str = ""
    lines: list[str] = field(default_factory=list)
    done: dict[cst.CSTNode, str] = field(default_factory=dict)
    input_forms: set[str] = field(default_factory=set)


@dataclass
class Driver:
    """The driver class to be written.

    Attributes:
        parameters: constructor parameters by what they get: the source of a node.
        inputs: the InputNode() calls that its graphs begin with.
        dropped: assignments of nodes that only live in the driver's methods from now on.
        gets: calls of ray.get that get values now.
    """

    input_name: str = "inp"
    runs: list[Run] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    keys: dict[object, str] = field(default_factory=dict)
    inputs: set[cst.CSTNode] = field(default_factory=set)
    dropped: set[cst.CSTNode] = field(default_factory=set)
    gets: set[cst.Call] = field(default_factory=set)


class Writer:
    """Writes the expressions of one graph."""

    def __init__(self, program: Program, driver: Driver, run: Run) -> None:
        self._program = program
        self._driver = driver
        self._run = run

    def value(self, node: cst.BaseExpression) -> str:
        """The source of a response, of the input, or of a constant."""
        if isinstance(node, cst.Name):
            return self._name(node)
        if isinstance(node, cst.Subscript | cst.Attribute) and self._is_input(node.value):
            return self._part(node)
        if isinstance(node, cst.Call):
            return self._call(node)
        if isinstance(node, cst.List | cst.Tuple | cst.Dict):
            return self.nested(node, "await {}")
        known = [each for each in self._program.infer.of(node) if isinstance(each, Node | MethodNode)]
        if known and is_repeatable(node) and not self.is_call(node):
            code = self._program.code(node)
            return f"self.{self._parameter(re.sub(r'[^0-9A-Za-z]+', '_', code).strip('_'), code, code)}"
        if is_repeatable(node) and not any(self._holds_nodes(each) for each in walk(node)):
            return self._program.code(node)
        raise GraphError(node, "this argument of the graph cannot be written into a method")

    def _holds_nodes(self, node: cst.CSTNode) -> bool:
        values = self._program.infer.of(node) if isinstance(node, cst.BaseExpression) else ()
        return any(isinstance(each, Node | MethodNode) for each in values)

    def nested(self, node: cst.BaseExpression, wait: str) -> str:
        """The source of a list or dict, in which results do not become values by themselves.

        Args:
            wait: what is written for a result: "await {}" for its value.
        """
        if isinstance(node, cst.List | cst.Tuple):
            inner = [self.nested(each.value, wait) for each in node.elements]
            return f"[{', '.join(inner)}]" if isinstance(node, cst.List) else f"({', '.join(inner)},)"
        if isinstance(node, cst.Dict) and all(isinstance(each, cst.DictElement) for each in node.elements):
            pairs = [(each.key, each.value) for each in node.elements if isinstance(each, cst.DictElement)]
            return f"{{{', '.join(f'{self.value(key)}: {self.nested(value, wait)}' for key, value in pairs)}}}"
        source = self.value(node)
        is_node = (
            isinstance(node, cst.Call | cst.Name) and bool(self._program.infer.of(node)) and not self._is_input(node)
        )
        return wait.format(source) if is_node else source

    def _is_input(self, node: cst.BaseExpression) -> bool:
        if not isinstance(node, cst.Name):
            return False
        found = [each for each in reaching(self._program.tree, node) if each.kind == "with"]
        self._driver.inputs.update(each.node for each in found)
        if found:
            self._driver.input_name = node.value
        return bool(found)

    def _part(self, node: cst.Subscript | cst.Attribute) -> str:
        index = node.slice[0].slice if isinstance(node, cst.Subscript) and len(node.slice) == 1 else None
        if isinstance(node, cst.Attribute):
            self._run.input_forms.add("attribute")
        elif isinstance(index, cst.Index) and isinstance(index.value, cst.Integer):
            self._run.input_forms.add("index")
        elif isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
            self._run.input_forms.add("key")
        else:
            raise GraphError(node, "this part of the input cannot be told")
        if len(self._run.input_forms - {"whole"}) > 1:
            raise GraphError(node, "the graph's input is taken apart in more than one way")
        return self._program.code(node)

    def _name(self, node: cst.Name) -> str:
        if self._is_input(node):
            self._run.input_forms.add("whole")
            return node.value
        bindings = reaching(self._program.tree, node)
        value = bound(bindings[0]) if len(bindings) == 1 else None
        if value is None:
            if any(isinstance(each, Node | MethodNode) for each in self._program.infer.of(node)):
                raise GraphError(node, "which node this name stands for cannot be told")
            return node.value
        if isinstance(value, cst.Subscript | cst.Attribute) and self._is_input(value.value):
            return self._local(value, node.value, self._part(value))
        if not isinstance(value, cst.Call):
            return node.value
        if not any(isinstance(each, Node | MethodNode) for each in self._program.infer.of(value)):
            return node.value
        if value in self._run.done:
            return self._run.done[value]
        source = self._call(value, node.value)
        if self.is_call(value):
            return self._local(value, node.value, source)
        self._run.done[value] = source
        return source

    def _local(self, value: cst.CSTNode, name: str, source: str) -> str:
        """A variable of the graph's block that is one of the method from now on."""
        if self._run.done.get(value) != name:
            self._run.lines.append(f"{name} = {source}")
            self._run.done[value] = name
            line = self._program.tree.statement(value)
            assert line is not None
            self._driver.dropped.add(line)
        return name

    def is_call(self, call: cst.BaseExpression) -> bool:
        """Is the node a call of a method or function, which happens for every request?"""
        return any(
            isinstance(value, MethodNode)
            or (isinstance(value, Node) and isinstance(value.deployment.code, cst.FunctionDef))
            for value in self._program.infer.of(call)
        )

    def _call(self, node: cst.Call, name: str = "") -> str:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value != "bind":
            raise GraphError(node, "this is no node of a graph")
        for value in self._program.infer.of(func.value):
            if isinstance(value, Deployment) and isinstance(value.code, cst.FunctionDef):
                self._run.done.setdefault(node, "")
                source = f"{self._program.code(func.value)}.bind()"
                handle = self._parameter(value.code_name, source, source)
                return f"self.{handle}.remote({self._arguments(node)})"
            if isinstance(value, Deployment):
                parameter = self._parameter(name or _snake(value.code_name), name or self._program.code(node), node)
                return f"self.{parameter}"
        if isinstance(func.value, cst.Attribute):
            self._run.done.setdefault(node, "")
            owner = self.value(func.value.value)
            return f"{owner}.{func.value.attr.value}.remote({self._arguments(node)})"
        raise GraphError(node, "what this node calls cannot be told")

    def _arguments(self, node: cst.Call) -> str:
        parts = []
        for arg in node.args:
            if arg.star:
                raise GraphError(node, "a starred argument of a node")
            source = self._argument(node, arg)
            parts.append(f"{arg.keyword.value}={source}" if arg.keyword is not None else source)
        return ", ".join(parts)

    def _argument(self, node: cst.Call, arg: cst.Arg) -> str:
        if not isinstance(arg.value, cst.List | cst.Tuple | cst.Dict):
            return self.value(arg.value)
        gets = gets_of(self._program, node, arg)
        self._driver.gets.update(gets)
        return self.nested(arg.value, "await {}" if gets else "await {}._to_object_ref()")

    def _parameter(self, name: str, source: str, key: object) -> str:
        if key not in self._driver.keys:
            unique, number = name, 2
            while unique in self._driver.parameters:
                unique, number = f"{name}_{number}", number + 1
            self._driver.parameters[unique] = source
            self._driver.keys[key] = unique
        return self._driver.keys[key]


def is_driver(program: Program, call: cst.Call) -> bool:
    """Is it `DAGDriver.bind(...)`, perhaps with options?"""
    func = call.func
    base = func.value if isinstance(func, cst.Attribute) else None
    if isinstance(base, cst.Call) and isinstance(base.func, cst.Attribute) and base.func.attr.value == "options":
        base = base.func.value
    return program.infer.library(base).endswith("drivers.DAGDriver")


def graphs_of(program: Program, bind: cst.Call) -> list[tuple[str, cst.BaseExpression]]:
    """The driver's graphs by their routes; "" for a single one."""
    strange = [arg for arg in bind.args if arg.star or (arg.keyword and arg.keyword.value not in (*_DAGS, *ADAPTERS))]
    if strange:
        raise GraphError(bind, f"what DAGDriver gets by {program.code(strange[0])!r} cannot be told")
    named = (arg.value for arg in bind.args if arg.keyword and arg.keyword.value in _DAGS)
    first = next((arg.value for arg in bind.args if arg.keyword is None), None) or next(named, None)
    if isinstance(first, cst.Name):
        bindings = program.tree.scopes[first].lookup(first.value)
        value = bound(bindings[0]) if len(bindings) == 1 else None
        first = value if isinstance(value, cst.Dict) else first
    if first is None:
        raise GraphError(bind, "the graph of this DAGDriver cannot be told")
    if not isinstance(first, cst.Dict):
        return [("", first)]
    found = [(literal(each.key) or "", each.value) for each in first.elements if isinstance(each, cst.DictElement)]
    if len(found) != len(first.elements) or not all(route.startswith("/") for route, _ in found):
        raise GraphError(bind, "the routes of this DAGDriver are not written out")
    return found


def bound(binding: Binding) -> cst.BaseExpression | None:
    """The expression that an assignment gives to a name, also by position: `a, b = one, two`."""
    value: cst.CSTNode | None = binding.node if binding.kind == "value" else None
    for position in binding.path:
        elements = value.elements if isinstance(value, cst.Tuple | cst.List) else ()
        value = elements[position].value if position < len(elements) else None
    return value if isinstance(value, cst.BaseExpression) else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() or "node"
