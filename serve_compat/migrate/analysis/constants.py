"""What a name stands for when only one assignment reaches it: the value of a tag, a route, a config."""

from __future__ import annotations

import ast

import libcst as cst

from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.tree import Binding, Tree, dotted
from serve_compat.migrate.analysis.uses import is_load

_STEPS = 5  # names that stand for names that stand for names


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
"""What `literal` gives for a value that is only known at run time."""


def _unpacked(binding: Binding) -> cst.BaseExpression | None:
    """What a name gets of `a, b = 1, 2`; the value itself where it is not unpacked."""
    node = binding.node
    for position in binding.path:
        plain = isinstance(node, cst.Tuple | cst.List) and all(isinstance(one, cst.Element) for one in node.elements)
        if not plain or not isinstance(node, cst.Tuple | cst.List) or position >= len(node.elements):
            return None
        node = node.elements[position].value
    return node if isinstance(node, cst.BaseExpression) else None


def _block(tree: Tree, node: cst.CSTNode) -> cst.CSTNode | None:
    """The block of statements around a node."""
    return next((each for each in tree.ancestors(node) if isinstance(each, cst.Module | cst.IndentedBlock)), None)


def _field(tree: Tree, node: cst.Name) -> tuple[str, cst.BaseExpression, cst.Assign] | None:
    """The field that `x.field = value` or `x["field"] = value` sets."""
    target = tree.parents.get(node)
    assign = tree.parents.get(tree.parents[target]) if target is not None else None
    if not isinstance(assign, cst.Assign) or len(assign.targets) != 1 or assign.targets[0].target is not target:
        return None
    if isinstance(target, cst.Attribute):
        return target.attr.value, assign.value, assign
    index = target.slice[0].slice if isinstance(target, cst.Subscript) and len(target.slice) == 1 else None
    key = index.value if isinstance(index, cst.Index) else None
    text = key.evaluated_value if isinstance(key, cst.SimpleString) else None
    return (text, assign.value, assign) if isinstance(text, str) else None


class Constants:
    """Names of one module to which one assignment leads.

    Args:
        names: the module's resolver.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._tree = names.tree

    def binding(self, node: cst.CSTNode) -> Binding | None:
        """The one binding that reaches a name, or None when there are several or none."""
        if not isinstance(node, cst.Name) or node not in self._tree.scopes:
            return None
        found = reaching(self._tree, node)
        return found[0] if len(found) == 1 else None

    def value(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """The expression a name stands for, through names that are assigned once; otherwise the expression itself."""
        for _ in range(_STEPS):
            binding = self.binding(node)
            found = None if binding is None or binding.kind != "value" else _unpacked(binding)
            if found is None:
                return node
            node = found
        return node

    def text(self, node: cst.BaseExpression | None) -> str | None:
        """The str an expression certainly is."""
        if node is None:
            return None
        found = self.value(node)
        if isinstance(found, cst.FormattedString):
            return self._formatted(found)
        if isinstance(found, cst.BinaryOperation) and isinstance(found.operator, cst.Add):
            left, right = self.text(found.left), self.text(found.right)
            return left + right if left is not None and right is not None else None
        if isinstance(found, cst.Attribute):
            return self._class_attribute(found)
        if isinstance(found, cst.BinaryOperation | cst.Call):
            return self._filled_in(found)
        value = self.literal(found)
        return value if isinstance(value, str) else None

    def _filled_in(self, node: cst.BinaryOperation | cst.Call) -> str | None:
        """`"%s:v1" % name` and `"{}:v1".format(name)`, with texts and numbers that are known."""
        if isinstance(node, cst.Call):
            form = (
                node.func.value if isinstance(node.func, cst.Attribute) and node.func.attr.value == "format" else None
            )
            args = [each.value for each in node.args if each.keyword is None and not each.star]
            args = args if len(args) == len(node.args) else []
        else:
            form = node.left if isinstance(node.operator, cst.Modulo) else None
            right = node.right
            args = [each.value for each in right.elements] if isinstance(right, cst.Tuple) else [right]
        pattern = form.evaluated_value if isinstance(form, cst.SimpleString) else None
        values = [self.text(each) or self.literal(each) for each in args]
        if not isinstance(pattern, str) or not args or not all(type(each) in (str, int) for each in values):
            return None
        try:
            return pattern.format(*values) if isinstance(node, cst.Call) else pattern % tuple(values)
        except (ValueError, TypeError, LookupError, AttributeError):
            return None

    def _class_attribute(self, node: cst.Attribute) -> str | None:
        """`Names.TAG`, of a class of this file that assigns it once."""
        binding = self.binding(node.value)
        if binding is None or not isinstance(binding.node, cst.ClassDef):
            return None
        values = self._tree.scopes[binding.node.body].bindings.get(node.attr.value, [])
        if len(values) != 1 or values[0].kind != "value" or not isinstance(values[0].node, cst.BaseString):
            return None
        return self.text(values[0].node)

    def _formatted(self, node: cst.FormattedString) -> str | None:
        made = ""
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                if "\\" in part.value or "{" in part.value or "}" in part.value:
                    return None
                made += part.value
                continue
            plain = isinstance(part, cst.FormattedStringExpression) and not (part.conversion or part.format_spec)
            inner = self.literal(part.expression) if plain and isinstance(part, cst.FormattedStringExpression) else None
            if not isinstance(inner, (str, int)) or isinstance(inner, bool):
                return None
            made += str(inner)
        return made

    def literal(self, node: cst.BaseExpression) -> object:
        """The value of an expression made of literals, through names that are assigned once; else `UNKNOWN`."""
        try:
            return ast.literal_eval(code_of(self.value(node)))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return UNKNOWN

    def is_none(self, node: cst.BaseExpression | None) -> bool:
        """Whether nothing is given, or None."""
        return node is None or self.literal(node) is None

    def is_definition(self, node: cst.BaseExpression) -> bool:
        """Whether an expression is certainly a function or class."""
        binding = self.binding(node)
        return isinstance(node, cst.Lambda) or (binding is not None and binding.kind == "definition")

    def imported(self, node: cst.BaseExpression) -> str | None:
        """The full dotted name of something that another module defines: `models.Model`, also through `models`."""
        if isinstance(node, cst.Name):
            binding = self.binding(node)
            return binding.target if binding is not None and binding.kind == "import" else None
        if isinstance(node, cst.Attribute) and dotted(node):
            base = self.imported(node.value)
            return f"{base}.{node.attr.value}" if base else None
        return None

    def filled_in(self, name: cst.Name) -> list[tuple[str, cst.BaseExpression, cst.Assign]] | None:
        """What `x.field = value` and `x["field"] = value` put into the object in a name before it is used there.

        None where it is changed in other ways or places, or used for anything else.
        """
        tree, mine = self._tree, self.binding(name)
        if mine is None or mine.node not in tree.order:
            return None
        found, block = [], _block(tree, mine.node)
        for node in tree.names[name.value]:
            if node is name:
                continue
            if mine not in tree.scopes[node].lookup(name.value) or not is_load(tree, node):
                continue
            field = _field(tree, node)
            if field is None or _block(tree, node) is not block or _block(tree, name) is not block:
                return None
            if not tree.order[mine.node] < tree.order[node] < tree.order[name]:
                return None
            found.append(field)
        return found

    def is_changed(self, name: cst.Name) -> bool:
        """Whether the dict or object in a name is changed in place: `x["a"] = 1`, `x.a = 1`, `x.update()`."""
        mine = self.binding(name)
        for inner in self._tree.names[name.value]:
            node = self._tree.parents[inner]
            if not isinstance(node, cst.Attribute | cst.Subscript) or node.value is not inner:
                continue
            if self.binding(inner) is not mine:
                continue
            parent = self._tree.parents.get(node)
            called = isinstance(node, cst.Attribute) and isinstance(parent, cst.Call)
            reads = called and isinstance(node, cst.Attribute) and node.attr.value in ("copy", "get", "items", "keys")
            if isinstance(parent, cst.AssignTarget | cst.AugAssign | cst.Del) or (called and not reads):
                return True
        return False
