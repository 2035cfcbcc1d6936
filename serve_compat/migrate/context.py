"""What a stage gets of a file: its module and path, the project, the options, and where to report; what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.files import parsing
from serve_compat.migrate.findings import Action, Finding
from serve_compat.migrate.project import Project
from serve_compat.migrate.rule import Rule, Stage, is_meant

SKIP_LINE = "# serve-compat: skip"
SKIP_FILE = "# serve-compat: skip-file"


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        to: the stage to go to.
        pin: write down old defaults that later releases changed silently.
        generate_router: write a small router deployment for weighted traffic.
        unsafe: apply rules that are not marked safe, too.
        select: only these rules; empty for all. Ids or prefixes.
        ignore: not these rules.
        notebook: top-level code runs inside an event loop.
    """

    to: Stage = "serve"
    pin: bool = True
    generate_router: bool = False
    unsafe: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    notebook: bool = False

    def allows(self, rule: Rule) -> bool:
        """Whether the rule may rewrite anything."""
        is_chosen = not self.select or is_meant(rule.id, self.select)
        return is_chosen and self.tells(rule.id) and (self.unsafe or rule.safe)

    def tells(self, rule: str) -> bool:
        """Whether findings of the rule of that id are wanted."""
        return not is_meant(rule, self.ignore)


@dataclass(frozen=True)
class Rewritten:
    """What a stage makes of a file.

    Attributes:
        module: for the next stage; the very one that the stage got where nothing changes.
        stays: why no later stage may work on the file, "" where nothing forbids it.
        is_left: whether the stage left all of the file as it was, but for comments.
        together: the files with which it shares objects of Serve: either all of them are rewritten, or none.
    """

    module: cst.Module
    stays: str = ""
    is_left: bool = False
    together: frozenset[str] = frozenset()


@dataclass
class FileContext:
    """One file in one stage.

    Attributes:
        path: the file as it was given.
        module: the module that the stage gets; findings are about its nodes.
        analysed: the resolvers of files, by path: shared by the stages, since most of them change few files.
        forbidden: ids of rules that changed the file, and that the command line does not allow to.
    """

    path: str
    module: cst.Module
    project: Project = field(default_factory=Project)
    options: Options = field(default_factory=Options)
    findings: list[Finding] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    analysed: dict[str, Names] = field(default_factory=dict)
    _skipped: set[int] | None = None

    @property
    def names(self) -> Names:
        """The resolver of the module's names; made when it is first needed."""
        known = self.analysed.get(self.path)
        if known is None or known.module is not self.module:
            known = self.analysed[self.path] = Names(self.module)
        return known

    def allows(self, rule: Rule) -> bool:
        """Whether the command line lets the rule rewrite anything."""
        return self.options.allows(rule)

    def line(self, node: cst.CSTNode) -> int:
        """The line of a node of the module, 1-based; 0 for the module itself and for nodes that are new."""
        return 0 if node is self.module else self.names.lines.get(node, 0)

    def skips(self, node: cst.CSTNode) -> bool:
        """Whether `# serve-compat: skip` stands on the node's line, or at the end of its statement."""
        if self._skipped is None:
            lines = parsing.lines(self.names.code)
            self._skipped = {number for number, text in enumerate(lines, 1) if SKIP_LINE in text}
        if not self._skipped:
            return False
        line = self.line(node)
        statement = self.names.tree.statement(node)
        return line in self._skipped or (statement is not None and self.line(statement) in self._skipped)

    def report(self, rule: Rule, node: cst.CSTNode, message: str, action: Action = "changed") -> None:
        """Tell about a place, a node of the module."""
        if action == "changed" and not self.allows(rule):
            self.forbidden.add(rule.id)
        self.findings.append(Finding(self.path, self.line(node), rule.id, action, message))

    def note_line(self, rule: Rule, line: int, message: str) -> None:
        """Tell about a line that is no node: a comment."""
        self.findings.append(Finding(self.path, line, rule.id, "note", message))
