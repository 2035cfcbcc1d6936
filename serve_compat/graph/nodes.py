"""What `.bind()` makes: the nodes of a deployment graph. Values only; no cluster is needed to make them."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from serve_compat.graph.execution import executed, remote
from serve_compat.graph.reading import read
from serve_compat.graph.tree import LEFT, found_in, replaced

CALL = "__call__"
_BOUND = "it is bound already, and is called when the graph is run: serve.run(), or .execute(...) to try it out"


class DAGNode:
    """Something bound to its arguments. Its class says what it stands for."""

    _bound_args: tuple[Any, ...] = ()
    _bound_kwargs: dict[str, Any] = {}

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph below this node once, with plain Ray tasks and actors instead of replicas (Ray 1.12-2.6).

        Args:
            args, kwargs: what its InputNode stands for.

        Returns:
            An ObjectRef of the result; of a class, the handle of its actor.
        """
        return executed(self, parts, args, kwargs)

    def _start(self, own: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See `execution.Executable`."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name in ("bind", "remote"):
            raise AttributeError(f".{name}() cannot be used {'again ' * (name == 'bind')}on {type(self)}: {_BOUND}")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

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
        self._last_call: ClassMethodNode | None = None

    def _start(self, own: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        made = remote(self._deployment.func_or_class, self._deployment.ray_actor_options)
        return made.remote(*own(self._bound_args), **own(self._bound_kwargs))

    def __getattr__(self, name: str) -> UnboundMethod:
        target = self.__dict__["_deployment"].func_or_class
        if callable(getattr(target, name, None)):
            return UnboundMethod(self, name)
        if name == "bind":
            super().__getattr__(name)
        known = sorted(one for one, _ in inspect.getmembers(target, inspect.isroutine) if not one.startswith("_"))
        raise AttributeError(
            f"the class {target.__name__!r} has no attribute {name!r} that is a method to bind; "
            f"it has {', '.join(known) or 'none'}"
        )

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

    def __getattr__(self, name: str) -> NoReturn:
        if name == "remote":
            raise AttributeError(f".remote() cannot be used on ClassMethodNodes: {_BOUND}")
        raise AttributeError(f"{self._node!r}.{self._name} has no attribute {name!r}; write .bind(...)")

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self._node!r}.{self._name} is used as an argument without .bind(...)")


class ClassMethodNode(DAGNode):
    """A call of a method of a class node, made for every request, and after the calls that were bound before it."""

    def __init__(self, node: ClassNode, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._class_node = node
        self._method = method
        self._bound_args = args
        self._bound_kwargs = kwargs
        self._before = node._last_call
        node._last_call = self

    def _start(self, own: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        method = getattr(own(self._class_node), self._method)
        return method.remote(*own(self._bound_args), **own(self._bound_kwargs))

    def __repr__(self) -> str:
        return f"ClassMethodNode({self._class_node._deployment.name}.{self._method})"


class FunctionNode(DAGNode):
    """A function deployment and a call of it with the bound arguments, made for every request."""

    def __init__(self, deployment: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._deployment = deployment
        self._bound_args = args
        self._bound_kwargs = kwargs

    def _start(self, own: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        made = remote(self._deployment.func_or_class, self._deployment.ray_actor_options)
        return made.remote(*own(self._bound_args), **own(self._bound_kwargs))

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

    def _start(self, own: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return read(self._path, args, kwargs)

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
    return [*below, node._class_node, *_earlier(node)] if isinstance(node, ClassMethodNode) else below


def needed_calls(node: DAGNode) -> list[DAGNode]:
    """The nodes that are called before a call: those whose results it needs, and those bound before it to its object.

    Constructors' arguments are not followed.
    """
    if isinstance(node, ClassNode):
        return []
    return [*found_in((node._bound_args, node._bound_kwargs), DAGNode), *_earlier(node)]


def _earlier(node: DAGNode) -> list[DAGNode]:
    before = node._before if isinstance(node, ClassMethodNode) else None
    return [] if before is None else [before]


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
