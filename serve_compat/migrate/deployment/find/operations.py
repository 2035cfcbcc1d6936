"""The calls of the backend/endpoint API in one module, with their arguments under the names of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.constants import Constants
from serve_compat.migrate.analysis.expressions import code_of
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.analysis.tree import dotted

CLIENT, MODULE, EARLY = "client", "module", "0.8"
"""The generation of a call: a Client of 1.0-1.2, module functions of 1.3-1.7, module functions of 0.7-0.8."""

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "create_backend": ("backend_tag", "func_or_class", "*"),
    "create_endpoint": ("endpoint_name", "route", "methods"),
    "set_traffic": ("endpoint_name", "traffic_policy_dictionary"),
    "split": ("endpoint_name", "traffic_policy_dictionary"),
    "link": ("endpoint_name", "backend_tag"),
    "shadow_traffic": ("endpoint_name", "backend_tag", "proportion"),
    "get_handle": ("endpoint_name", "missing_ok", "sync"),
    "list_backends": (),
    "list_endpoints": (),
    "get_backend_config": ("backend_tag",),
    "update_backend_config": ("backend_tag", "config_options"),
    "set_backend_config": ("backend_tag", "config_options"),
    "scale": ("backend_tag", "num_replicas"),
    "delete_backend": ("backend_tag", "force"),
    "delete_endpoint": ("endpoint_name",),
    "init": ("name", "http_host", "http_port", "metric_exporter"),
    "start": ("detached", "http_host", "http_port", "http_middlewares", "http_options", "dedicated_cpu"),
    "connect": (),
    "shutdown": (),
    "stat": (),
}
STARTING = frozenset({"init", "start", "connect"})
OF_TODAY = frozenset({"start", "shutdown"})  # also deployments use these
_OTHER_SPELLINGS = {
    "backend_def": "func_or_class",
    "endpoint": "endpoint_name",
    "backend_config": "config_options",
    "config_options": "config_options",
}


@dataclass(eq=False)
class Operation:
    """One call.

    Attributes:
        name: of the function, as `SIGNATURES` spells it.
        generation: CLIENT, MODULE or EARLY.
        call: the node.
        given: argument expressions by parameter name.
        rest: further positional arguments (constructor arguments of `create_backend`).
        odd: why the call cannot be understood, or "".
    """

    name: str
    generation: str
    call: cst.Call
    given: dict[str, cst.BaseExpression] = field(default_factory=dict)
    rest: list[cst.Arg] = field(default_factory=list)
    odd: str = ""

    @property
    def is_opaque(self) -> bool:
        """Whether it may do anything to any backend; a start, however it is written, does nothing to them."""
        return bool(self.odd) and self.name not in STARTING

    def arg(self, name: str) -> cst.BaseExpression | None:
        """The expression given for a parameter."""
        return self.given.get(name)

    def need(self, name: str) -> cst.BaseExpression:
        """The expression of a parameter that is known to be given."""
        return self.given[name]


def operations(names: Names, constants: Constants, early: bool) -> list[Operation]:
    """All calls of the old API in one module, in the order of the text.

    Args:
        early: module functions are those of Ray 0.7-0.8, because the program calls `serve.init()`.
    """
    found = []
    for node in names.tree.nodes(cst.Call):
        name = names.serve_name(node.func)
        if name is not None and name.startswith("api."):
            name = name[len("api.") :]
        if name is not None and name in SIGNATURES:
            client = names.qualified(node.func) is None
            generation = CLIENT if client else EARLY if early else MODULE
            found.append(_bound(Operation(name, generation, node), constants))
        elif name is None and names.may_ask_a_client(node):
            found.append(Operation(dotted(node.func).split(".")[-1], CLIENT, node, odd=_UNKNOWN_CLIENT))
    return found


_UNKNOWN_CLIENT = "where this client comes from cannot be told"


def _bound(operation: Operation, constants: Constants) -> Operation:
    positions = SIGNATURES[operation.name]
    positional = 0
    for arg in operation.call.args:
        if arg.star == "*" and operation.name == "create_backend" and positional >= 2:
            operation.rest.append(arg)
            positional += 1
        elif arg.star:
            operation.odd = f"{code_of(arg)} hides its arguments"
        elif arg.keyword is not None:
            name = _OTHER_SPELLINGS.get(arg.keyword.value, arg.keyword.value)
            if name == "config_options" and operation.name == "create_backend":
                name = "config"
            operation.given[name] = arg.value
        else:
            if positional < len(positions) and positions[positional] != "*":
                operation.given[positions[positional]] = arg.value
            else:
                operation.rest.append(arg)
            positional += 1
    if operation.name == "create_backend":
        _swap_of_0_7(operation, constants)
    return operation


def _swap_of_0_7(operation: Operation, constants: Constants) -> None:
    """Ray 0.7 wanted the function or class first and the tag second."""
    first, second = operation.arg("backend_tag"), operation.arg("func_or_class")
    if operation.generation != EARLY or first is None or second is None:
        return
    if constants.text(first) is None and (constants.text(second) is not None or constants.is_definition(first)):
        operation.given["backend_tag"], operation.given["func_or_class"] = second, first
