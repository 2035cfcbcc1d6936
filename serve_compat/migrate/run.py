"""One run over files: read what may use Serve, migrate it, and give back bytes."""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from serve_compat.migrate import engine
from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import Result, may_use_serve, names_serve
from serve_compat.migrate.files import notebooks, pins, source
from serve_compat.migrate.findings import Finding

STDIN = "<stdin>"


@dataclass
class Outcome:
    """What a run found.

    Attributes:
        results: one for each file that may use Serve, in their order.
        contents: path -> bytes before and after, of the files that change.
        notes: findings in other files.
        scanned: how many files were looked at.
    """

    results: list[Result] = field(default_factory=list)
    contents: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    notes: list[Finding] = field(default_factory=list)
    scanned: int = 0


@dataclass
class _Opened:
    content: bytes
    source: source.Source
    notebook: notebooks.Notebook | None = None


def over(
    paths: Sequence[str],
    pin_files: Sequence[str],
    options: Options,
    given: bytes | None = None,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Migrate files, without writing any.

    Args:
        paths: the files; STDIN stands for `given`.
        pin_files: files that may hold Ray at an old release.
        given: what came by standard input.
    """
    with warnings.catch_warnings():  # what Python thinks of escapes in the user's strings is not ours to tell
        warnings.simplefilter("ignore")
        outcome = _migrated(paths, options, given, progress)
    for path in pin_files:
        with suppress(OSError):  # what cannot be read, a broken link say, holds no pin either
            outcome.notes += pins.pins(path, Path(path).read_text(encoding="utf-8", errors="replace"))
    return outcome


def _migrated(
    paths: Sequence[str], options: Options, given: bytes | None, progress: Callable[[str], None] | None
) -> Outcome:
    outcome = Outcome(scanned=len(paths))
    opened: dict[str, _Opened] = {}
    failed: dict[str, Result] = {}
    for path in paths:
        content = b""
        try:
            content = given if path == STDIN and given is not None else Path(path).read_bytes()
            if may_use_serve(content):
                opened[path] = _open(path, content)
        except (OSError, ValueError, SyntaxError, LookupError, RecursionError) as error:
            if not content or names_serve(content.decode("latin-1")):
                failed[path] = Result(path, "", "", error=f"it cannot be read: {error}")
    texts = {path: each.notebook.text if each.notebook else each.source.text for path, each in opened.items()}
    done = engine.migrate(texts, options, tuple(p for p in paths if p.endswith(".py")), _text_of, progress)
    by_path = {**failed, **{result.path: _finished(result, opened[result.path], outcome) for result in done}}
    outcome.results = [by_path[path] for path in paths if path in by_path]
    return outcome


def _text_of(path: str) -> str:
    return source.decoded(Path(path).read_bytes()).text


def _open(path: str, content: bytes) -> _Opened:
    if path.endswith(".ipynb"):
        mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
        raw = content[len(mark) :].decode("utf-8")
        return _Opened(content, source.Source(raw, "utf-8", mark), notebooks.opened(raw))
    return _Opened(content, source.decoded(content))


def _finished(result: Result, opened: _Opened, outcome: Outcome) -> Result:
    """The result with the lines of cells, and with its bytes noted where it changes."""
    if opened.notebook is not None:
        result.findings = [each.at(*opened.notebook.place(each.line)[::-1]) for each in result.findings]
        result.error = result.error or "; ".join(opened.notebook.broken)
        result.used = result.used or bool(opened.notebook.broken)
    if result.changed:
        try:
            text = opened.notebook.with_text(result.after) if opened.notebook else result.after
            after = opened.source.encoded(text)
        except ValueError as error:  # also a character that the file's encoding lacks
            result.error, result.after, result.findings = f"it cannot be written: {error}", result.before, []
        else:
            outcome.contents[result.path] = (opened.content, after)
    return result
