"""`--generate-router`: `serve.set_traffic` between deployments becomes a router deployment and redeployments of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import libcst as cst

from serve_compat.migrate.analysis.expressions import quoted, text
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.analysis.values import Deployment, Named
from serve_compat.migrate.context import FileContext
from serve_compat.migrate.project import Project
from serve_compat.migrate.router.splits import NoRouterError, Split, splits
from serve_compat.migrate.serve.ties import Ties, ties
from serve_compat.migrate.writing.arguments import keyword
from serve_compat.migrate.writing.edits import Edits
from serve_compat.migrate.writing.imports import with_imports
from serve_compat.migrate.writing.router_text import IMPORTS, SC222, router_class, router_deploy, router_title
from serve_compat.migrate.writing.texts import blank_lines, statement

Facts = Ties | None
"""What a file shares with others; nothing where no router is asked for."""


@dataclass(frozen=True)
class Decisions:
    """Who knows whose deployments.

    Attributes:
        ties: what each file shares with others.
        importers: by file, those that import from it.
    """

    ties: Mapping[str, Ties]
    importers: Mapping[str, set[str]]

    def check(self, split: Split, path: str) -> None:
        """Is a split of a file its own affair? One whose endpoint other files ask for keeps its name.

        Raises:
            NoRouterError: no.
        """
        for other, known in self.ties.items():
            uses = other in self.importers.get(path, ()) or split.name in known.asks | known.deploys
            if uses and other != path:
                raise NoRouterError(split.calls[0][0], f"{other} uses {split.name!r} or this file")


def survey(file: FileContext) -> Facts:
    """What the file shares with others."""
    return ties(file.names.tree) if file.options.generate_router else None


def decide(project: Project, facts: Mapping[str, Facts]) -> Decisions:
    """Which files know each other."""
    known = {path: each for path, each in facts.items() if each is not None}
    importers: dict[str, set[str]] = defaultdict(set)
    for path, each in known.items():
        for module in {name.rpartition(".")[0] for name in each.imports}:
            importers[project.resolve(path, module) or ""].add(path)
    return Decisions(known, importers)


def rewrite(file: FileContext, decisions: Decisions, module: cst.Module) -> cst.Module:
    """The module with routers, where `--generate-router` asks for them; the very module where there is nothing to do.

    Args:
        module: a file with deployments: as it was written, or made by the deployment stage.
    """
    if not file.options.generate_router:
        return module
    names = file.names if module is file.module else Names(module)
    try:
        found = splits(names)
        for split in found:
            decisions.check(split, file.path)
            _check_marks(split, file)
    except NoRouterError as problem:
        file.report(SC222, problem.node, f"no router is written: {problem.why}", "note")
        return module
    if not found:
        return module
    routers = _Routers(names)
    for split in found:
        routers.add(split)
        for call, _ in split.calls:
            file.report(SC222, call, f"set_traffic() becomes a new user_config of the router of {split.name!r}")
    return routers.result()


def _check_marks(split: Split, file: FileContext) -> None:
    for call, _ in split.calls:
        if file.skips(call):
            raise NoRouterError(call, "the place is marked to be skipped")


@dataclass
class _Routers:
    """The routers of one module, and what changes for them."""

    names: Names
    edits: Edits = field(default_factory=Edits)
    taken: set[str] = field(default_factory=set)

    def add(self, split: Split) -> None:
        """Plan the router of a split."""
        tree = self.names.tree
        title = self._title(split.name)
        name = f"{split.name}-router"
        source = router_class(quoted(name), title, split.route, split.serve, split.methods)
        self.edits.insert_behind(split.statement, lambda: _definition(source))
        self._unroute(split)
        for call, weights in split.calls:
            made = cst.parse_expression(router_deploy(title, weights))
            self.edits.replace(call, made)
        for call in split.handles:
            self._redirect(call, title, name)
        line = tree.statement(split.deploys[0])
        if line is not None and not _follows_at_once(tree, line, split):
            first = statement(router_deploy(title, f"{{{quoted(split.name)}: 1.0}}"))
            self.edits.insert_behind(line, lambda: [first])

    def _title(self, name: str) -> str:
        used = {each for scope in set(self.names.tree.scopes.values()) for each in scope.bindings} | self.taken
        title = router_title(name)
        while title in used:
            title += "2"
        self.taken.add(title)
        return title

    def _unroute(self, split: Split) -> None:
        """The endpoint's route goes to the router; its own deployment has none from now on."""
        node = split.origin
        if isinstance(node, cst.ClassDef | cst.FunctionDef):
            decorator = next(each.decorator for each in node.decorators if self._makes(each.decorator))
            node = decorator
        self.edits.change(node, _without_route)

    def _makes(self, decorator: cst.BaseExpression) -> bool:
        func = decorator.func if isinstance(decorator, cst.Call) else decorator
        return self.names.serve_name(func) == "deployment"

    def _redirect(self, call: cst.Call, title: str, name: str) -> None:
        """A handle of the endpoint is one of the router."""
        assert isinstance(call.func, cst.Attribute)
        for value in self.names.inference.of(call.func.value):
            if isinstance(value, Named) and isinstance(value.call, cst.Call) and value.call.args:
                # the object may be used for more than its handle
                made: cst.BaseExpression = value.call.with_changes(
                    args=[value.call.args[0].with_changes(value=text(name)), *value.call.args[1:]]
                )
                self.edits.change(call.func, partial(_on, made))
            elif isinstance(value, Deployment):
                self.edits.change(call.func, partial(_on, cst.Name(title)))

    def result(self) -> cst.Module:
        """The module with all changes made, and the imports that the routers need."""
        made = self.edits.module(self.names.module)
        known = self.names.tree.root.bindings
        return with_imports(made, [line for line in IMPORTS if line.split()[-1] not in known], among_others=False)


def _on(receiver: cst.BaseExpression, updated: cst.Attribute) -> cst.Attribute:
    return updated.with_changes(value=receiver)


def _without_route(updated: Any) -> cst.Call:
    none = keyword("route_prefix", cst.Name("None"))
    if not isinstance(updated, cst.Call):
        return cst.Call(updated, [none])
    given = [arg.keyword.value if arg.keyword else "" for arg in updated.args]
    if "route_prefix" in given:
        place = given.index("route_prefix")
        kept = list(updated.args)
        kept[place] = kept[place].with_changes(value=cst.Name("None"))
        return updated.with_changes(args=kept)
    return updated.with_changes(args=[*updated.args, none])


def _definition(source: str) -> list[cst.BaseStatement]:
    """The class, two empty lines under what precedes it."""
    return [each.with_changes(leading_lines=blank_lines(2)) for each in cst.parse_module(source).body]


def _follows_at_once(tree: Tree, line: cst.CSTNode, split: Split) -> bool:
    """Is the traffic set right after the deployment, with only other deployments in between?"""
    block = tree.parents.get(line)
    body: list[cst.CSTNode] = list(block.body) if isinstance(block, cst.Module | cst.IndentedBlock) else []
    if line not in body:
        return False
    targets = {tree.statement(call) for call, _ in split.calls}
    for each in body[body.index(line) + 1 :]:
        if each in targets:
            return True
        if not _is_deploy(each):
            return False
    return False


def _is_deploy(line: cst.CSTNode) -> bool:
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1 or not isinstance(line.body[0], cst.Expr):
        return False
    call = line.body[0].value
    return isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == "deploy"
