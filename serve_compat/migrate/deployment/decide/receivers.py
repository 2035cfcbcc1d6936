"""Which functions get the requests of a handler: its own, and those that it passes them on to."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from serve_compat.migrate.analysis.children import parents_in, walk
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.deployment.decide.files import Files
from serve_compat.migrate.deployment.decide.pair import Pair, batch_marks
from serve_compat.migrate.deployment.find.handle_uses import method_names
from serve_compat.migrate.deployment.find.handlers import (
    SC127,
    Body,
    is_ignored,
    is_static,
    method_of,
    reads,
    request_parameter,
)
from serve_compat.migrate.deployment.find.operations import EARLY
from serve_compat.migrate.deployment.find.staying import Inconvertible

_ONLY_LOOK = frozenset({"print", "isinstance", "type", "str", "repr", "id", "len", "bool", "hasattr"})


@dataclass(frozen=True, eq=False)
class Receiver:
    """A function that gets a request.

    Attributes:
        param: the parameter that it comes by.
        is_own: the replica calls it; other functions of the handler's file are called by those.
        nodes: the places where it uses the request, or one of a batch.
    """

    function: Body
    param: cst.Param
    is_own: bool
    nodes: tuple[cst.CSTNode, ...]

    @property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        """The parents of the function's nodes, which may be of another module than the one that is rewritten."""
        return parents_in(self.function)


def functions_of(pair: Pair, files: Files) -> list[Body]:
    """The functions of the handler that get requests: `__call__` and the methods that handles call."""
    names: set[str | None] = {"__call__"}
    for use in pair.group.named("get_handle"):
        known = files[use.path].handles.get(use.operation.call)
        if known is not None:
            names |= {each for call in known.calls for each in method_names(known, call, files[use.path].constants)}
    found = [pair.handler.method(name) for name in sorted(each for each in names if each)]
    return [each for each in found if each is not None]


def are_mixed(pairs: list[Pair], files: Files) -> bool:
    """Whether a call that may reach any of these handlers has to bring a whole request."""
    if len({each.handler.node for each in pairs}) == 1 or pairs[0].create.generation == EARLY:
        return False
    functions = [(each, function) for each in pairs for function in functions_of(each, files)]
    return not all(
        is_ignored(function, each.handler.is_class)
        and request_parameter(function, each.handler.is_class) is not None
        and not each.is_batch
        for each, function in functions
    )


def receivers(pair: Pair, files: Files) -> list[Receiver]:
    """All of them.

    Raises:
        Inconvertible: a request that is certainly Flask's goes where it cannot be followed.
    """
    made: list[Receiver] = []
    for function in functions_of(pair, files):
        param = request_parameter(function, pair.handler.is_class)
        if param is not None:
            made.append(_receiver(function, param, pair, is_own=True))
    for each in made:  # grows while it is gone through
        for function, param in _passed_on(each, pair):
            if not any(other.function is function and other.param is param for other in made):
                made.append(_receiver(function, param, pair, is_own=False))
    return made


def _receiver(function: Body, param: cst.Param, pair: Pair, is_own: bool) -> Receiver:
    nodes: list[cst.CSTNode] = list(reads(function, param))
    if is_own and batch_marks(pair.handler, pair.home):
        nodes = _items(function, set(nodes))
    return Receiver(function, param, is_own, tuple(nodes))


def _items(function: Body, batch: set[cst.CSTNode]) -> list[cst.CSTNode]:
    """The reads of single requests of a batch: the variable of `for request in batch`."""
    names = {
        each.target.value
        for each in walk(function.body)
        if isinstance(each, cst.For | cst.CompFor) and each.iter in batch and isinstance(each.target, cst.Name)
    }
    return [each for each in walk(function.body) if isinstance(each, cst.Name) and each.value in names]


def _passed_on(receiver: Receiver, pair: Pair) -> list[tuple[cst.FunctionDef, cst.Param]]:
    found = []
    parents = receiver.parents
    is_flask = pair.create.generation == EARLY or receiver.param.name.value.startswith("flask")
    for node in receiver.nodes:
        arg = parents.get(node)
        call = parents.get(arg) if isinstance(arg, cst.Arg) else None
        if not isinstance(arg, cst.Arg) or not isinstance(call, cst.Call) or _only_looks(call):
            continue
        target = _target(call, arg, pair) if pair.handler.here else None
        if target is not None:
            found.append(target)
        elif is_flask:
            what = code_of(call.func)
            raise Inconvertible(SC127, f"the handler passes its request, which was Flask's, on to {what}()")
    return found


def _only_looks(call: cst.Call) -> bool:
    if isinstance(call.func, cst.Attribute):
        return call.func.attr.value == "remote"
    return isinstance(call.func, cst.Name) and call.func.value in _ONLY_LOOK


def _target(call: cst.Call, arg: cst.Arg, pair: Pair) -> tuple[cst.FunctionDef, cst.Param] | None:
    """The function of this file that a call means, with the parameter that an argument is for."""
    function, bound = _called(call.func, pair), isinstance(call.func, cst.Attribute)
    if not isinstance(function, cst.FunctionDef) or arg.star:
        return None
    params = [*function.params.posonly_params, *function.params.params]
    if arg.keyword is not None:
        named = [each for each in params if each.name.value == arg.keyword.value]
        return (function, named[0]) if named else None
    place = call.args.index(arg) + (bound and not is_static(function))
    plain = not any(each.star or each.keyword is not None for each in call.args[: call.args.index(arg)])
    return (function, params[place]) if plain and place < len(params) else None


def _called(func: cst.BaseExpression, pair: Pair) -> Body | None:
    if isinstance(func, cst.Attribute):
        if code_of(func.value) in ("self", "cls"):
            return pair.handler.method(func.attr.value)
        if code_of(func.value) == "super()":
            found = (method_of(each, func.attr.value) for each in pair.handler.bases)
            return next((each for each in found if each is not None), None)
        return None
    binding = pair.home.constants.binding(func)
    return binding.node if binding is not None and isinstance(binding.node, cst.FunctionDef) else None
