"""What the names of one file stand for: which come from ray.serve, and which hold a client, a handle, a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from serve_compat.migrate.analysis import values as v
from serve_compat.migrate.analysis.calls import Calls
from serve_compat.migrate.analysis.children import walk
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.analysis.infer import Inference
from serve_compat.migrate.analysis.tree import Tree, dotted

SERVE = "ray.serve"
_PACKAGES = (SERVE, "serve_compat", "ray.experimental.serve")
_ONLY_CLIENTS_HAVE = frozenset(
    [
        "create_backend",
        "set_traffic",
        "shadow_traffic",
        "update_backend_config",
        "delete_backend",
        "list_backends",
        "get_backend_config",
    ]
)
_KINDS: tuple[tuple[type, str], ...] = (
    (v.Client, "client"),
    (v.Deployment, "deployment"),
    (v.Maker, "maker"),
    (v.Named, "named deployment"),
    (v.Handle, "handle"),
    (v.Ref, "ref"),
    (v.Pending, "pending"),
    (v.Node, "node"),
    (v.MethodNode, "node"),
    (v.Listing, "listing"),
)


class _WithBackends(Calls):
    """Who calls whom, with the constructors that create_backend() will call: its arguments after tag and class."""

    def __init__(self, tree: Tree, inference: Inference) -> None:
        super().__init__(tree, inference)
        self._inference = inference

    def _callers(self, function: cst.FunctionDef, owner: cst.ClassDef | None) -> Iterator[tuple[cst.Call, int]]:
        yield from super()._callers(function, owner)
        if owner is None or function.name.value != "__init__":
            return
        for call in self.by_name.get("create_backend", ()):
            if len(call.args) > 2 and v.Class(owner) in self._inference.of(call.args[1].value):
                yield call, 2


class _WithClients(Inference):
    """The inference of values, with what a client of 1.0-1.2 and the module functions up to 1.7 return."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self.calls = _WithBackends(tree, self)

    def _library_call(self, name: str, node: cst.Call) -> v.Values:
        if name == f"{SERVE}.get_handle":
            return frozenset({v.Handle(node, _flavor(node))})
        return super()._library_call(name, node)

    def _method(self, value: v.Value, method: str, node: cst.Call) -> v.Values:
        if isinstance(value, v.Client):
            return frozenset({v.Handle(node, _flavor(node))}) if method == "get_handle" else v.NOTHING
        return super()._method(value, method, node)


def _flavor(call: cst.Call) -> v.Flavor:
    """Whether calls of the handle are awaited: `get_handle(name, missing_ok, sync)`."""
    third = call.args[2] if len(call.args) > 2 and all(arg.keyword is None for arg in call.args[:3]) else None
    given = next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == "sync"), third)
    return "async" if given is not None and dotted(given.value) == "False" else "sync"


class Names:
    """The resolver of one module.

    Args:
        module: the parsed file; only its own nodes, by identity, can be asked about.
    """

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self.tree = Tree(module)
        self.inference: Inference = _WithClients(self.tree)

    @cached_property
    def code(self) -> str:
        """The file's text."""
        return self.module.code

    @cached_property
    def lines(self) -> Mapping[cst.CSTNode, int]:
        """The line on which each node begins, 1-based."""
        positions = MetadataWrapper(self.module, unsafe_skip_copy=True).resolve(PositionProvider)
        return {node: place.start.line for node, place in positions.items()}

    def qualified(self, node: cst.CSTNode | None) -> str | None:
        """The full name of something imported: "ray.serve.create_backend", "ray.get"; None of anything else.

        serve_compat, ray.experimental.serve and ray.serve.api count as ray.serve, under whichever alias.
        """
        return (self.inference.library(node) or None) if node is not None else None

    def kind(self, node: cst.CSTNode | None) -> str | None:
        """What an expression holds: "client", "deployment", "handle", "ref", "node"; None where that is unknown."""
        found = {kind for value in self.inference.of(node) for each, kind in _KINDS if isinstance(value, each)}
        return found.pop() if len(found) == 1 else None

    def serve_name(self, node: cst.CSTNode | None) -> str | None:
        """The name within ray.serve that an expression stands for: "create_backend", also as a client's method."""
        full = self.qualified(node)
        if full is not None:
            return full[len(SERVE) + 1 :] if full.startswith(SERVE + ".") else None
        if isinstance(node, cst.Attribute) and self.kind(node.value) == "client":
            return node.attr.value
        return None

    def may_ask_a_client(self, call: cst.Call) -> bool:
        """Whether a call has the name of a method that only clients have, and goes to something that may be one."""
        if not isinstance(call.func, cst.Attribute) or (self.qualified(call.func.value) or "").startswith("ray."):
            return False
        if self.kind(call.func.value) is not None:
            return False
        name = call.func.attr.value
        given = {arg.keyword.value for arg in call.args if arg.keyword is not None}
        if name == "create_endpoint":
            return bool(given & {"backend", "route"})
        return name in _ONLY_CLIENTS_HAVE and not any(each[:1].isupper() for each in given)

    def imports(self, package: str) -> bool:
        """Whether something of a package is imported anywhere in the file."""
        return any(name == package or name.startswith(package + ".") for name in self._imported)

    @cached_property
    def _imported(self) -> list[str]:
        found = []
        for node in self.tree.nodes(cst.Import, cst.ImportFrom):
            if isinstance(node, cst.Import):
                found += [dotted(alias.name) for alias in node.names]
            elif isinstance(node, cst.ImportFrom) and not node.relative:
                names = () if isinstance(node.names, cst.ImportStar) else node.names
                found += [dotted(node.module), *(f"{dotted(node.module)}.{dotted(alias.name)}" for alias in names)]
        return found

    @cached_property
    def uses_serve(self) -> bool:
        """Whether the file imports ray.serve or this package in any way, or reaches it through `ray`."""
        nodes = self.tree.nodes(cst.Import, cst.ImportFrom, cst.Attribute)
        return any(_imports_serve(node) or self._reaches_serve(node) for node in nodes)

    def _reaches_serve(self, node: cst.CSTNode) -> bool:
        if not isinstance(node, cst.Attribute) or node.attr.value != "serve":
            return False
        return dotted(node) in ("ray.serve", "ray.experimental.serve") or self.qualified(node) == SERVE

    def guard_of(self, node: cst.CSTNode) -> cst.Try | cst.If | None:
        """The statement around a node that chooses between releases: both of its sides know ray.serve."""
        for parent in self.tree.ancestors(node):
            if isinstance(parent, cst.Try) and _is_choice(parent):
                return parent
            if isinstance(parent, cst.If) and self._asks_for_release(parent.test, node):
                return parent
        return None

    def _asks_for_release(self, test: cst.BaseExpression, node: cst.CSTNode) -> bool:
        text = self.module.code_for_node(test)
        inside = node is test or test in self.tree.ancestors(node)
        return not inside and ("__version__" in text or ("hasattr(" in text and "serve" in text))


def _imports_serve(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Import):
        return any(_is_serve(dotted(alias.name)) for alias in node.names)
    if isinstance(node, cst.ImportFrom) and not node.relative:
        base = dotted(node.module)
        if isinstance(node.names, cst.ImportStar):
            return _is_serve(base)
        return any(_is_serve(f"{base}.{dotted(alias.name)}") for alias in node.names)
    return False


def _is_serve(name: str) -> bool:
    return any(name == each or name.startswith(each + ".") for each in _PACKAGES)


def _is_choice(node: cst.Try) -> bool:
    """Is it `try: one import except ImportError or AttributeError: another`, both of Serve?"""
    caught = [handler for handler in node.handlers if _catches_absence(handler)]
    return any(_knows_serve(handler.body) for handler in caught) and _knows_serve(node.body)


def _catches_absence(handler: cst.ExceptHandler) -> bool:
    text = code_of(handler.type) if handler.type is not None else "ImportError"
    return any(each in text for each in ("ImportError", "ModuleNotFoundError", "AttributeError"))


def _knows_serve(body: cst.BaseSuite) -> bool:
    return any(
        _imports_serve(node) or (isinstance(node, cst.Attribute) and dotted(node).split(".")[0] == "serve")
        for node in walk(body)
    )
