import json
import re

import pytest

from serve_compat.verify import report
from serve_compat.verify.compare import Rules
from serve_compat.verify.stage import SKIPPED, Result
from serve_compat.verify.verdict import judge

NAMES = ("old.py", "new.py")


def answer(body, status=200):
    return {"status": status, "headers": [["content-type", "text/plain"]], "body": body, "milliseconds": 1}


def side(*bodies, outcome="ended", status=0, out=(), err=(), routes=None):
    asked = [{"method": "GET", "path": f"/{number}"} for number, _ in enumerate(bodies)]
    answers = [[answer(body)] for body in bodies]
    return Result(outcome, status, 1.5, 8000, routes or {"/a": "a"}, asked, answers, list(out), list(err))


def shown(old, new, width=80):
    verdict = judge(old, new, Rules())
    return verdict.exit_code, report.as_text(verdict, NAMES, width)


def test_two_that_agree_are_the_same():
    code, text = shown(side("x", "y", out=["1"]), side("x", "y", out=["1"]))
    assert code == 0
    assert text.endswith("The same: 2 requests, 1 printed lines.")
    assert "= GET /0: 200 x" in text


def test_a_different_answer_is_shown_side_by_side():
    code, text = shown(side("x", "old words"), side("x", "new words"))
    assert code == 1
    assert re.search(r"^! GET /1: body$", text, re.MULTILINE)
    assert "Note: where bodies differ in times" in text
    assert re.search(r"^    200 text/plain +\|  200 text/plain\n    old words +new words$", text, re.MULTILINE)


def test_bodies_are_not_shown_where_only_a_header_differs():
    other = side("x")
    other.answers[0][0]["headers"] = [["content-type", "text/html"]]
    text = shown(side("x"), other)[1]
    assert re.search(r"^! GET /0: header content-type text/plain, text/html\n\n", text, re.MULTILINE)


def test_different_lines_are_shown_with_the_ones_around_them():
    out = [str(number) for number in range(9)]
    code, text = shown(side(out=out), side(out=[*out[:6], "six", *out[7:]]))
    assert code == 1
    assert "Note: printed lines that differ" in text
    assert re.findall(r"^  +(\d) +(\S*) *(\w+)$", text, re.MULTILINE) == [
        ("4", "", "4"), ("5", "", "5"), ("6", "|", "six"), ("7", "", "7"), ("8", "", "8"),
    ]  # fmt: skip


def test_an_error_of_both_is_told_to_prove_little():
    failing = Result("ended", 0, 1.5, 8000, {"/a": "a"}, [{"method": "POST", "path": "/a"}], [[answer("x", 500)]])
    code, text = shown(failing, failing)
    assert code == 0
    assert "Note: 1 request got an error from both, which proves little" in text


def test_the_error_of_a_program_is_its_own_last_line_and_not_one_of_its_workers():
    err = ["ValueError: mine", "(ServeReplica pid=7) If the program was written for Ray 1.0 or 1.1, run it"]
    text = shown(side(outcome="raised", err=err), Result(SKIPPED))[1]
    assert "OLD ended with an error: ValueError: mine: its handlers read Flask requests: say --era 1.0" in text


def nothing(*out, routes=None):
    return Result("ended", 0, 1.5, routes=routes, out=list(out))


@pytest.mark.parametrize(
    ("old", "server_expected", "code"),
    [
        (nothing(), False, 2),
        (nothing("1"), False, 0),
        (nothing("1"), True, 2),
        (nothing(routes={"/a/{x}": "a"}), False, 2),
        (nothing("1", routes={"/a/{x}": "a"}), False, 0),
    ],
)
def test_two_that_were_not_compared_are_not_the_same(old, server_expected, code):
    verdict = judge(old, old, Rules(), server_expected)
    assert verdict.exit_code == code
    assert ("Could not compare: OLD " in report.as_text(verdict, NAMES, 80)) == (code == 2)


def test_a_program_is_not_run_when_the_one_before_it_failed():
    code, text = shown(side(outcome="raised", out=["training"], err=["ValueError: x"]), Result(SKIPPED))
    assert code == 2
    assert "NEW  new.py: was not run" in text
    assert "training" not in text


def test_another_exit_status_is_a_difference():
    code, text = shown(side("x"), side("x", status=3))
    assert code == 1
    assert "OLD ended with status 0, NEW with 3" in text


def test_a_program_that_keeps_itself_alive_may_become_one_that_ends():
    assert shown(side("x", outcome="waits", status=0), side("x"))[0] == 0


@pytest.mark.parametrize("outcome", ["raised", "died", "timeout"])
def test_a_program_that_fails_proves_nothing(outcome):
    code, text = shown(side("x"), side("x", outcome=outcome, err=["ConnectionError: refused"]))
    assert code == 2
    assert "Could not compare: NEW" in text
    assert text.endswith("Nothing is proved.")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("x.ConnectionError: Could not find any running Ray instance.", "say --cluster"),
        ("ModuleNotFoundError: No module named 'torch'", "install what is missing"),
        ("ModuleNotFoundError: No module named 'x'. You can run `pip install \"ray[serve]\"`", "with --new-python"),
        ("AttributeError: module 'ray.serve' has no attribute 'create_backend'", "or migrate it"),
    ],
)
def test_a_known_cause_comes_with_what_to_do(error, words):
    assert words in shown(side(outcome="raised", err=[error]), Result(SKIPPED))[1]


def test_a_new_program_without_a_server_answers_nothing():
    new = Result("ended", 0)
    code, text = shown(side("x"), new)
    assert code == 1
    assert "! GET /0: no answer: the program started no HTTP server" in text


def test_routes_that_are_gone_or_new_are_noted():
    text = shown(side("x", routes={"/a": 1, "e": 1}), side("x", routes={"/b": 1}))[1]
    assert "NEW does not announce the routes /a" in text
    assert "only NEW announces the routes /b" in text


def test_the_json_says_the_same_with_a_schema():
    verdict = judge(side("x"), side("y"), Rules())
    said = json.loads(report.as_json(verdict, NAMES))
    assert said["schema"] == 1
    assert said["result"] == "different"
    assert said["requests"][0]["request"] == {"method": "GET", "path": "/0"}
    assert said["requests"][0]["differences"] == ["body"]
    assert said["old"]["program"] == "old.py"


@pytest.mark.parametrize("width", [20, 60, 200])
def test_long_texts_are_folded_into_their_column(width):
    text = shown(side("word " * 40), side("other " * 40), width)[1]
    column = [line for line in text.splitlines() if line.startswith("    ")]
    assert max(map(len, column)) <= max(width, 47)
