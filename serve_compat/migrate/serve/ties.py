"""What binds a file to others of the project: what one defines another may deploy or look up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from serve_compat.migrate.analysis.expressions import deployment_name, literal
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.values import Deployment, Named
from serve_compat.migrate.serve.program import Options, Program


@dataclass(frozen=True)
class Ties:
    """The names that one file shares with others.

    Attributes:
        deploys: literal names of the applications that it makes.
        asks: literal names that it looks up.
        imports: full names of what it imports.
        exports: its module-level deployments.
    """

    deploys: frozenset[str]
    asks: frozenset[str]
    imports: frozenset[str]
    exports: dict[str, Deployment]


def ties(tree: Tree) -> Ties:
    """What binds the file to others; one analysis of it."""
    program = Program(tree, Options())
    deploys: set[str] = set()
    asks: set[str] = set()
    for method, found in (("deploy", deploys), ("get_handle", asks), ("delete", asks)):
        for _, value in program.receivers(method):
            if isinstance(value, Deployment):
                found.add(literal(deployment_name(value)) or "")
    for call in program.infer.calls.by_name.get("get_deployment", ()):
        for value in program.infer.of(call):
            if isinstance(value, Named):
                asks.add(literal(value.name) or "")
    imports = {each.target for name in program.tree.root.bindings.values() for each in name if each.kind == "import"}
    exports = {}
    for name, bindings in program.tree.root.bindings.items():
        for each in bindings:
            for value in program.infer.binding(each):
                if isinstance(value, Deployment) and each.kind != "import":
                    exports[name] = replace(value, code=None, module=name)
    return Ties(frozenset(deploys - {""}), frozenset(asks - {""}), frozenset(imports), exports)
