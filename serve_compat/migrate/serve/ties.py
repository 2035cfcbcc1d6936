"""What binds a file to others of the project: what one defines another may deploy or look up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from serve_compat.migrate.analysis.expressions import deployment_name, literal
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.values import Deployment, Named
from serve_compat.migrate.project import Project, joined
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


class Exports:
    """The deployments that files of a project define for others.

    Args:
        project: the files.
        known: the ties of those that are surveyed; others are read when somebody asks for them.
    """

    def __init__(self, project: Project, known: Mapping[str, Ties]) -> None:
        self._project = project
        self._known: dict[str, Ties | None] = dict(known)

    def of(self, importer: str, name: str) -> tuple[str, Deployment] | None:
        """The deployment that a full name means in a file, with the file that defines it."""
        module, _, last = name.rpartition(".")
        path = self._project.resolve(importer, module) if module.strip(".") else None
        known = self._ties(path) if path is not None else None
        return (path, known.exports[last]) if path is not None and known is not None and last in known.exports else None

    def _ties(self, path: str) -> Ties | None:
        if path not in self._known:
            module = self._project.module_of(path)
            self._known[path] = ties(Tree(module)) if module is not None else None
        return self._known[path]


def together(known: Mapping[str, Ties], exports: Exports) -> dict[str, frozenset[str]]:
    """Of each file those with which it shares deployments, directly or through others, and itself."""
    makers: dict[str, list[str]] = defaultdict(list)
    for path, tie in known.items():
        for name in tie.deploys:
            makers[name].append(path)
    pairs = [(path, other) for path, tie in known.items() for name in tie.asks | tie.deploys for other in makers[name]]
    for path, tie in known.items():
        pairs += [(path, found[0]) for name in tie.imports if (found := exports.of(path, name)) is not None]
    return joined(pairs)
