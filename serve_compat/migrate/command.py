"""The command `serve-compat migrate`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from serve_compat.migrate import report, run
from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import Result
from serve_compat.migrate.files import git, source
from serve_compat.migrate.files.patch import patch
from serve_compat.migrate.files.walk import Walk
from serve_compat.migrate.rule import STAGES, Stage
from serve_compat.migrate.rules import RULES, check_selector

STOPPED = 130
"""The exit status after Ctrl-C, as shells have it."""


@dataclass(frozen=True)
class Manners:
    """How results are shown and whether they are written.

    Attributes:
        mode: "diff", "write" or "check".
        report: where the JSON report goes, if anywhere.
        force: write although git has uncommitted changes.
        allow_unresolved: places that need a hand do not count for the exit status.
        quiet: no summary, no findings.
    """

    mode: str
    report: str | None
    force: bool
    allow_unresolved: bool
    quiet: bool


def _rules(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    selectors = tuple(part for text in value for part in text.split(",") if part.strip())
    for selector in selectors:
        try:
            check_selector(selector)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return selectors


def _list_rules(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        for rule in RULES.values():
            kind = ("safe" if rule.safe else "unsafe") if rule.automatic else "tells"
            click.echo(f"{rule.id}  {rule.stage:<10}  {kind:<6}  {rule.title}")
        context.exit()


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--to", type=click.Choice(STAGES), default="serve", show_default=True, help="How far to go.")
@click.option("--diff", "mode", flag_value="diff", default=True, help="Print a patch, write nothing (the default).")
@click.option("--write", "mode", flag_value="write", help="Write the files.")
@click.option("--check", "mode", flag_value="check", help="Only say by the exit status whether anything would change.")
@click.option("--select", multiple=True, callback=_rules, metavar="RULES", help="Only these rules: ids or prefixes.")
@click.option("--ignore", multiple=True, callback=_rules, metavar="RULES", help="Not these rules.")
@click.option("--unsafe", is_flag=True, help="Apply rules that are not marked safe, too.")
@click.option("--no-pin", is_flag=True, help="Do not write down old defaults that later releases changed.")
@click.option("--generate-router", is_flag=True, help="Write a router deployment for weighted traffic.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave files out, as in .gitignore.")
@click.option("--report", "report_to", type=click.Path(dir_okay=False), help="Write a report as JSON.")
@click.option("--force", is_flag=True, help="Write although git has changes that are not committed.")
@click.option("--allow-unresolved", is_flag=True, help="Places that need a hand do not make the exit status 2.")
@click.option("--quiet", "-q", is_flag=True, help="Only the patch, and errors.")
@click.option(
    "--list-rules", is_flag=True, is_eager=True, expose_value=False, callback=_list_rules, help="Show all rules."
)
def migrate(paths: tuple[str, ...], **given: object) -> None:
    """Rewrite old Ray Serve programs: files, directories, globs, or - for standard input.

    --to compat changes only the import; --to deployment turns backends and endpoints into deployments, both run on
    serve_compat; --to serve gives programs for today's stock Ray Serve. What cannot be rewritten keeps running on
    serve_compat and is marked with a TODO.

    Exit status: 0 nothing to do, or all written; 1 --diff or --check found changes; 2 a file failed, a place needs a
    hand, or wrong usage; 130 stopped by Ctrl-C.
    """
    if not paths:
        raise click.UsageError("which files? Give files, directories, or - for standard input.")
    to: Stage = given["to"]  # type: ignore[assignment]
    options = Options(
        to=to,
        pin=not given["no_pin"],
        generate_router=bool(given["generate_router"]),
        unsafe=bool(given["unsafe"]),
        select=given["select"],  # type: ignore[arg-type]
        ignore=given["ignore"],  # type: ignore[arg-type]
    )
    manners = Manners(
        mode=str(given["mode"]),
        report=given["report_to"],  # type: ignore[arg-type]
        force=bool(given["force"]),
        allow_unresolved=bool(given["allow_unresolved"]),
        quiet=bool(given["quiet"]),
    )
    try:
        status = _migrate(paths, given["exclude"], options, manners)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        click.echo("stopped; every file is either as it was or wholly written", err=True)
        status = STOPPED
    sys.exit(status)


def _migrate(paths: tuple[str, ...], exclude: tuple[str, ...], options: Options, manners: Manners) -> int:
    from_stdin = "-" in paths
    if from_stdin and len(paths) > 1:
        raise click.UsageError("- stands for standard input and cannot be given together with files.")
    walk = Walk(() if from_stdin else paths, exclude).run()
    if walk.missing:
        raise click.UsageError(f"there is no file or directory {walk.missing[0]!r}.")
    content = sys.stdin.buffer.read() if from_stdin else None
    sources = [run.STDIN] if from_stdin else walk.sources
    progress = _Progress(manners.quiet)
    outcome = run.over(sources, walk.pin_files, options, content, progress.show)
    outcome.results += [Result(path, "", "", error="it cannot be read") for path in walk.unreadable]
    progress.clear()
    if from_stdin and manners.mode == "write":
        _print_bytes(outcome.contents.get(run.STDIN, (b"", content or b""))[1])
    elif manners.mode == "write":
        _write(outcome, manners)
    elif manners.mode == "diff":
        _print_patch(outcome.contents)
    if manners.report:
        _write_report(manners.report, report.as_json(outcome.results, outcome.notes, options.to, outcome.scanned))
    _tell(outcome, manners)
    return _status(outcome, manners)


def _print_patch(contents: dict[str, tuple[bytes, bytes]]) -> None:
    """One patch, to be applied in the current directory; above it, if files lie outside of it."""
    here = os.path.realpath(os.curdir)
    real = {path: os.path.realpath(path) for path in contents if path != run.STDIN}  # git knows no links
    above = (here, git.top(Path(here)), os.path.commonpath([here, *real.values()]))
    base = next(
        each for each in above if each and all(os.path.commonpath([each, one]) == each for one in real.values())
    )
    if base != here:
        click.echo(f"the patch is to be applied in {base}", err=True)
    for path, (before, after) in contents.items():
        name = "stdin" if path == run.STDIN else os.path.relpath(real[path], base)
        _print_bytes(patch(name, before, after))


def _write_report(path: str, text: str) -> None:
    try:
        source.write_new(Path(path), text.encode())
    except OSError as error:
        raise click.UsageError(f"the report {path!r} cannot be written: {error.strerror}.") from error


def _write(outcome: run.Outcome, manners: Manners) -> None:
    dirty = [] if manners.force else git.uncommitted(outcome.contents)
    if dirty:
        raise click.UsageError(
            f"{dirty[0]} has changes that are not committed, and nothing was written. Commit or stash them, so that "
            "the migration can be looked at and undone by itself, or give --force."
        )
    by_path = {each.path: each for each in outcome.results}
    for path, (before, after) in outcome.contents.items():
        try:
            if Path(path).read_bytes() == before:
                source.write(Path(path), after)
            else:
                by_path[path].error = "it changed while the tool ran, and is not written"
        except OSError as error:
            by_path[path].error = f"it cannot be written: {error}"


def _print_bytes(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _tell(outcome: run.Outcome, manners: Manners) -> None:
    for result in outcome.results:
        if result.error:
            click.echo(f"{result.path}: {result.error}", err=True)
        for finding in [] if manners.quiet else result.findings:
            if finding.action != "changed":
                click.echo(str(finding), err=True)
    if not manners.quiet:
        for finding in outcome.notes:
            click.echo(str(finding), err=True)
        figures = report.counts(outcome.results, outcome.scanned)
        click.echo(report.summary(figures, manners.mode == "write"), err=True)


def _status(outcome: run.Outcome, manners: Manners) -> int:
    unresolved = any(finding.needs_a_hand for result in outcome.results for finding in result.findings)
    if any(result.error for result in outcome.results) or (unresolved and not manners.allow_unresolved):
        return 2
    return 1 if outcome.contents and manners.mode != "write" else 0


class _Progress:
    """The file that is worked on, on one line of a terminal; nothing anywhere else."""

    def __init__(self, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()

    def show(self, path: str) -> None:
        if self._on:
            click.echo(f"\r\x1b[K{path[-70:]}", nl=False, err=True)

    def clear(self) -> None:
        if self._on:
            click.echo("\r\x1b[K", nl=False, err=True)
