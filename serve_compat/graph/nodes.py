"""What `.bind()` makes: the nodes of a deployment graph. Values only; no cluster is needed to make them."""

from __future__ import annotations

import inspect
import sys
import weakref
from typing import Any, NoReturn

from serve_compat.graph.tree import LEFT, found_in, replaced

CALL = "__call__"


class DAGNode:
    """Something bound to its arguments. Its class says what it stands for."""

    _bound_args: tuple[Any, ...] = ()
    _bound_kwargs: dict[str, Any] = {}

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} is a node of a deployment graph and cannot be sent to another process: give it to serve.run(), "
            "or bind it as an argument of another deployment, by itself or in a list, tuple, dict or set"
        )


class ClassNode(DAGNode):
    """A class deployment bound to its constructor's arguments: one deployment. `node.method.bind(...)` calls it.

    Args:
        deployment: what was bound.
        args, kwargs: of the constructor; without any, the deployment's init_args and init_kwargs.
    """

    def __init__(self, deployment: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._deployment = deployment
        self._bound_args = args or tuple(deployment.init_args)
        self._bound_kwargs = kwargs or dict(deployment.init_kwargs)

    def __getattr__(self, name: str) -> UnboundMethod:
        target = self.__dict__["_deployment"].func_or_class
        if not callable(getattr(target, name, None)):
            known = sorted(one for one, _ in inspect.getmembers(target, inspect.isroutine) if not one.startswith("_"))
            raise AttributeError(
                f"the class {target.__name__} has no method {name!r} to bind; it has {', '.join(known) or 'none'}"
            )
        return UnboundMethod(self, name)

    def __repr__(self) -> str:
        return f"ClassNode({self._deployment.name})"


class UnboundMethod:
    """A method of a class node, to be bound to its arguments."""

    def __init__(self, node: ClassNode, name: str) -> None:
        self._node = node
        self._name = name

    def bind(self, *args: Any, **kwargs: Any) -> ClassMethodNode:
        """The call of the method with these arguments, made for every request."""
        return ClassMethodNode(self._node, self._name, *_adopted(args, kwargs))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self._node!r}.{self._name} is used as an argument without .bind(...)")


class ClassMethodNode(DAGNode):
    """A call of a method of a class node, made for every request."""

    def __init__(self, node: ClassNode, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._class_node = node
        self._method = method
        self._bound_args = args
        self._bound_kwargs = kwargs

    def __repr__(self) -> str:
        return f"ClassMethodNode({self._class_node._deployment.name}.{self._method})"


class FunctionNode(DAGNode):
    """A function deployment and a call of it with the bound arguments, made for every request."""

    def __init__(self, deployment: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._deployment = deployment
        self._bound_args = args
        self._bound_kwargs = kwargs

    def __repr__(self) -> str:
        return f"FunctionNode({self._deployment.name})"


class InputAttributeNode(DAGNode):
    """A part of the request: what `InputNode()[key]` and `InputNode().name` give; parts have parts.

    Args:
        source: the input it is read from.
        path: ("item" or "attr", key) for every step from the input to it.
    """

    __iter__ = None  # with __getitem__ alone, iterating would never end

    def __init__(self, source: InputNode | None, path: tuple[tuple[str, Any], ...]) -> None:
        self._source = source
        self._path = path

    def __getitem__(self, key: Any) -> InputAttributeNode:
        return InputAttributeNode(self._input, (*self._path, ("item", key)))

    def __getattr__(self, name: str) -> InputAttributeNode:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; to read it of the input, use [...]")
        return InputAttributeNode(self._input, (*self._path, ("attr", name)))

    @property
    def _input(self) -> InputNode:
        assert self._source is not None
        return self._source

    def __repr__(self) -> str:
        steps = "".join(f"[{key!r}]" if kind == "item" else f".{key}" for kind, key in self._path)
        return f"InputNode(){steps}"


class InputNode(InputAttributeNode):
    """Stands for the request of a graph: `with InputNode() as request: ...`.

    Bound as it is, it gives the only positional argument of the call. `request[0]` and `request.name` give a positional
    and a keyword argument; when the call has one positional argument and nothing else, they look into it.

    Args:
        args, kwargs: accepted and not used (`input_type` of Ray 1.12).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(None, ())

    @property
    def _input(self) -> InputNode:
        return self

    def __enter__(self) -> InputNode:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Bindable:
    """What a deployment inherits `bind` from."""

    def bind(self, *args: Any, **kwargs: Any) -> ClassNode | FunctionNode:
        """A node of a deployment graph; nothing is deployed (Ray 1.12-2.6).

        Args:
            args, kwargs: a class's constructor gets them when the graph is run, a function at every request. Nodes
                among them, also in lists, tuples, dicts and sets, become handles in constructors, results in calls.
        """
        kind = ClassNode if inspect.isclass(self.func_or_class) else FunctionNode  # type: ignore[attr-defined]
        return kind(self, *_adopted(args, kwargs))


def parts(node: DAGNode) -> list[DAGNode]:
    """Every node directly below a node, those in its arguments first."""
    below = found_in((node._bound_args, node._bound_kwargs), DAGNode)
    return [*below, node._class_node] if isinstance(node, ClassMethodNode) else below


def needed_results(node: DAGNode) -> list[DAGNode]:
    """The nodes whose results a call needs: constructors' arguments are not followed."""
    return [] if isinstance(node, ClassNode) else found_in((node._bound_args, node._bound_kwargs), DAGNode)


_ours: weakref.WeakKeyDictionary[Any, InputNode] = weakref.WeakKeyDictionary()


def _adopted(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with our InputNode in the place of Ray's own, which some programs imported from `ray.dag`."""
    rays = sys.modules.get("ray.dag")
    if rays is None:
        return args, kwargs

    def adopt(value: Any) -> Any:
        if isinstance(value, rays.InputAttributeNode):
            source = _ours.setdefault(value._dag_input_node, InputNode())
            return source[value._key] if value._accessor_method == "__getitem__" else getattr(source, value._key)
        return _ours.setdefault(value, InputNode()) if isinstance(value, rays.InputNode) else LEFT

    return replaced(args, adopt), replaced(kwargs, adopt)
