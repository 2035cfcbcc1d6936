"""Writes reference/*.md from the tables and rules of the migration and from the fixtures that test them, and from
differences.py and releases.py the pages of their names and README's list.

python migration_guide/generate.py          writes
python migration_guide/generate.py --check  exit status 1 when a page is not current
"""

from __future__ import annotations

import functools
import re
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from differences import DIFFERENCES, Difference
from releases import NOT_RUN, RELEASES, Release

from serve_compat.explain.command import releases
from serve_compat.explain.entry import HERE as AS_IT_IS
from serve_compat.explain.entry import KEEP, Entry
from serve_compat.explain.tables import TABLES
from serve_compat.migrate.rule import STAGES, Rule
from serve_compat.migrate.rules import RULES
from serve_compat.names.history import NAMES, Name

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
FIXTURES = HERE.parent / "tests" / "migrate" / "fixtures"
README_LIST = re.compile(r"(<!-- differences: [^\n]*-->\n\n).*?(<!-- end of differences -->)", re.DOTALL)
_FORMS = {
    "before": "Before",
    "compat": "After `--to compat`",
    "deployment": "After `--to deployment`",
    "serve": "After `--to serve`, on stock Ray Serve",
}
_STAGE_TITLES = {
    "compat": "Rules of the compat stage",
    "deployment": "Rules of the deployment stage",
    "serve": "Rules of the serve stage",
}


def pages() -> dict[Path, str]:
    """The text of every generated page."""
    texts = {
        "names": names_page,
        "rules": rules_page,
        "differences": differences_page,
        "releases": releases_page,
    }
    found = {HERE / "reference" / f"{name}.md": text() for name, text in texts.items()}
    return {**found, README: README_LIST.sub(lambda each: f"{each[1]}{readme_list()}\n\n{each[2]}", README.read_text())}


def readme_list() -> str:
    """README's list: the differences that most programs meet."""
    items = [each for each in DIFFERENCES if each.main]
    wrapped = functools.partial(textwrap.wrap, width=125, break_on_hyphens=False)
    return "\n".join(
        line
        for number, each in enumerate(items, 1)
        for line in wrapped(f"{number}. {each.here} {each.original}", subsequent_indent=" " * len(f"{number}. "))
    )


def differences_page() -> str:
    """Every behaviour that differs on purpose, and the names that are taken and do less or nothing."""
    taken = [entry for table in TABLES.values() for entry in table if not entry.here.startswith(AS_IT_IS)]
    parts = [
        "# What differs on purpose",
        "Everything else behaves as the originals did; what does not is a mistake. Each difference names the test that"
        " shows what is done here, and where the original was seen: on a release that ran, or only read in its code or"
        " documents. [Releases](releases.md) says what was run of each.",
        *(part for each in DIFFERENCES for part in _difference(each)),
        "## Names that do less than they did",
        "They are accepted, or refused by name, so that a program says what it needs.",
        _table(
            ("name", "Ray", "here"),
            ((f"`{each.name}`", releases(each.first, each.last)[4:], each.here) for each in taken),
        ),
        "Names that are not there at all are listed under"
        " [names](names.md#names-that-are-no-part-of-serve-compat); what is not supported, README says.",
    ]
    return _page(parts)


def _difference(each: Difference) -> list[str]:
    seen = [f"ran on {', '.join(each.ran)}"] if each.ran else []
    seen += [f"read in {', '.join(each.read)}"] if each.read else []
    lines = [
        f"- **programs**: Ray {each.programs}",
        f"- **originals**: {each.original}",
        f"- **here**: {each.here}",
        f"- **why**: {each.why}",
        f"- **seen**: {'; '.join(seen) or 'not looked at'}",
        *(f"- **test**: `{test}`" for test in each.tests),
    ]
    return [f"({each.id})=\n\n## {each.title}", "\n".join(lines)]


def releases_page() -> str:
    """For each release of old Ray: its styles, the generations they are, and what of it was run."""
    parts = [
        "# Releases",
        "A program of a release follows the row of `legacy/generations.py` that its calls mean; `--era` says what they"
        " cannot tell. What the originals do was seen on releases that were run for it, and read where none was.",
        _table(("Ray", "styles and their rows", "`--era`", "run", "Ray's own tests", "read"), map(_release, RELEASES)),
        "Under *run* stands what was run on the original release itself. *Ray's own tests*: those of that release for"
        " Serve, as far as they test public behaviour, were run once on this package, through `serve-compat run`; what"
        " failed was mended and has a test here, or it was a private name, today's Ray or a [difference on"
        " purpose](differences.md). A release that was not run is served as the nearest ones that were.",
    ]
    return _page(parts)


def _release(each: Release) -> tuple[str, ...]:
    styles = "<br>".join(f"{style}: `{row.name}`" for style, row in each.styles.items())
    ran = "<br>".join(f"{number}: {what}" for number, what in each.ran.items()) or NOT_RUN
    number = each.first if each.first == each.last else f"{each.first} to {each.last}"
    return number, styles, f"`{each.era}`", ran, each.own_tests or NOT_RUN, each.read


def names_page() -> str:
    """Every name of every generation: before, after, why, what differs."""
    parts = [
        "# Names",
        "Every call and option of every generation, as `serve-compat explain NAME` tells it. If not said otherwise, all"
        " of them work as they are with `serve-compat run` and with `import serve_compat as serve`.",
    ]
    for title, table in TABLES.items():
        parts += [f"## {title}", *(part for entry in table for part in _entry(entry))]
    elsewhere = [name for name in NAMES.values() if name.first]
    never = [name for name in NAMES.values() if not name.first]
    parts += [
        "## Names that are no part of serve_compat",
        "Of today's Ray, of releases in between, or of parts of Ray Serve that this package leaves out.",
        _table(
            ("name", "Ray", "on serve_compat"),
            ((_spelt(name), releases(name.first, name.last)[4:], name.instead) for name in elsewhere),
        ),
        "## Names that no Ray ever had",
        "Programs that contain these never worked; the tool says so and rewrites nothing.",
        _table(("name", "what was meant"), ((_spelt(name), name.instead) for name in never)),
    ]
    return _page(parts)


def _entry(entry: Entry) -> list[str]:
    lines = [f"{releases(entry.first, entry.last)}: `{entry.before}`"]
    lines += [f"- **here**: {entry.here}"] if entry.here != AS_IT_IS else []
    if (entry.deployment, entry.stock) == (KEEP, KEEP):
        lines += ["- **deployments, stock Ray Serve**: the same"]
    else:
        lines += [f"- **deployments**: {entry.deployment}", f"- **stock Ray Serve**: {entry.stock}"]
    lines += [f"- **at run time**: {entry.differs}"] if entry.differs else []
    lines += [f"- **why**: {RULES[number].why} ({_link(RULES[number])})" for number in entry.rules]
    case = example(entry)
    lines += [f"- **example**: [{_title(case)}](rules.md#{_case_anchor(case)})"] if case else []
    return [f"### `{entry.name}`", "\n".join([lines[0], "", *lines[1:]])]


def example(entry: Entry) -> Path | None:
    """The shortest tested case that uses the name as its own line of code does; if possible one of its own rules."""
    last = entry.name.rpartition(".")[2]
    at = entry.before.find(last)
    front, end = entry.before[max(0, at - 1) : at], entry.before[at + len(last) :][:1]
    word = re.escape(last)
    pattern = re.compile((re.escape(front) if front in (".", "@") and last.islower() else r"\b") + word + r"\b(?!\(_)")
    if end == "=" or front == '"':
        pattern = re.compile(rf"\b{word}=|[\"']{word}[\"']:")
    if end == "=" and "." in entry.name:
        pattern = re.compile(rf"\b{entry.name.partition('.')[0]}\([^)]*\b{word}=")
    if entry.name.startswith(("ray.get(", "ray.wait(", "await (")):
        pattern = re.compile(re.escape(entry.name.partition("handle")[0]))
    own = [RULES[number] for number in entry.rules]
    others = [rule for rule in RULES.values() if own and rule.stage != "compat"]
    ranked = [
        (rule not in own, stays, own.index(rule) if rule in own else 0, len(text), case)
        for rule in (*own, *others)
        for case, text, stays in _cases(rule)
        if pattern.search(text)
    ]
    return min(ranked)[-1] if ranked else None


@functools.cache
def _cases(rule: Rule) -> list[tuple[Path, str, bool]]:
    """Folder, text before, and whether something stays for a hand."""
    folders = sorted(path for path in (FIXTURES / rule.id).glob("*") if path.is_dir())
    return [
        (each, _texts(each, "before"), any("TODO(serve-" in _texts(each, form) for form in STAGES)) for each in folders
    ]


def _texts(case: Path, form: str) -> str:
    return "".join(
        path.read_text() for path in (case / f"{form}.py", *sorted((case / form).glob("*.py"))) if path.exists()
    )


def rules_page() -> str:
    """Every rule with its cases."""
    parts = [
        "# Rules",
        "One entry for each rule of `serve-compat migrate`, with the cases that test it. `--select` and `--ignore` take"
        " the ids; a file that cannot go on without a rule that is left out stays as it was. A rule that is marked"
        " unsafe runs with `--unsafe` only; one that only tells rewrites nothing.",
    ]
    for stage in STAGES:
        parts.append(f"## {_STAGE_TITLES[stage]}")
        for rule in RULES.values():
            parts += _rule(rule) if rule.stage == stage else []
    return _page(parts)


def _rule(rule: Rule) -> list[str]:
    marks = [] if rule.automatic else ["only tells"]
    marks += [] if rule.safe else ["unsafe"]
    parts = [
        f"({_anchor(rule)})=\n\n### {rule.id}: {rule.title}" + (f" ({', '.join(marks)})" if marks else ""),
        rule.why,
    ]
    parts += [f"At run time: {rule.differs}"] if rule.differs else []
    for case, _, _ in _cases(rule):
        parts.append(f"({_case_anchor(case)})=\n\n#### {_title(case)}")
        for form, title in _FORMS.items():
            parts += _files(case, form, title)
    return parts


def _files(case: Path, form: str, title: str) -> list[str]:
    single = case / f"{form}.py"
    if single.exists():
        return [f"{title}:", _code(single)]
    several = sorted(path for path in (case / form).glob("*") if path.is_file())
    return [part for path in several for part in (f"{title}, `{path.name}`:", _code(path))]


def _code(path: Path) -> str:
    return f"```{'python' if path.suffix == '.py' else 'text'}\n{path.read_text().strip()}\n```"


def _link(rule: Rule) -> str:
    return f"[{rule.id}](rules.md#{_anchor(rule)})"


def _spelt(name: Name) -> str:
    return f"`{name.name}`" if name.name[0].isupper() and "." in name.name else f"`serve.{name.name}`"


def _title(case: Path) -> str:
    return case.name.replace("_", " ")


def _case_anchor(case: Path) -> str:
    return f"{case.parent.name.lower()}-{case.name.replace('_', '-')}"


def _anchor(rule: Rule) -> str:
    return rule.id.lower()


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(columns)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return (
        "\n\n".join(["<!-- Generated by generate.py; change the tables, rules, fixtures or data instead. -->", *parts])
        + "\n"
    )


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(HERE.parent)} is not current: run python migration_guide/generate.py")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
