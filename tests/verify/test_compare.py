import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_compat.verify.compare import Row, Rules, differences, rows
from serve_compat.verify.exchange import Answer

JSON = (("content-type", "application/json"),)


def text(body, status=200, kind="text/plain; charset=utf-8"):
    return Answer(status, (("content-type", kind), ("date", body)), body.encode())


def test_equal_answers_do_not_differ_though_their_dates_do():
    assert differences([text("a")], [text("a")], Rules()) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (text("a"), text("b"), ["body"]),
        (text("a"), text("a", 201), ["status 200, 201"]),
        (text("a"), text("a", kind="text/html"), ["header content-type text/plain; charset=utf-8, text/html"]),
        (Answer(302, (("location", "/x"),)), Answer(302), ["header location /x, not there"]),
        (text("a"), Answer(0, error="refused"), ["no answer: refused"]),
        (Answer(0, error="a"), Answer(0, error="b"), []),
        (Answer(200, body=b"\xff"), Answer(200, body=b"\xfe"), ["body"]),
    ],
)
def test_what_a_client_would_notice_is_a_difference(old, new, found):
    assert differences([old], [new], Rules()) == found


def test_spacing_in_the_value_of_a_header_does_not_matter():
    assert differences([text("a")], [text("a", kind="text/plain;charset=UTF-8")], Rules()) == []


def test_json_is_compared_by_value_unless_told_otherwise():
    old, new = Answer(200, JSON, b'{\n  "a": 1,\n  "b": 2\n}'), Answer(200, JSON, b'{"b":2,"a":1}')
    assert differences([old], [new], Rules()) == []
    assert differences([old], [new], Rules(exact=True)) == ["body"]


def test_text_that_only_claims_to_be_json_is_compared_as_text():
    assert differences([Answer(200, JSON, b"{")], [Answer(200, JSON, b"[")], Rules()) == ["body"]


@pytest.mark.parametrize("status", [405, 500, 503])
def test_error_pages_of_the_server_are_the_same_page_in_other_words(status):
    old, new = text("Task Error", status), text("Internal", status, "text/html")
    assert differences([old], [new], Rules()) == []
    assert len(differences([old], [new], Rules(exact=True))) == 2


def test_a_404_of_the_program_itself_is_compared():
    assert differences([text("Path '/a' not found", 404)], [text("Path '/a' is unknown", 404)], Rules()) == []
    assert differences([text("no such user", 404)], [text("no such book", 404)], Rules()) == ["body"]


def test_what_is_ignored_is_masked_in_bodies_and_lines():
    rules = Rules(ignored=(re.compile(r"pid \d+"),))
    assert differences([text("by pid 1")], [text("by pid 22")], rules) == []
    assert rows(["by pid 1"], ["by pid 22"], rules) == [Row("by …", "by …")]


def test_repeated_requests_compare_the_kinds_of_answers_in_any_order():
    a, b, c = text("a"), text("b"), text("c")
    assert differences([a, b, b], [b, a, a], Rules()) == []
    assert differences([a, b], [b, b], Rules()) == ["1 of 2 kinds of answers were not given by the new program"]
    assert "gave 1 kinds" in differences([a, b], [a, b, c], Rules())[0]


def test_lines_are_shown_side_by_side():
    assert rows(["a", "b", "c"], ["a", "c", "d"], Rules()) == [
        Row("a", "a"),
        Row("b", None),
        Row("c", "c"),
        Row(None, "d"),
    ]


def test_lines_of_workers_come_at_any_time_and_do_not_count():
    from_worker = ["(greet pid=12) hello", "\x1b[36m(f pid=1, ip=127.0.0.1)\x1b[0m x"]
    assert rows(["a", *from_worker], ["a"], Rules()) == [Row("a", "a")]


def test_only_wanted_lines_count():
    assert rows(["OUT 1", "noise"], ["OUT 1"], Rules(lines=re.compile("^OUT"))) == [Row("OUT 1", "OUT 1")]


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_every_line_of_both_sides_is_in_the_rows_once_and_in_order(old, new):
    found = rows(old, new, Rules())
    assert [row.old for row in found if row.old is not None] == old
    assert [row.new for row in found if row.new is not None] == new
    assert all(row.same for row in rows(old, old, Rules()))
