"""From texts to texts: which files use Serve, the stages over all of them, and which of them must stay together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from serve_compat.migrate import leftovers, stages
from serve_compat.migrate.analysis.names import Names
from serve_compat.migrate.context import SKIP_FILE, SKIP_LINE, FileContext, Options, Rewritten
from serve_compat.migrate.files import parsing
from serve_compat.migrate.files.line_map import line_map
from serve_compat.migrate.findings import Finding
from serve_compat.migrate.project import Project
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.stages import Stage
from serve_compat.migrate.writing import todo

SC010 = Rule(
    "SC010",
    "files that share deployments or handles stay together",
    "compat",
    "Objects of serve_compat and of stock Ray Serve do not mix in one program.",
    automatic=False,
)
SC011 = Rule(
    "SC011",
    "what a comment or the command line protects is left alone",
    "compat",
    "A stage rewrites a file as a whole, so that one protected line or one deselected rule keeps it as it is.",
    automatic=False,
)

_OURS = re.compile(r"\bserve_compat\b")
_RAY = re.compile(r"\bray\b")
_SERVE = re.compile(r"\bserve\b")
TOO_DEEP = "its expressions are nested too deeply for the parser"
_SKIPS_FILE = re.compile(rf"^\s*{re.escape(SKIP_FILE)}\b|^\s*(?:from|import)\b.*{re.escape(SKIP_LINE)}", re.MULTILINE)


@dataclass
class Result:
    """What became of one file.

    Attributes:
        path: as it was given.
        before, after: its text; the same where nothing is to change.
        findings: in the order of the lines.
        error: why the file could not be worked on, "" otherwise.
        used: whether it uses Serve at all.
    """

    path: str
    before: str
    after: str
    findings: list[Finding] = field(default_factory=list)
    error: str = ""
    used: bool = False

    @property
    def changed(self) -> bool:
        """Whether the text differs."""
        return self.before != self.after


def may_use_serve(content: bytes) -> bool:
    """A cheap look at a file's bytes: a file for which this says no is never parsed."""
    return b"serve" in content and (b"ray" in content or b"serve_compat" in content)


def names_serve(text: str) -> bool:
    """A closer look, at words: a text for which this says no is not parsed either."""
    return bool(_OURS.search(text) or (_RAY.search(text) and _SERVE.search(text)))


def migrate(
    texts: Mapping[str, str],
    options: Options,
    paths: tuple[str, ...] = (),
    read: Callable[[str], str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Result]:
    """Take files through the stages.

    Args:
        texts: path -> text of the files that may use Serve.
        paths: all Python files of the run, for imports between them; those of `texts` by default.
        read: gives the text of any of them.
        progress: called with each path as a stage begins to work on it.
    """
    run = _Run(texts, options, Project(paths or tuple(texts), read or (lambda path: texts.get(path, ""))))
    run.progress = progress or (lambda path: None)
    run.parse()
    for number, stage in enumerate(stages.leading_to(options.to)):
        run.go_through(stage, is_first=number == 0)
    return run.results()


class _Run:
    """The state of one migration."""

    progress: Callable[[str], None]

    def __init__(self, texts: Mapping[str, str], options: Options, project: Project) -> None:
        self._options = options
        self._project = project
        self._results = {path: Result(path, text, text) for path, text in texts.items()}
        self._modules: dict[str, cst.Module] = {}
        self._of_today: dict[str, cst.Module] = {}
        self._staying: dict[str, str] = {}
        self._analysed: dict[str, Names] = {}

    def parse(self) -> None:
        """Find the files that use Serve and are not of today."""
        for path, result in self._results.items():
            text = result.before
            if not names_serve(text) or _SKIPS_FILE.search(text):
                continue
            module = self._parsed(result)
            if module is not None:
                with self._guarded("analysis", [path]):
                    self._sort(result, module)

    def _sort(self, result: Result, module: cst.Module) -> None:
        if self._context(result.path, module).names.uses_serve:
            result.used = True
            of_today = self._is_of_today(result.path, module)
            (self._of_today if of_today else self._modules)[result.path] = module

    def _parsed(self, result: Result) -> cst.Module | None:
        try:
            return parsing.parsed(result.before)
        except SyntaxError as error:
            if leftovers.may_mention_ray_serve(result.before):
                result.error = leftovers.parse_error(result.before, error)
        except RecursionError:
            if leftovers.may_mention_ray_serve(result.before):
                result.error = TOO_DEEP
        return None

    def _is_of_today(self, path: str, module: cst.Module) -> bool:
        """Does stock Ray Serve run the file as it is? Then no target has anything to change in it."""
        file = self._context(path, module)
        if file.names.imports("serve_compat"):
            return False
        return not leftovers.old_names(file) and stages.is_of_today(module, file, leftovers.excused_lines(file))

    def go_through(self, stage: Stage[Any, Any], is_first: bool) -> None:
        """One stage over all files.

        Args:
            is_first: a file that it leaves as it is does not run on serve_compat, so that nothing more is told of it.
        """
        files = {path: self._context(path, module) for path, module in self._modules.items()}
        name, facts = f"{stage.name} stage", {}
        for path, file in files.items():
            with self._guarded(name, [path]):
                facts[path] = stage.survey(file)
        # an earlier stage left a place in some of them to a person: no later one may do half of the rest
        wanted = [path for path in facts if path not in self._staying]
        with self._guarded(name, wanted):
            decisions = stage.decide(self._project, facts)
            made = {path: self._rewritten(stage, files[path], decisions) for path in wanted}
            self._keep_together(stage, files, {path: each for path, each in made.items() if each is not None})
        for path, file in files.items():
            if path in self._modules:
                self._results[path].findings += self._placed(path, file)
            if is_first and path in self._staying:
                self._modules.pop(path, None)

    def _context(self, path: str, module: cst.Module) -> FileContext:
        options = replace(self._options, notebook=path.endswith(".ipynb"))
        return FileContext(path, module, self._project, options, analysed=self._analysed)

    def _rewritten(self, stage: Stage[Any, Any], file: FileContext, decisions: object) -> Rewritten | None:
        self.progress(file.path)
        with self._guarded(f"{stage.name} stage", [file.path]):
            made = stage.rewrite(file, decisions)
            refused = self._refused(file, made.module)
            if refused:
                file.findings = []
                message = f"left as it is by the {stage.name} stage: {refused}"
                file.report(SC011, file.module, message, "left-alone")
                made = replace(made, module=file.module, stays=refused, is_left=True)
            elif made.module is not file.module:
                self._modules[file.path] = parsing.parsed(todo.single(made.module.code))
            if made.stays:
                self._staying[file.path] = made.stays
            return made
        return None

    def _refused(self, file: FileContext, made: cst.Module) -> str:
        """Why the command line or a comment in the file forbids what the stage did; "" when nothing does."""
        if file.forbidden:
            return f"it needs {', '.join(sorted(file.forbidden))}, which may not rewrite anything in this run"
        if made is file.module or SKIP_LINE not in file.names.code:
            return ""
        kept = set(parsing.lines(made.code))
        lost = [line for line in parsing.lines(file.names.code) if SKIP_LINE in line and line not in kept]
        return f"it would change a line marked {SKIP_LINE!r}" if lost else ""

    @contextmanager
    def _guarded(self, name: str, paths: Iterable[str]) -> Iterator[None]:
        """Give files up where something fails."""
        why = ""
        try:
            yield
        except RecursionError:
            why = TOO_DEEP
        except Exception as error:  # a fault of ours in one file must not stop the run, nor leave it half done
            why = f"the {name} failed on it ({type(error).__name__}: {error})"
        for path in paths if why else ():
            result = self._results[path]
            result.error, result.after = f"{why}; it is left as it was", result.before
            result.findings.clear()
            self._modules.pop(path, None)

    def _keep_together(
        self, stage: Stage[Any, Any], files: Mapping[str, FileContext], made: Mapping[str, Rewritten]
    ) -> None:
        """Files that share objects of Serve are rewritten together or not at all."""
        left = [path for path in files if path in self._staying and (path not in made or made[path].is_left)]
        for path, each in made.items():
            why, file = next((other for other in left if other in each.together), ""), files[path]
            if why and path not in left and self._modules.get(path, file.module) is not file.module:
                self._modules[path] = file.module
                self._staying[path] = self._staying[why]
                file.findings = []
                both = f"stays on serve_compat because {why} does" if stage.name == "serve" else f"stays as {why} does"
                file.report(SC010, file.module, f"{both}: {self._staying[why]}", "note")

    def _placed(self, path: str, file: FileContext) -> list[Finding]:
        """The stage's findings, at the lines of the original file."""
        back = line_map(file.names.code, self._results[path].before) if file.findings else int
        return [finding.at(back(finding.line)) for finding in file.findings]

    def results(self) -> list[Result]:
        """All files, in their order."""
        for path, module in self._modules.items():
            self._results[path].after = self._context(path, module).names.code
        for path, module in {**self._modules, **self._of_today}.items():
            with self._guarded("analysis", [path]):
                self._scan(path, module)
        for result in self._results.values():
            result.findings = sorted({each for each in result.findings if self._options.tells(each.rule)})
        return list(self._results.values())

    def _scan(self, path: str, module: cst.Module) -> None:
        result = self._results[path]
        file = self._context(path, module)
        leftovers.report(file, self._options.to)
        known = {(each.line, each.needs_a_hand) for each in result.findings}
        result.findings += [each for each in self._placed(path, file) if (each.line, True) not in known]
