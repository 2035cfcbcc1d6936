"""From the nodes of a graph to the calls that `predict` of its driver makes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.serve_stage.expressions import is_repeatable
from serve_compat.migrate.serve_stage.program import Program
from serve_compat.migrate.serve_stage.reaching import reaching
from serve_compat.migrate.serve_stage.values import Deployment, MethodNode, Node


class GraphError(Exception):
    """The graph has something that no rule of ours can write down."""

    def __init__(self, node: cst.CSTNode, why: str) -> None:
        super().__init__(why)
        self.node = node


@dataclass
class Driver:
    """The driver class to be written.

    Attributes:
        parameters: constructor parameters by what they get: the source of a node.
        lines: statements of `predict` before its return.
        input_forms: how the request's input is taken: "whole", "index", "key".
        dropped: assignments of nodes that only live in `predict` from now on.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    done: dict[cst.CSTNode, str] = field(default_factory=dict)
    input_name: str = "inp"
    input_forms: set[str] = field(default_factory=set)
    dropped: set[cst.CSTNode] = field(default_factory=set)


class Writer:
    """Writes the expressions of `predict`."""

    def __init__(self, program: Program, driver: Driver) -> None:
        self._program = program
        self._driver = driver

    def value(self, node: cst.BaseExpression) -> str:
        """The source of a response, of the input, or of a constant."""
        if isinstance(node, cst.Name):
            return self._name(node)
        if isinstance(node, cst.Subscript | cst.Attribute) and self._is_input(node.value):
            return self._part(node)
        if isinstance(node, cst.Call):
            return self._call(node)
        if isinstance(node, cst.List | cst.Tuple):
            inner = [self._plain(each.value) for each in node.elements]
            return f"[{', '.join(inner)}]" if isinstance(node, cst.List) else f"({', '.join(inner)},)"
        if is_repeatable(node):
            return self._program.code(node)
        raise GraphError(node, "this argument of the graph cannot be written into a method")

    def _plain(self, node: cst.BaseExpression) -> str:
        source = self.value(node)
        is_node = (
            isinstance(node, cst.Call | cst.Name) and bool(self._program.infer.of(node)) and not self._is_input(node)
        )
        return f"await {source}" if is_node else source

    def _is_input(self, node: cst.BaseExpression) -> bool:
        if not isinstance(node, cst.Name):
            return False
        return any(each.kind == "with" for each in reaching(self._program.tree, node))

    def _part(self, node: cst.Subscript | cst.Attribute) -> str:
        if isinstance(node, cst.Attribute):
            raise GraphError(node, "an attribute of the input may be a keyword or an attribute")
        index = node.slice[0].slice if len(node.slice) == 1 else None
        if isinstance(index, cst.Index) and isinstance(index.value, cst.Integer):
            self._driver.input_forms.add("index")
        elif isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
            self._driver.input_forms.add("key")
        else:
            raise GraphError(node, "this part of the input cannot be told")
        return self._program.code(node)

    def _name(self, node: cst.Name) -> str:
        if self._is_input(node):
            self._driver.input_forms.add("whole")
            return node.value
        bindings = reaching(self._program.tree, node)
        if len(bindings) != 1 or bindings[0].kind != "value":
            return node.value
        call = bindings[0].node
        if isinstance(call, cst.Subscript | cst.Attribute) and self._is_input(call.value):
            return self._named_part(call, node.value)
        if not isinstance(call, cst.Call):
            return node.value
        if not any(isinstance(value, Node | MethodNode) for value in self._program.infer.of(call)):
            return node.value
        if call not in self._driver.done:
            source = self._call(call, node.value)
            if any(isinstance(value, MethodNode) for value in self._program.infer.of(call)) or self._is_function(call):
                self._driver.lines.append(f"{node.value} = {source}")
                self._driver.done[call] = node.value
                line = self._program.tree.statement(call)
                assert line is not None
                self._driver.dropped.add(line)
            else:
                self._driver.done[call] = source
        return self._driver.done[call]

    def _named_part(self, part: cst.Subscript | cst.Attribute, name: str) -> str:
        """A variable of the graph's block that stands for a part of the input."""
        if part not in self._driver.done:
            self._driver.lines.append(f"{name} = {self._part(part)}")
            self._driver.done[part] = name
            line = self._program.tree.statement(part)
            assert line is not None
            self._driver.dropped.add(line)
        return name

    def _is_function(self, call: cst.Call) -> bool:
        return any(
            isinstance(value, Node) and isinstance(value.deployment.code, cst.FunctionDef)
            for value in self._program.infer.of(call)
        )

    def _call(self, node: cst.Call, name: str = "") -> str:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value != "bind":
            raise GraphError(node, "this is no node of a graph")
        for value in self._program.infer.of(func.value):
            if isinstance(value, Deployment) and isinstance(value.code, cst.FunctionDef):
                self._driver.done.setdefault(node, "")
                handle = self._parameter(value.code_name, f"{self._program.code(func.value)}.bind()")
                return f"self.{handle}.remote({self._arguments(node)})"
            if isinstance(value, Deployment):
                parameter = self._parameter(name or _snake(value.code_name), name or self._program.code(node))
                return f"self.{parameter}"
        if isinstance(func.value, cst.Attribute):
            self._driver.done.setdefault(node, "")
            owner = self.value(func.value.value)
            return f"{owner}.{func.value.attr.value}.remote({self._arguments(node)})"
        raise GraphError(node, "what this node calls cannot be told")

    def _arguments(self, node: cst.Call) -> str:
        parts = []
        for arg in node.args:
            if arg.star:
                raise GraphError(node, "a starred argument of a node")
            source = self.value(arg.value)
            parts.append(f"{arg.keyword.value}={source}" if arg.keyword is not None else source)
        return ", ".join(parts)

    def _parameter(self, name: str, source: str) -> str:
        for known, other in self._driver.parameters.items():
            if other == source:
                return known
        unique, number = name, 2
        while unique in self._driver.parameters:
            unique, number = f"{name}_{number}", number + 1
        self._driver.parameters[unique] = source
        return unique


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() or "node"
