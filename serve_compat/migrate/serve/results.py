"""What handle calls return: `ray.get(h.remote())` becomes `h.remote().result()`, awaits lose a level.

Where every use of a result is understood it becomes today's response. Elsewhere the call is followed by the documented
way back to an ObjectRef, so that whatever the program does with it goes on working.
"""

from __future__ import annotations

from functools import partial

import libcst as cst

from serve_compat.migrate.analysis.values import OTHER, Box, Gather, Pending, Ref, Row, Value, Values
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.serve.program import Program
from serve_compat.migrate.serve.responses import await_ref, listed, method, result, ungathered, unwrapped
from serve_compat.migrate.writing.edits import Change

SC209 = Rule(
    "SC209",
    "ray.get(handle.remote()) becomes handle.remote().result()",
    "serve",
    "A call of a handle returns a response and no ObjectRef. Where the program does more with it than wait, the"
    " response is turned back into an ObjectRef.",
)
SC210 = Rule(
    "SC210",
    "of two awaits on a handle call one goes",
    "serve",
    "Asynchronous handles returned an ObjectRef that had to be awaited again; a response is awaited once.",
)

_RESPONSE = {"result", "cancel", "cancelled", "request_id", "_to_object_ref", "_to_object_ref_sync"}
_TODAY = {"max_ongoing_requests", "max_queued_requests", "target_ongoing_requests"}
_SETTLED = {"flows", "awaited", "got", "sent", "dropped"}


def sources(values: Values) -> dict[cst.Call, Value]:
    """The handle calls whose results are among the values, also inside of lists."""
    found: dict[cst.Call, Value] = {}
    for value in values:
        if isinstance(value, Ref | Pending):
            found[value.source] = value
        elif isinstance(value, Box | Gather):
            found.update(sources(value.items))
        elif isinstance(value, Row):
            for column in value.items:
                found.update(sources(column))
    return found


class Results:
    """Decides, group by group, how results of handle calls are converted."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._groups: dict[cst.Call, cst.Call] = {}
        self._tainted: set[cst.Call] = set()
        self._loads: list[tuple[cst.BaseExpression, Values]] = []

    def convert(self) -> None:
        """Plan all changes."""
        for node, values in self._program.loads():
            found = sources(values)
            if found:
                self._loads.append((node, values))
                self._join(list(found))
        for node, values in self._loads:
            self._judge(node, values)
        if self._is_modern():
            return
        spoiled = {self._leader(call) for call in self._tainted}
        was_old = self._program.old  # a way back to an ObjectRef is no sign of an old program
        for call in dict.fromkeys(call for _, values in self._loads for call in sources(values)):
            if self._leader(call) in spoiled:
                self._escape(call)
        self._program.old = was_old
        for node, values in self._loads:
            if not any(self._leader(call) in spoiled for call in sources(values)):
                self._consume(node, values)

    def _is_modern(self) -> bool:
        """Does the program ask responses for their result already, or have an option of today?"""
        options = (node.keyword for node in self._program.tree.nodes(cst.Arg))
        if not self._program.old and any(name is not None and name.value in _TODAY for name in options):
            return True
        return any(
            use.kind == "attribute" and isinstance(use.node, cst.Attribute) and use.node.attr.value in _RESPONSE
            for use in (self._program.uses.of(node) for node, _ in self._loads)
        )

    def _leader(self, call: cst.Call) -> cst.Call:
        while self._groups.setdefault(call, call) is not call:
            call = self._groups[call]
        return call

    def _join(self, calls: list[cst.Call]) -> None:
        for other in calls:
            self._groups[self._leader(other)] = self._leader(calls[0])

    def _taint(self, values: Values) -> None:
        self._tainted.update(sources(values))

    def _judge(self, node: cst.CSTNode, values: Values) -> None:
        use = self._program.uses.of(node)
        single = any(isinstance(value, Ref | Pending) for value in values)
        graph = all(getattr(value, "flavor", "sync") == "graph" for value in sources(values).values())
        finished = graph and all(isinstance(value, Ref) for value in values)
        if finished:
            return  # one await was enough on some release, so this may be the plain value
        kinds = _SETTLED if single else _SETTLED | {"iterated", "tested", "subscripted", "attribute"}
        if single and use.kind == "tested" and self._is_none_check(use.node):
            return
        if use.kind not in kinds or (use.kind == "attribute" and not self._is_list_method(use.node)):
            self._taint(values)
        elif use.kind == "got":
            self._judge_get(use.node, values)
        elif use.kind == "awaited" and self._gathers_pending(use.node, values):
            self._taint(values)

    def _is_none_check(self, node: cst.CSTNode) -> bool:
        return isinstance(node, cst.Comparison | cst.ComparisonTarget)

    def _is_list_method(self, node: cst.CSTNode) -> bool:
        followed = {"append", "add", "items", "values", "pop", "popleft", "get", "clear", "copy", "appendleft"}
        return isinstance(node, cst.Attribute) and node.attr.value in followed

    def _gathers_pending(self, node: cst.CSTNode, values: Values) -> bool:
        is_await = isinstance(node, cst.Await)
        plain = any(isinstance(each, Pending) and each.flavor == "async" for each in self._flat(values))
        return plain and not is_await and not self._is_plain_gather(node)

    def _is_plain_gather(self, node: cst.CSTNode) -> bool:
        """Is it `await asyncio.gather(*calls)` or `await asyncio.gather(call, call)`?"""
        if not isinstance(node, cst.Call) or not isinstance(self._program.tree.parents.get(node), cst.Await):
            return False
        stars = [arg.star for arg in node.args if arg.keyword is None]
        plain = len(stars) == len(node.args) and (stars == ["*"] or not any(stars))
        return plain and self._program.infer.library(node.func) == "asyncio.gather"

    def _flat(self, values: Values) -> list[Value]:
        return list(sources(values).values())

    def _judge_get(self, call: cst.CSTNode, values: Values) -> None:
        assert isinstance(call, cst.Call)
        first = call.args[0] if call.args else None
        timeout = [arg for arg in call.args[1:] if arg.keyword is not None and arg.keyword.value == "timeout"]
        plain = first is not None and first.keyword is None and first.star == ""
        in_loop = self._program.in_loop(call)
        mixed = OTHER in values or any(isinstance(each, Box | Row) and _has_other(each) for each in values)
        nested = any(
            isinstance(each, Box) and any(isinstance(inner, Box | Row) for inner in each.items) for each in values
        )
        if (
            not plain
            or len(call.args) != 1 + len(timeout)
            or mixed
            or nested
            or (timeout and in_loop)
            or any(isinstance(each, Pending) and each.flavor == "async" for each in self._flat(values))
        ):
            self._taint(values)
        elif not in_loop and self._blocks_a_loop(call):
            self._program.block(
                call, SC209, "this waits for a handle's result where today's replicas run an event loop"
            )

    def _blocks_a_loop(self, node: cst.CSTNode) -> bool:
        """Does synchronous code here run on an event loop, where waiting for a response is an error today?"""
        function = self._program.tree.enclosing_function(node)
        if self._program.options.notebook:
            return True
        seen: set[cst.CSTNode] = set()
        while isinstance(function, cst.FunctionDef) and function not in seen:
            seen.add(function)
            owner = self._program.tree.enclosing_class(function)
            if function.name.value in ("__init__", "__del__") and owner is not None and self._is_served(owner):
                return True
            callers = [call for call, _ in self._program.infer.calls.callers(function)]
            if any(self._program.in_loop(call) and not self._is_remote(call) for call in callers):
                return True
            function = self._program.tree.enclosing_function(callers[0]) if callers else None
        return False

    def _is_remote(self, call: cst.Call) -> bool:
        return isinstance(call.func, cst.Attribute) and call.func.attr.value in ("remote", "deploy", "bind", "submit")

    def _is_served(self, owner: cst.ClassDef) -> bool:
        return self._program.infer.calls.is_served(owner)

    # changes

    def _escape(self, call: cst.Call) -> None:
        program = self._program
        values = [value for value in program.infer.of(call) if isinstance(value, Ref | Pending)]
        flavor = values[0].flavor if values else "sync"
        in_loop = program.in_loop(call)
        if flavor == "graph":
            program.block(call, SC210, "how often this result is awaited differs between releases and uses")
            return
        made: Change = partial(method, "_to_object_ref")
        if flavor != "async" and in_loop:
            if any(isinstance(each, cst.GeneratorExp | cst.Lambda) for each in self._up_to_function(call)):
                program.block(call, SC209, "an await is needed here, where none can stand")
            made = await_ref
        elif flavor != "async":
            if self._blocks_a_loop(call):
                program.block(call, SC209, "this needs an ObjectRef where today's replicas run an event loop")
            made = partial(method, "_to_object_ref_sync")
        program.change(call, SC209, "the ObjectRef of a handle call has a name of its own", made)

    def _up_to_function(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        found = []
        for each in self._program.tree.ancestors(node):
            if isinstance(each, cst.FunctionDef):
                break
            found.append(each)
        return found

    def _consume(self, node: cst.CSTNode, values: Values) -> None:
        use = self._program.uses.of(node)
        if use.kind == "got" and isinstance(use.node, cst.Call):
            many = any(isinstance(value, Box | Row) for value in values)
            asynchronous = self._program.in_loop(use.node)
            if asynchronous:
                self._make_lists(use.node)
            self._program.change(
                use.node,
                SC209,
                "ray.get of a handle's result becomes .result()",
                partial(result, many, asynchronous),
            )
        elif use.kind == "awaited" and isinstance(use.node, cst.Await):
            self._drop_await(use.node, values)

    def _make_lists(self, node: cst.CSTNode) -> None:
        """Generators around an await become lists: the code that takes them knows nothing of asynchronous ones."""
        for each in self._up_to_function(node):
            if isinstance(each, cst.Lambda):
                self._program.block(node, SC209, "an await is needed here, where none can stand")
            elif isinstance(each, cst.GeneratorExp):
                self._program.change(each, SC209, "a list, since its elements are awaited", listed)

    def _drop_await(self, node: cst.Await, values: Values) -> None:
        """The first of two awaits goes, where its result is awaited, waited for or sent on."""
        if not any(isinstance(value, Pending) for value in self._flat(values)):
            return
        calls = sources(values)
        again = [
            (self._program.uses.of(load), any(isinstance(each, Ref) for each in found))
            for load, found in self._loads
            if load is not node.expression
            and not self._is_kept(load, found)
            and any(isinstance(each, Ref) and each.source in calls for each in self._refs(found))
        ]
        of_lists = {
            "flows",
            "attribute",
            "subscripted",
            "tested",
        }  # all that is done to a list of them was judged before
        kinds = {use.kind for use, single in again if use.kind not in ({"flows"} if single else of_lists)}
        if "awaited" in kinds or "got" in kinds:
            if kinds - {"awaited", "got", "sent", "dropped", "iterated"}:
                self._program.block(node, SC210, "the result of this await is both awaited again and used as a value")
                return
            change = ungathered if self._is_plain_gather(node.expression) else unwrapped
            self._program.change(node, SC210, "one await is enough for a response", change)
            return
        asynchronous = any(isinstance(value, Pending) and value.flavor == "async" for value in self._flat(values))
        is_dropped = isinstance(self._program.tree.parents[node], cst.Expr)
        if asynchronous and not is_dropped and (kinds - {"sent", "dropped"} or not kinds):
            self._program.block(node, SC210, "what becomes of this ObjectRef cannot be followed")

    def _is_kept(self, node: cst.BaseExpression, values: Values) -> bool:
        """Is this a list of results that is only filled or looked through, not one of them?"""
        use = self._program.uses.of(node)
        single = any(isinstance(value, Ref | Pending) for value in values)
        looked = use.kind in ("tested", "subscripted") or (use.kind == "attribute" and self._is_list_method(use.node))
        return not single and looked

    def _refs(self, values: Values) -> list[Value]:
        return [each for each in self._flat(values) if isinstance(each, Ref)]


def _has_other(value: Box | Row) -> bool:
    if isinstance(value, Box):
        return OTHER in value.items
    return any(OTHER in column or not column for column in value.items)
