"""Every rule is told by fixtures of its own, and a rule that may not rewrite anything does not."""

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from serve_compat.migrate import run
from serve_compat.migrate.context import Options
from serve_compat.migrate.files.walk import Walk
from serve_compat.migrate.rule import STAGES
from serve_compat.migrate.rules import RULES
from tests.migrate.test_fixtures import ASSERTED, CASES, options, texts

FIXTURES = Path(__file__).parent / "fixtures"
MIGRATE = Path(run.__file__).parent
AUTOMATIC = [rule for rule in RULES.values() if rule.automatic]

# what appears more often in a result than before, only where one of these rules wrote it
WRITES = {
    r"max_(?:concurrent_queries|ongoing_requests)\b": {"SC103", "SC104", "SC107", "SC218", "SC222"},
    r'"num_cpus": 0\b': {"SC103", "SC104", "SC222"},
    r'"conda":': {"SC103"},
    r"graceful_shutdown_\w+=": {"SC103"},
    r"status_code=405|\bonly_methods\(": {"SC105"},
    r"\.list_deployments\(": {"SC109", "SC113"},
    r"\.options\([^\n]*\.deploy\(": {"SC107", "SC222"},
    r"\w\.delete\(": {"SC108", "SC211", "SC212", "SC214"},
    r"@serve\.batch\(": {"SC112"},
    r"\btarget_(?:num_)?ongoing_requests": {"SC218"},
    r"\bserve\.run\(": {"SC204"},
    r"\bget_(?:app|deployment)_handle\(": {"SC208", "SC211", "SC214"},
    r"\)\.result\(": {"SC209", "SC220"},
}
# and what appears less often
TAKES = {
    r"\w+ = (?:serve\.)?(?:start|connect)\(": {"SC102"},
    r"\bClient\b": {"SC102"},
    r"\b(?:BackendConfig|CondaEnv)\(": {"SC103", "SC107"},
    r"\bget_handle\([\"']": {"SC106"},
    r"\b(?:update_backend_config|get_backend_config)\(": {"SC107"},
    r"\bdelete_(?:endpoint|backend)\(": {"SC108", "SC114"},
    r"\blist_(?:endpoints|backends)\(": {"SC109", "SC113"},
    r"\b(?:set_traffic|link)\(": {"SC110", "SC114", "SC222"},
    r"\bflask_request\b": {"SC111"},
    r"\baccept_batch\b": {"SC112"},
}


def own(rule):
    return [case for case in CASES if case.parent.name == rule.id]


def last_stage(case):
    return max((param.values[1] for param in ASSERTED if param.values[0] == case), key=STAGES.index)


@cache
def outcome(case, wanted):
    """What a run over the files of a case gives: its findings, those in other files too, and the texts by path."""
    [before] = case.glob("before*")
    walk = Walk([str(before)], ()).run()
    found = run.over(walk.sources, walk.pin_files, wanted)
    return [*(each for result in found.results for each in result.findings), *found.notes], {
        result.path: result.after for result in found.results
    }


def changes(findings):
    return {(each.path, each.rule) for each in findings if each.action == "changed"}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_is_told_by_a_fixture_of_its_own(rule):
    told = (outcome(case, options(case, last_stage(case)))[0] for case in own(rule))
    assert any(
        each.rule == rule.id and (each.action == "changed") == rule.automatic for found in told for each in found
    )


@pytest.mark.parametrize("rule", AUTOMATIC, ids=lambda rule: rule.id)
def test_a_rule_that_is_ignored_changes_nothing(rule):
    before = ("", *STAGES)[STAGES.index(rule.stage)]
    for case in own(rule):
        wanted = options(case, last_stage(case))
        paths = {path for path, name in changes(outcome(case, wanted)[0]) if name == rule.id}
        ignored = outcome(case, replace(wanted, ignore=(*wanted.ignore, rule.id)))[1] if paths else {}
        for path in paths:
            untouched = outcome(case, replace(wanted, to=before))[1][path] if before else Path(path).read_text()
            assert without_todos(ignored[path]) == untouched


@pytest.mark.parametrize("rule", ["SC101", "SC102", "SC104", "SC105", "SC106", "SC108"])
def test_files_that_share_backends_stay_together_where_one_of_them_needs_a_rule_that_is_ignored(rule):
    case = FIXTURES / "SC106" / "caller_in_another_file"
    findings, made = outcome(case, Options(to="serve", ignore=(rule,)))
    assert made == outcome(case, Options(to="compat"))[1]
    assert {each.path for each in findings if each.rule in ("SC010", "SC011")} == set(made)


def without_todos(text):
    return re.sub(r"^ *# TODO\(serve-compat .*\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_what_a_rule_does_is_never_done_without_telling(case):
    before, after = texts(case, "before"), texts(case, last_stage(case))
    told = {rule for _, rule in changes(outcome(case, options(case, last_stage(case)))[0])}
    for patterns, (less, more) in ((WRITES, (before, after)), (TAKES, (after, before))):
        for pattern, rules in patterns.items():
            grows = count(pattern, more) > count(pattern, less)
            assert rules & told or not grows, f"{pattern} by none of {sorted(rules)}, but {sorted(told)}"


def count(pattern, files):
    return sum(len(re.findall(pattern, text)) for text in files.values())


def test_the_code_names_a_rule_once_where_it_is_declared():
    nodes = [node for path in MIGRATE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert sorted(text for text in texts if re.fullmatch(r"SC\d+", text)) == list(RULES)
