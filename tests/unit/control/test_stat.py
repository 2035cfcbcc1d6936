import asyncio

import pytest
from ray.exceptions import RayActorError

from legacy.control.stat import ask_all, stat_items
from legacy.ingress.counters import Counters


def values(found, name):
    return {tuple(each["info"].values())[2:]: each["value"] for each in found if each["info"]["name"] == name}


def test_counts_of_all_processes_are_added():
    proxies = [Counters(http_requests={"/a": 2}, router_requests={"a": 2}), Counters(http_requests={"/a": 1})]
    found = stat_items(proxies, {"b#1": ("b", 3, 1), "b#2": ("b", 2, 0)})
    assert values(found, "num_http_requests") == {("/a",): 3}
    assert values(found, "num_router_requests") == {("a",): 2}
    assert values(found, "backend_request_counter") == {("b",): 5}
    assert values(found, "backend_error_counter") == {("b",): 1}
    assert values(found, "backend_worker_starts") == {("b", "b#1"): 1, ("b", "b#2"): 1}


def test_an_entry_has_the_form_of_0_8_7():
    assert stat_items([Counters(http_requests={"/a": 2})], {}) == [
        {"info": {"name": "num_http_requests", "type": "MetricType.COUNTER", "route": "/a"}, "value": 2}
    ]


async def answer(value):
    if isinstance(value, Exception):
        raise value
    return value


def test_who_is_gone_is_left_out():
    assert asyncio.run(ask_all({"a": answer(1), "b": answer(RayActorError())}, 5)) == {"a": 1}


def test_other_errors_are_raised():
    with pytest.raises(KeyError):
        asyncio.run(ask_all({"a": answer(KeyError("x"))}, 5))
