import asyncio
import dataclasses
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from legacy.replica.calls import PLAIN, RAW, WITH_META, Gate, HandleCalls, actor_method, arguments, keyword_arguments
from legacy.replica.invoke import Handler
from legacy.replica.keywords import NoRequest
from legacy.replica.messages import ServeRequest
from legacy.replica.replica import ServeReplica

ONE = Handler(print, takes_nothing=False, takes_one=True)
NOTHING = Handler(print, takes_nothing=True, takes_one=False)
MANY = Handler(print, takes_nothing=False, takes_one=False)


def meta(style="serve_request", name="", **options):
    return name, style, options.get("method", "GET"), options.get("headers"), options.get("shard_key")


@pytest.mark.parametrize("made", [PLAIN, RAW, meta(headers={"a": "b"}), meta("keywords", "__call__")])
def test_every_call_has_a_method_of_the_replica(made):
    assert callable(getattr(ServeReplica, actor_method(made)))
    assert (actor_method(made) == WITH_META) == (made not in (PLAIN, RAW))


def test_a_call_becomes_a_request():
    (request,), kwargs = arguments(meta(method="PUT", headers={"h": "1"}, shard_key="s"), ONE, ("data",), {"k": 1})
    assert kwargs == {}
    assert (asyncio.run(request.body()), request.query_params.data, request.method) == ("data", {"k": 1}, "PUT")
    assert request.headers == {"h": "1", "X-Serve-Call-Method": "__call__", "X-Serve-Shard-Key": "s"}


def test_a_handler_without_parameters_gets_no_request_that_was_passed_on_to_it():
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""})
    assert arguments(RAW, NOTHING, (request,), {}) == ((), {})
    assert arguments(RAW, ONE, (request,), {}) == ((request,), {})
    for args, kwargs in (((request, 1), {}), ((5,), {}), ((request,), {"a": 1})):
        assert arguments(RAW, NOTHING, args, kwargs) == (args, kwargs)  # the error is the user's


def test_the_callers_headers_are_not_changed():
    headers = {"h": "1"}
    arguments(meta(headers=headers), ONE, (), {})
    assert headers == {"h": "1"}


def test_a_real_request_arrives_as_it_is():
    request = Request({"type": "http", "headers": []})
    assert arguments(meta(), ONE, (request,), {}) == ((request,), {})


def test_a_handler_without_parameters_gets_nothing_of_a_request():
    assert arguments(meta(), NOTHING, ("data",), {}) == ((), {})


def test_raw_calls_pass_what_was_given():
    assert arguments(meta("raw"), MANY, (1, 2), {"c": 3}) == ((1, 2), {"c": 3})
    assert arguments(meta("raw"), NOTHING, (1,), {}) == ((1,), {})


def test_a_raw_call_without_arguments_gives_an_empty_request_to_a_handler_that_needs_exactly_one():
    (request,), _ = arguments(meta("raw"), ONE, (), {})
    assert isinstance(request, ServeRequest)
    assert arguments(meta("raw"), MANY, (), {}) == ((), {})


class Returning:
    """What the user's code is to a handle call: it returns what it was made with."""

    takes_keywords = wants_flask = False

    def __init__(self, result):
        self.result = result

    def find(self, name):
        return MANY

    async def call(self, name, args, kwargs):
        return self.result


class Here:
    async def run(self, function, *args):
        return await function(*args)


def called(result):
    metrics = SimpleNamespace(last_error="", failures=[], count=lambda _, failed: metrics.failures.append(failed))
    calls = HandleCalls(Returning(result), metrics, Gate(1), Here())
    try:
        return asyncio.run(calls.call(meta("raw", "predict"), (), {})), metrics
    except TypeError as error:
        return str(error), metrics


async def stream():
    yield 1


@pytest.mark.parametrize(
    ("made", "kind"),
    [(lambda: (x for x in "a"), "generator"), (stream, "async_generator"), (lambda: map(str, "a"), "map")],
)
def test_a_result_that_can_only_be_read_where_it_is_says_what_to_return(made, kind):
    said, metrics = called(made())
    assert said.startswith(f"cannot pickle '{kind}' object: predict returned it")
    assert (metrics.last_error, metrics.failures) == (f"TypeError: {said}", [True])


def test_any_other_result_is_sent():
    result, metrics = called([1])
    assert (result, metrics.failures) == ([1], [False])


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_the_gate_lets_only_so_many_run_and_the_rest_in_order():
    async def scenario():
        gate, entered = Gate(2), []

        async def call(number):
            await gate.enter()
            entered.append(number)

        tasks = [asyncio.create_task(call(number)) for number in range(4)]
        await asyncio.sleep(0)
        assert (entered, gate.running, gate.waiting) == ([0, 1], 2, 2)
        gate.leave()
        gate.leave()
        await asyncio.wait(tasks)
        return entered, gate.running

    assert run(scenario) == ([0, 1, 2, 3], 2)


def test_a_wider_gate_lets_those_who_wait_in():
    async def scenario():
        gate = Gate(1)
        await gate.enter()
        waiting = asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        gate.widen(2)
        await waiting
        return gate.running

    assert run(scenario) == 2


@pytest.mark.parametrize("let_in_before", [False, True])
def test_a_call_cancelled_at_the_gate_takes_no_room(let_in_before):
    async def scenario():
        gate = Gate(1)
        await gate.enter()
        gone = asyncio.create_task(gate.enter())
        stays = asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        if let_in_before:
            gate.leave()
        gone.cancel()
        await asyncio.wait([gone])
        if not let_in_before:
            gate.leave()
        await stays
        return gate.running, gate.waiting

    assert run(scenario) == (1, 0)


def test_a_call_of_1_0_looks_like_a_flask_request():
    (request,), _ = arguments(meta(method="PUT"), ONE, ({"a": 1},), {"k": 2}, flask=True)
    assert (request.json, request.args["k"], request.method) == ({"a": 1}, 2, "PUT")


def test_a_flask_request_arrives_as_it_is():
    request = type("FlaskRequest", (), {"is_serve_request": True})()
    assert arguments(meta(), ONE, (request,), {}, flask=True) == ((request,), {})


def test_a_keyword_call_is_a_request_for_backends_of_other_generations():
    (request,), kwargs = arguments(meta("keywords"), ONE, (), {"k": 1})
    assert (kwargs, request.query_params.data) == ({}, {"k": 1})


def test_a_keyword_call_passes_its_keywords_and_an_empty_request_where_one_is_needed():
    needs = Handler(print, takes_nothing=False, takes_one=True, needs_positional=True)
    (request,), kwargs = keyword_arguments(needs, {"k": 1})
    assert isinstance(request, NoRequest)
    assert kwargs == {"k": 1}
    assert keyword_arguments(dataclasses.replace(needs, needs_positional=False), {"k": 1}) == ((), {"k": 1})
