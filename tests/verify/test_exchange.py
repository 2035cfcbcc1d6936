import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_compat.verify.exchange import (
    Answer,
    Request,
    RequestLineError,
    answer_json,
    answer_of,
    request_json,
    request_of,
    requests_of,
)

TEXT = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1)


@given(
    st.builds(
        Request,
        st.sampled_from(["GET", "POST", "PUT"]),
        st.from_regex(r"/[a-z/?=&%0-9]*", fullmatch=True),
        st.lists(st.tuples(TEXT, TEXT)).map(tuple),
        st.binary(),
        st.integers(1, 50),
    )
)
def test_a_request_survives_its_json_form(request):
    assert request_of(json.loads(json.dumps(request_json(request)))) == request


@given(st.builds(Answer, st.integers(0, 599), st.lists(st.tuples(TEXT, TEXT)).map(tuple), st.binary(), TEXT))
def test_an_answer_survives_its_json_form(answer):
    assert answer_of(json.loads(json.dumps(answer_json(answer)))) == answer


@pytest.mark.parametrize(
    ("request_", "label"),
    [
        (Request("GET", "/a"), "GET /a"),
        (Request("GET", "/a", repeat=3), "GET /a x 3"),
        (Request("POST", "/a", body=b'{"x": 1}'), 'POST /a {"x": 1}'),
        (Request("POST", "/a", body=b"x" * 50), "POST /a " + "x" * 40 + "…"),
        (Request("POST", "/a", body=b"\xff\x00", repeat=2), "POST /a 2 bytes x 2"),
    ],
)
def test_requests_to_one_path_are_told_apart_by_their_bodies(request_, label):
    assert request_.label == label


def test_a_file_may_have_comments_and_empty_lines():
    lines = ["# first", "", '{"path": "/a"}', '{"path": "/b", "json": {"x": 1}}']
    assert requests_of(lines) == [
        Request("GET", "/a"),
        Request("POST", "/b", (("content-type", "application/json"),), b'{"x": 1}'),
    ]


def test_notes_that_begin_with_an_underscore_are_allowed():
    assert request_of({"path": "/a", "_from": "recorded"}) == Request("GET", "/a")


def test_a_given_content_type_wins_over_that_of_json():
    headers = {"Content-Type": "application/x"}
    assert request_of({"path": "/a", "json": 1, "headers": headers}).headers == (("Content-Type", "application/x"),)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "an object like"),
        ("{", "line 2"),
        ("{}", "path must be text"),
        ('{"path": "greet"}', "begins with /"),
        ('{"path": "/a b"}', "percent-encoded"),
        ('{"path": "/", "verb": "GET"}', "unknown key 'verb'; known are method"),
        ('{"path": "/", "repeat": 0}', "repeat must be"),
        ('{"path": "/", "body": "a", "json": 1}', "one of body and json"),
        ('{"path": "/", "body": 5}', "body must be text"),
        ('{"path": "/", "body_base64": "?"}', "line 2"),
        ('{"path": "/", "headers": {"a": "b\\r\\nc"}}', "headers must be"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(line, words):
    with pytest.raises(RequestLineError, match="line 2") as error:
        requests_of(['{"path": "/"}', line])
    assert words in str(error.value)
