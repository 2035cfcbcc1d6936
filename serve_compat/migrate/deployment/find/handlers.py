"""What is served: the class, function or lambda behind a backend, and how its methods use the request."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.constants import Constants
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.analysis.uses import is_load
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.deployment.find.staying import stays

SC127 = stays(
    "SC127",
    "TODO: a handler that cannot be brought to a deployment's way of calling it",
    "It would get other arguments than it reads.",
)

Served = cst.FunctionDef | cst.ClassDef | cst.Lambda
Body = cst.FunctionDef | cst.Lambda


@dataclass(eq=False)
class Handler:
    """One function or class that a backend serves.

    Attributes:
        expression: as it was given to `create_backend`.
        node: its definition, of this file or of another one that was given; None where it is not known.
        here: whether this file defines it, by a statement or a lambda, so that it can be changed.
        bases: the classes of this file that it is derived from, the nearest first.
    """

    expression: cst.BaseExpression
    node: Served | None = None
    here: bool = False
    bases: tuple[cst.ClassDef, ...] = ()

    @property
    def is_class(self) -> bool:
        """Whether it is certainly a class."""
        return isinstance(self.node, cst.ClassDef)

    @property
    def body(self) -> Body | None:
        """The function that answers: the function itself, or the class's `__call__`; None where that is elsewhere."""
        return self.method("__call__") if isinstance(self.node, cst.ClassDef) else self.node

    @property
    def is_async(self) -> bool | None:
        """Whether the answering function is a coroutine function; None where that is not known."""
        if isinstance(self.body, cst.Lambda):
            return False
        return None if self.body is None else self.body.asynchronous is not None

    def method(self, name: str) -> Body | None:
        """What answers a call of that method; None where it is not known."""
        if isinstance(self.node, cst.ClassDef):
            found = (method_of(each, name) for each in (self.node, *self.bases))
            return next((each for each in found if each is not None), None)
        return self.node if name == "__call__" else None

    @property
    def is_inherited(self) -> bool:
        """Whether another class defines the answering function, or it is not known which one does."""
        return isinstance(self.node, cst.ClassDef) and method_of(self.node, "__call__") is None


def handler_of(expression: cst.BaseExpression, constants: Constants, file: FileContext) -> Handler:
    """The handler that `create_backend` was given."""
    if isinstance(expression, cst.Lambda):
        return Handler(expression, expression, here=True)
    binding = constants.binding(expression)
    if binding is not None and isinstance(binding.node, cst.FunctionDef | cst.ClassDef):
        return Handler(expression, binding.node, here=True, bases=_bases(binding.node, constants))
    if binding is not None and binding.kind == "value" and isinstance(binding.node, cst.Lambda):
        return Handler(expression, binding.node)
    imported = constants.imported(expression)
    if imported is not None:
        return Handler(expression, file.project.definition(file.path, imported))
    return Handler(expression)


def _bases(node: cst.CSTNode, constants: Constants, depth: int = 5) -> tuple[cst.ClassDef, ...]:
    """The classes of this file from which a class is derived."""
    found: list[cst.ClassDef] = []
    for base in node.bases if isinstance(node, cst.ClassDef) and depth else ():
        binding = constants.binding(base.value)
        if binding is not None and isinstance(binding.node, cst.ClassDef):
            found += [binding.node, *_bases(binding.node, constants, depth - 1)]
    return tuple(found)


def method_of(node: cst.ClassDef, name: str) -> cst.FunctionDef | None:
    """A method that a class itself defines, once."""
    found = [each for each in node.body.body if isinstance(each, cst.FunctionDef) and each.name.value == name]
    return found[0] if len(found) == 1 else None


def request_parameter(function: Body, in_class: bool) -> cst.Param | None:
    """The parameter that gets the request: the first one after `self`. None when there is no positional one."""
    positional = [*function.params.posonly_params, *function.params.params]
    if in_class and isinstance(function, cst.FunctionDef) and not is_static(function):
        positional = positional[1:]
    return positional[0] if positional else None


def is_static(function: cst.FunctionDef) -> bool:
    """Whether a method gets no `self`."""
    return "staticmethod" in decorator_names(function)


def decorator_names(node: cst.FunctionDef | cst.ClassDef) -> list[str]:
    """The decorators of a definition, as text without arguments."""
    found = []
    for each in node.decorators:
        expression = each.decorator
        found.append(code_of(expression.func if isinstance(expression, cst.Call) else expression))
    return found


def reads(function: Body, param: cst.Param) -> list[cst.Name]:
    """The places in a function's body where a parameter is read or bound again."""
    skipped: set[cst.CSTNode] = set()
    found = []
    for node in walk(function.body):
        if isinstance(node, cst.Attribute):
            skipped.add(node.attr)
        elif isinstance(node, cst.Arg) and node.keyword is not None:
            skipped.add(node.keyword)
        elif isinstance(node, cst.Name) and node.value == param.name.value and node not in skipped:
            found.append(node)
    return found


def is_ignored(function: Body, in_class: bool) -> bool:
    """Whether the function does not look at its request, and takes nothing else either."""
    param = request_parameter(function, in_class)
    return not takes_any(function) and (param is None or not reads(function, param))


def takes_any(function: Body) -> bool:
    """Whether it has a `*args`."""
    return isinstance(function.params.star_arg, cst.Param)


def mentions(definition: cst.ClassDef | cst.FunctionDef, constants: Constants, file: FileContext) -> list[cst.Name]:
    """The places where the name of a definition of this file is read."""
    tree = file.names.tree
    name = definition.name.value
    found = []
    for node in tree.names[name]:
        if not is_load(tree, node):
            continue
        bindings = tree.scopes[node].lookup(name)
        if any(binding.node is definition for binding in bindings):
            found.append(node)
    return found
