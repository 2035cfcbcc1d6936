"""The requests of handle calls, attribute by attribute, in every generation that has them."""

import asyncio
import inspect
import pickle

import pytest

from legacy.errors import RayServeException
from legacy.generations import V0_8, V1_0, V1_2, V1_4
from legacy.replica.calls import arguments
from legacy.replica.invoke import Handler
from legacy.replica.messages import ServeMultiDict, ServeRequest

GIVEN = {"x": 1}
HEADERS = {"h": "v", "X-Serve-Call-Method": "__call__", "X-Serve-Shard-Key": "key"}
IN_ALL = {
    "_data": GIVEN,
    "_kwargs": {"k": [1]},
    "_headers": HEADERS,
    "_method": "PUT",
    "headers": HEADERS,
    "method": "PUT",
}
EARLY = {"data": GIVEN, "args": {"k": [1]}, "json": GIVEN, "form": GIVEN}  # Ray 1.0-1.1: properties
LATER = {"query_params": {"k": [1]}, "body()": GIVEN, "json()": GIVEN, "form()": GIVEN}  # Ray 1.2-1.7
TABLE = {V0_8: (EARLY, LATER), V1_0: (EARLY, LATER), V1_2: (LATER, EARLY), V1_4: (LATER, EARLY)}
ONE = Handler(lambda request: None, takes_nothing=False, takes_one=True)


def request_of(row, data=GIVEN):
    meta = ("", "serve_request", "PUT", {"h": "v"}, "key")
    (request,), keywords = arguments(meta, ONE, (data,), {"k": [1]}, row.flask_requests)
    assert keywords == {}
    return request


def value(request, name):
    found = getattr(request, name.removesuffix("()"))
    called = found() if name.endswith("()") else found
    if inspect.iscoroutine(called):
        return asyncio.run(called)
    return dict(called) if isinstance(called, ServeMultiDict) else called


@pytest.mark.parametrize("row", TABLE, ids=repr)
def test_a_handle_call_has_the_attributes_of_its_generation(row):
    there, absent = TABLE[row]
    request = request_of(row)
    for name, expected in {**IN_ALL, **there}.items():
        assert value(request, name) == expected, name
    for name in absent:
        plain = name.removesuffix("()")
        assert plain + "()" in there or plain in there or not hasattr(request, plain), name
    assert not hasattr(request, "url")


@pytest.mark.parametrize("row", TABLE, ids=repr)
def test_the_class_has_one_name_and_is_the_public_one(row):
    request = request_of(row)
    assert (type(request).__name__, isinstance(request, ServeRequest)) == ("ServeRequest", True)
    assert str(type(request)) == "<class 'ray.serve.utils.ServeRequest'>"
    copy = pickle.loads(pickle.dumps(request))
    assert (type(copy), copy._data, copy.method) == (type(request), GIVEN, "PUT")


@pytest.mark.parametrize("row", TABLE, ids=repr)
@pytest.mark.parametrize("name", ["json", "form"])
def test_json_and_form_need_a_dict(row, name):
    name = name if row.flask_requests else f"{name}()"
    with pytest.raises(RayServeException, match="needs a dict, and the handle was called with a str"):
        value(request_of(row, "text"), name)


def test_a_class_of_a_programs_own_is_shown_as_itself():
    class Own(ServeRequest):
        pass

    assert str(Own).startswith(f"<class '{__name__}.")


def test_a_request_that_programs_make_themselves_needs_no_arguments():
    request = ServeRequest()
    assert (dict(request.query_params), request.headers, request.method) == ({}, {}, "GET")
    assert asyncio.run(request.body()) is None


def test_keywords_keep_their_types_and_lists():
    params = ServeMultiDict({"k": [1, 2]})
    assert (params["k"], params.getlist("k"), params.getlist("none")) == ([1, 2], [1, 2], [])
