"""Every fixture: what a file becomes at each stage, and that running again, or in steps, changes nothing."""

import ast
import json
import re
from pathlib import Path

import pytest

from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import migrate
from serve_compat.migrate.rule import STAGES
from serve_compat.migrate.rules import RULES

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in (HERE / "fixtures").glob("SC*/*/before*"))
ASSERTED = [
    pytest.param(case, stage, id=f"{case.parent.name}-{case.name}-{stage}")
    for case in CASES
    for stage in STAGES
    if (case / f"{stage}.py").exists() or (case / stage).is_dir()
]
NOOP = sorted((HERE / "noop").rglob("*.py"))


def texts(case, name):
    """The files of a case: {"before.py": text}, or those of a directory by their relative paths."""
    if (case / name).is_dir():
        root = case / name
        return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*.py"))}
    return {"before.py": (case / f"{name}.py").read_text()}


def options(case, stage):
    path = case / "options.json"
    given = json.loads(path.read_text()) if path.exists() else {}
    return Options(to=stage, **{name: tuple(each) if isinstance(each, list) else each for name, each in given.items()})


def after(given, wanted):
    results = migrate(given, wanted)
    assert not [result.error for result in results if result.error]
    return {result.path: result.after for result in results}


@pytest.mark.parametrize(("case", "stage"), ASSERTED)
def test_a_fixture_becomes_what_it_should(case, stage):
    assert after(texts(case, "before"), options(case, stage)) == texts(case, stage)


@pytest.mark.parametrize(("case", "stage"), ASSERTED)
def test_a_result_compiles_and_stays_as_it_is(case, stage):
    result = texts(case, stage)
    for text in result.values():
        compile(text, "result", "exec", dont_inherit=True)
    assert after(result, options(case, stage)) == result


@pytest.mark.parametrize(("case", "stage"), ASSERTED)
def test_stage_by_stage_gives_the_same_as_directly(case, stage):
    made = texts(case, "before")
    for step in STAGES[: STAGES.index(stage) + 1]:
        made = after(made, options(case, step))
    assert made == texts(case, stage)


@pytest.mark.parametrize(("case", "stage"), ASSERTED)
def test_line_ends_and_tabs_are_kept(case, stage):
    def with_crlf(files):
        return {path: text.replace("\n", "\r\n") for path, text in files.items()}

    def with_tabs(files):
        return {path: text.replace("    ", "\t") for path, text in files.items()}

    before, wanted = texts(case, "before"), texts(case, stage)
    assert after(with_crlf(before), options(case, stage)) == with_crlf(wanted)
    if not any("\n    " in text and '"""' in text for text in before.values()):
        made = after(with_tabs(before), options(case, stage))
        for path, text in made.items():
            assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(with_tabs(wanted)[path]))


_IMPORT = re.compile(r"^(from ray import serve|import serve_compat as serve)$", re.MULTILINE)
_OTHER_USE = re.compile(r"ray\.serve|serve_compat|[\"'].*\bserve\b.*[\"']|def .*\bserve\b|\.serve\b|import .*\bserve,")


def aliased(text):
    """The same program with Ray Serve under another name."""
    return re.sub(r"(?<![\w.\"'-])serve\.", "rs.", _IMPORT.sub(r"\1 as rs", text).replace("as serve as rs", "as rs"))


ALIASABLE = [
    param
    for param in ASSERTED
    if all(_IMPORT.search(text) and not _OTHER_USE.search(text) for text in texts(param.values[0], "before").values())
]


@pytest.mark.parametrize(("case", "stage"), ALIASABLE)
def test_the_name_under_which_ray_serve_is_imported_makes_no_difference(case, stage):
    made = after({path: aliased(text) for path, text in texts(case, "before").items()}, options(case, stage))
    for path, text in texts(case, stage).items():
        assert ast.dump(ast.parse(made[path])) == ast.dump(ast.parse(aliased(text)))


@pytest.mark.parametrize("case", [case for case in CASES if (case / "report.txt").exists()], ids=lambda case: case.name)
def test_the_report_names_every_place(case):
    stage = max((param.values[1] for param in ASSERTED if param.values[0] == case), key=STAGES.index)
    found = [
        f"{finding.line}: {finding.rule} {finding.action}"
        for result in migrate(texts(case, "before"), options(case, stage))
        for finding in result.findings
    ]
    assert found == (case / "report.txt").read_text().splitlines()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("path", NOOP, ids=lambda path: path.stem)
def test_what_is_not_ray_serve_is_left_alone(path, stage):
    text = path.read_text()
    [result] = migrate({path.name: text}, Options(to=stage))
    assert (result.after, result.error) == (text, "")


def test_every_fixture_belongs_to_a_rule():
    assert {case.parent.name for case in CASES} <= set(RULES)
