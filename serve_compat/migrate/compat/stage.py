"""The compat stage: the import of ray.serve becomes one of serve_compat, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from serve_compat.migrate.analysis.names import SERVE
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.context import FileContext, Rewritten
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.writing.edits import Edits
from serve_compat.migrate.writing.imports import with_imports

SC001 = Rule(
    "SC001",
    "the import of ray.serve becomes one of serve_compat",
    "compat",
    "serve_compat offers every name of every generation of ray.serve, so that nothing else has to change.",
)
SC002 = Rule(
    "SC002",
    "`ray.serve.x` without an import of its own becomes serve_compat",
    "compat",
    "`import ray` alone brings today's ray.serve, which lacks the old names.",
)
SC004 = Rule(
    "SC004",
    "code that chooses between releases by itself is left alone",
    "compat",
    "Both branches of such a guard were written on purpose; rewriting one of them would break the choice.",
    automatic=False,
)
SC012 = Rule(
    "SC012",
    "a program for a fork of Ray Serve is left alone",
    "compat",
    "It uses names that only the fork has, so that it never ran on Ray itself.",
    automatic=False,
)

_OLD_PLACES = ("ray.experimental.serve", SERVE)
_OURS = "serve_compat"
_DAG, _TODAYS_DAG = "ray.experimental.dag", "ray.dag"  # of Ray 1.12, whose graphs of Serve had their InputNode from it
_GRAPH = f"{_OURS}.deployment_graph"
_GRAPH_NAMES = frozenset({"InputNode", "InputAttributeNode", "ClassNode", "ClassMethodNode", "FunctionNode", "DAGNode"})
_FORKS = frozenset({"create_no_http_service", "link_service", "provision_pipeline", "create_endpoint_pipeline"})


def rewrite(file: FileContext, decisions: None) -> Rewritten:
    """The file with imports of serve_compat; as it is where nothing of ray.serve is imported."""
    imports = _Imports(file)
    for attribute in file.names.tree.nodes(cst.Attribute):
        imports.look_at_use(attribute)
    for each in file.names.tree.nodes(cst.Import, cst.ImportFrom):
        if isinstance(each, cst.Import | cst.ImportFrom):
            imports.look_at(each)
    allowed = all(file.allows(rule) for rule, _ in imports.done)  # what an import brings and what is used go together
    if imports.left_alone or not imports.edits or not allowed:
        return Rewritten(file.module, imports.left_alone)
    for rule, node in imports.done:
        file.report(rule, node, "serve_compat in the place of ray.serve")
    changed = imports.edits.module(file.module)
    own = [f"import {_OURS}"] if imports.needs_own_import else []
    return Rewritten(with_imports(changed, own, among_others=False) if own else changed)


class _Imports:
    """What happens to each import and each `ray.serve` of a file."""

    def __init__(self, file: FileContext) -> None:
        self._file = file
        self.edits = Edits()
        self.done: list[tuple[Rule, cst.CSTNode]] = []
        self.needs_own_import = False
        self.left_alone = ""  # why

    def look_at(self, node: cst.Import | cst.ImportFrom) -> None:
        made = _import(node, self._needs_ray()) if isinstance(node, cst.Import) else self._import_from(node)
        if made is None or self._file.skips(node):
            return
        guard = self._file.names.guard_of(node)
        if guard is not None:
            self._file.report(
                SC004,
                guard,
                "this code chooses between releases of Ray by itself; the file is left alone",
                "left-alone",
            )
            self.left_alone = "it chooses between releases of Ray by itself"
            return
        self._replace(node, made)
        self.done.append((SC001, node))

    def _replace(self, node: cst.Import | cst.ImportFrom, made: list[cst.BaseSmallStatement]) -> None:
        """Plan the imports, the first one in the line of the old one, the others on lines below it."""
        first, *others = made
        line = self._file.names.tree.statement(node)
        if others and not isinstance(line, cst.SimpleStatementLine):
            return
        self.edits.change(node, lambda updated: first.with_changes(semicolon=updated.semicolon))
        lines = [cst.SimpleStatementLine([each]) for each in others]
        comment = next(filter(None, map(_comment_of, _serve_of(node))), None)
        if lines and comment is not None:
            behind = cst.TrailingWhitespace(cst.SimpleWhitespace("  "), comment)
            lines[0] = lines[0].with_changes(trailing_whitespace=behind)
        if line is not None:
            self.edits.insert_behind(line, lambda: lines)

    def _import_from(self, node: cst.ImportFrom) -> list[cst.BaseSmallStatement] | None:
        base = dotted(node.module)
        if node.relative:
            return None
        if _is_dag(base):
            return [node.with_changes(module=_name(self._graph_module(base, node.names)))]
        if _below(base) is not None:
            return [node.with_changes(module=_name(_below(base) or ""))]
        if base not in ("ray", "ray.experimental") or isinstance(node.names, cst.ImportStar):
            return None
        if base == "ray.experimental" and [dotted(alias.name) for alias in node.names] == ["dag"]:
            return [node.with_changes(module=cst.Name("ray"))]
        serve = [alias for alias in node.names if dotted(alias.name) == "serve"]
        others = [alias for alias in node.names if dotted(alias.name) != "serve"]
        if not serve:
            return None
        ours: list[cst.BaseSmallStatement] = [
            cst.Import([cst.ImportAlias(cst.Name(_OURS), alias.asname or _as("serve"))]) for alias in serve
        ]
        return [_only(node, others), *ours] if others else ours

    def _graph_module(self, module: str, names: Sequence[cst.ImportAlias] | cst.ImportStar) -> str:
        """What stands for a module of ray.experimental.dag: ours for Serve's graphs, Ray's for others."""
        known = not isinstance(names, cst.ImportStar) and {dotted(alias.name) for alias in names} <= _GRAPH_NAMES
        tasks = any(dotted(each) == "ray.remote" for each in self._file.names.tree.nodes(cst.Attribute))
        return _GRAPH if known and not tasks else _TODAYS_DAG + module[len(_DAG) :]

    def look_at_use(self, node: cst.Attribute) -> None:
        """`ray.serve.x`, where `ray` is imported and ray.serve is not; a module that is elsewhere today."""
        if dotted(node) == _DAG and self._file.names.qualified(node) == _DAG and not self._file.skips(node):
            self.edits.replace(node, _name(_TODAYS_DAG))
            self.done.append((SC001, node))
            return
        if node.attr.value in _FORKS and (self._file.names.qualified(node) or "").startswith(SERVE):
            self._file.report(SC012, node, f"no Ray had serve.{node.attr.value}, but a fork of it", "left-alone")
            self.left_alone = "it uses a fork of Ray Serve"
        if dotted(node) not in _OLD_PLACES and not self._is_serve_of_ray(node):
            return
        if self._file.names.guard_of(node) is not None or self._file.skips(node):
            return
        if any(isinstance(each, cst.Import | cst.ImportFrom) for each in self._file.names.tree.ancestors(node)):
            return
        if self._file.names.qualified(node) != SERVE:
            return
        self.edits.replace(node, cst.Name(_OURS, lpar=node.lpar, rpar=node.rpar))
        self.needs_own_import = True
        self.done.append((SC002, node))

    def _needs_ray(self) -> bool:
        """Whether the name `ray` is used for anything else than reaching ray.serve."""
        tree = self._file.names.tree
        for name in tree.names.get("ray", ()):
            above = list(tree.ancestors(name))
            is_import = any(isinstance(each, cst.Import | cst.ImportFrom) for each in above)
            if not is_import and not any(each in self.edits.changes for each in above):
                return True
        return False

    def _is_serve_of_ray(self, node: cst.Attribute) -> bool:
        return node.attr.value == "serve" and self._file.names.qualified(node.value) in ("ray", "ray.experimental")


def _below(name: str) -> str | None:
    """ "serve_compat.config" for "ray.serve.config"; None for what is not of Serve."""
    for old in _OLD_PLACES:
        if name == old or name.startswith(old + "."):
            return _OURS + name[len(old) :]
    return None


def _is_dag(name: str) -> bool:
    return name == _DAG or name.startswith(_DAG + ".")


def _import(node: cst.Import, needs_ray: bool) -> list[cst.BaseSmallStatement] | None:
    """`import ray.serve as s`; without `as` it binds `ray`, which other uses may need."""
    if not any(_below(dotted(alias.name)) or _is_dag(dotted(alias.name)) for alias in node.names):
        return None
    names: list[cst.ImportAlias] = []
    for alias in node.names:
        ours = _below(dotted(alias.name))
        if _is_dag(dotted(alias.name)):
            names.append(alias.with_changes(name=_name(_TODAYS_DAG + dotted(alias.name)[len(_DAG) :])))
        elif ours is None:
            names.append(alias)
        elif alias.asname is not None:
            names.append(alias.with_changes(name=_name(ours)))
        else:
            names.append(alias.with_changes(name=cst.Name("ray" if needs_ray else _OURS)))
    unique: list[cst.ImportAlias] = []
    for each in names:
        if not any(each.asname is None and dotted(each.name) == dotted(one.name) for one in unique):
            unique.append(each)
    unique[-1] = unique[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return [node.with_changes(names=unique)]


def _only(node: cst.ImportFrom, names: Sequence[cst.ImportAlias]) -> cst.ImportFrom:
    assert not isinstance(node.names, cst.ImportStar)
    kept, last = list(names), node.names[-1]
    if kept[-1] is not last:  # it becomes the last one, and takes over how the list ended
        kept[-1] = kept[-1].with_changes(comma=_without_comment(last.comma))
    return node.with_changes(names=kept)


def _without_comment(comma: cst.Comma | cst.MaybeSentinel) -> cst.Comma | cst.MaybeSentinel:
    if isinstance(comma, cst.Comma) and isinstance(comma.whitespace_after, cst.ParenthesizedWhitespace):
        return comma.with_deep_changes(comma.whitespace_after.first_line, comment=None, whitespace=_NO_SPACE)
    return comma


_NO_SPACE = cst.SimpleWhitespace("")


def _serve_of(node: cst.CSTNode) -> list[cst.ImportAlias]:
    if not isinstance(node, cst.ImportFrom) or isinstance(node.names, cst.ImportStar):
        return []
    return [alias for alias in node.names if dotted(alias.name) == "serve"]


def _comment_of(alias: cst.ImportAlias) -> cst.Comment | None:
    """The comment behind an imported name in a list over several lines."""
    space = alias.comma.whitespace_after if isinstance(alias.comma, cst.Comma) else None
    return space.first_line.comment if isinstance(space, cst.ParenthesizedWhitespace) else None


def _as(name: str) -> cst.AsName:
    return cst.AsName(cst.Name(name))


def _name(text: str) -> cst.Name | cst.Attribute:
    made = cst.parse_expression(text)
    assert isinstance(made, cst.Name | cst.Attribute)
    return made
