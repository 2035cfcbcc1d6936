"""What the engine promises whatever the stages do."""

import libcst as cst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_compat.migrate import engine
from serve_compat.migrate import stages as code
from serve_compat.migrate.context import Options, Rewritten
from serve_compat.migrate.engine import may_use_serve, migrate
from serve_compat.migrate.rules import RULES
from serve_compat.migrate.stages import Stage

OLD = "from ray import serve\n\nclient = serve.connect()\nclient.create_backend('b', str)\n"


@pytest.fixture
def stages(monkeypatch):
    """Stages of the test's own, behind the compat stage."""

    def use(*further):
        monkeypatch.setattr(code, "leading_to", lambda target: [code._CODE["compat"], *further])

    return use


def stage(name, rewrite, survey=lambda file: None, decide=lambda project, facts: None):
    """A stage, of which most tests only rewrite."""
    return Stage(name, survey, decide, rewrite)


def comment(file, text, **more):
    """The file with a comment line more."""
    return Rewritten(cst.parse_module(file.module.code + f"# {text}\n"), **more)


def test_a_stage_that_fails_leaves_its_file_as_it_was_and_others_go_on(stages):
    def rewrite(file, decisions):
        if file.path == "bad.py":
            raise KeyError("oh")
        return comment(file, "done")

    stages(stage("deployment", rewrite))
    bad, good = migrate({"bad.py": OLD, "good.py": OLD}, Options())
    assert (bad.after, bad.findings) == (OLD, [])
    assert "the deployment stage failed on it (KeyError: 'oh')" in bad.error
    assert good.after.endswith("# done\n")


def test_a_stage_that_writes_what_is_no_python_is_refused(stages):
    broken = cst.Module([cst.SimpleStatementLine([cst.Expr(cst.Name("lambda"))])])
    stages(stage("deployment", lambda file, decisions: Rewritten(broken)))
    [result] = migrate({"a.py": OLD}, Options())
    assert result.after == OLD
    assert "SyntaxError" in result.error


def test_all_files_are_surveyed_before_one_is_rewritten(stages):
    def decide(project, facts):
        assert list(facts) == list(facts.values())
        return ",".join(facts)

    stages(stage("deployment", comment, lambda file: file.path, decide))
    results = migrate({"a.py": OLD, "b.py": OLD, "other.py": "import ray, observe\n"}, Options())
    assert [result.after.endswith("# a.py,b.py\n") for result in results] == [True, True, False]


@pytest.mark.parametrize("fails", ["survey", "decide"])
def test_a_file_that_cannot_be_decided_about_is_left_as_it_was(stages, fails):
    def survey(file):
        if fails == "survey" and file.path == "bad.py":
            raise KeyError("oh")

    def decide(project, facts):
        return {}["oh"] if fails == "decide" else None

    stages(stage("deployment", comment, survey, decide))
    bad, good = migrate({"bad.py": OLD, "good.py": OLD}, Options())
    assert (bad.after, "the deployment stage failed on it (KeyError: 'oh')" in bad.error) == (OLD, True)
    assert (good.changed, bool(good.error)) == (fails == "survey", fails == "decide")


def test_files_that_share_objects_stay_together(stages):
    def rewrite(file, decisions):
        together = frozenset({"a.py", "b.py"} if file.path != "c.py" else {"c.py"})
        if file.path == "a.py":
            return Rewritten(file.module, "a reason", together)
        return comment(file, "stock", together=together)

    stages(stage("serve", rewrite))
    results = migrate({"a.py": OLD, "b.py": OLD, "c.py": OLD}, Options())
    assert ["stock" in result.after for result in results] == [False, False, True]
    assert "a.py does: a reason" in results[1].findings[-1].message + results[1].findings[0].message


def test_a_rule_that_may_not_be_used_keeps_the_file_at_the_stage_before(stages):
    def rewrite(file, decisions):
        file.report(RULES["SC002"], file.module.body[0], "it does")
        return comment(file, "done")

    stages(stage("deployment", rewrite))
    [result] = migrate({"a.py": OLD}, Options(to="deployment", ignore=("SC002",)))
    assert "done" not in result.after
    assert ("SC011", "left-alone") in [(each.rule, each.action) for each in result.findings]


def test_a_line_marked_to_be_skipped_keeps_the_file_at_the_stage_before(stages):
    stages(stage("deployment", lambda file, _: Rewritten(cst.parse_module(file.module.code.replace("'b'", "'c'")))))
    marked = OLD.replace("str)", "str)  # serve-compat: skip")
    assert "'c'" in migrate({"a.py": OLD}, Options(to="deployment"))[0].after
    assert "'b'" in migrate({"a.py": marked}, Options(to="deployment"))[0].after


def test_findings_are_told_at_the_lines_of_the_original(stages):
    def rewrite(file, decisions):
        file.report(RULES["SC002"], file.module.body[-1], "the last statement")
        return Rewritten(file.module)

    stages(
        stage("deployment", lambda file, _: Rewritten(cst.parse_module("import a\nimport b\n" + file.module.code))),
        stage("serve", rewrite),
    )
    [result] = migrate({"a.py": OLD}, Options())
    assert ("SC002", 4) in [(each.rule, each.line) for each in result.findings]


def test_what_is_left_of_the_old_api_is_never_silent():
    star = "from ray.serve import *\ncreate_backend('b', str)\n"
    findings = [each for result in migrate({"a.py": star}, Options(to="serve")) for each in result.findings]
    assert any(each.needs_a_hand for each in findings)


def test_comments_with_old_code_are_told_and_kept():
    text = OLD + "# client.create_endpoint('e', backend='b')\n"
    [result] = migrate({"a.py": text}, Options(to="compat"))
    assert result.after.endswith("# client.create_endpoint('e', backend='b')\n")
    assert ("SC005", 5, "note") in [(each.rule, each.line, each.action) for each in result.findings]


@given(st.binary(max_size=50))
def test_files_without_both_words_are_never_opened(content):
    assert may_use_serve(content + b" ray serve ")
    assert not may_use_serve(content.replace(b"serve", b""))


@given(st.text("abc \n#'()=:", max_size=80))
def test_any_text_is_survived(text):
    [result] = migrate({"a.py": "from ray import serve\n" + text}, Options(to="compat"))
    assert result.error or result.after


@pytest.mark.parametrize("space", ["\x0c", "\x1c", "\u2028"])
def test_lines_are_counted_as_python_does(space):
    text = f'x = """{space}"""\n{OLD}serve.router("e", {{}})\n'
    [result] = migrate({"a.py": text}, Options(to="compat"))
    assert [(each.rule, each.line) for each in result.findings] == [("SC001", 2), ("SC003", 6)]
    skipped = text.replace("serve\n", "serve  # serve-compat: skip\n", 1)
    assert migrate({"a.py": skipped}, Options(to="compat"))[0].after == skipped


def test_a_fault_in_the_analysis_of_one_file_is_told(monkeypatch):
    def fails(run, path, module):
        if path == "bad.py":
            raise KeyError("oh")
        return False

    monkeypatch.setattr(engine._Run, "_is_of_today", fails)
    bad, good = migrate({"bad.py": OLD, "good.py": OLD}, Options(to="compat"))
    assert "the analysis failed on it (KeyError: 'oh')" in bad.error
    assert good.changed
