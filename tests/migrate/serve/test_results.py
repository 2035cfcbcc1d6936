"""What becomes of results of handle calls, by how they are used."""

import libcst as cst
import pytest

from serve_compat.migrate.serve.convert import convert

HEAD = """import asyncio
import ray
from ray import serve

@serve.deployment
def model(x):
    return x

model.deploy()
handle = model.get_handle()
later = model.get_handle(sync=False)
"""


def converted(body):
    outcome = convert(cst.parse_module(HEAD + body))
    assert not outcome.blockers, outcome.blockers
    return outcome.module.code.split('serve.get_app_handle("model")\n')[-1]


def reasons(body):
    return {rule.id for _, rule, _ in convert(cst.parse_module(HEAD + body)).blockers}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = ray.get(handle.remote(1))\n", "x = handle.remote(1).result()\n"),
        ("x = ray.get(handle.remote(1), timeout=2)\n", "x = handle.remote(1).result(timeout_s=2)\n"),
        ("r = handle.remote(1)\nx = ray.get(r)\n", "r = handle.remote(1)\nx = r.result()\n"),
        ("r = handle.remote(1)\nr = ray.get(r)\nprint(r)\n", "r = handle.remote(1)\nr = r.result()\nprint(r)\n"),
        ("ray.get(handle.remote(handle.remote(1)))\n", "handle.remote(handle.remote(1)).result()\n"),
        ("handle.remote(1)\n", "handle.remote(1)\n"),
        ("ray.wait([handle.remote(1)])\n", "ray.wait([handle.remote(1)._to_object_ref_sync()])\n"),
        ("print(handle.remote(1))\n", "print(handle.remote(1)._to_object_ref_sync())\n"),
        (
            "r = handle.remote(1)\nray.wait([r])\nx = ray.get(r)\n",
            "r = handle.remote(1)._to_object_ref_sync()\nray.wait([r])\nx = ray.get(r)\n",
        ),
    ],
)
def test_a_result_is_followed_or_turned_back_into_an_object_ref(before, after):
    assert converted(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    return await (await later.remote(1))\n", "    return await later.remote(1)\n"),
        ("    return ray.get(handle.remote(1))\n", "    return await handle.remote(1)\n"),
        ("    return await handle.remote(1)\n", "    return await handle.remote(1)\n"),
        ("    r = await later.remote(1)\n    return ray.get(r)\n", "    r = later.remote(1)\n    return await r\n"),
    ],
)
def test_in_a_coroutine_a_result_is_awaited_once(before, after):
    assert converted("async def ask():\n" + before + "asyncio.run(ask())\n") == (
        "async def ask():\n" + after + "asyncio.run(ask())\n"
    )


def test_waiting_inside_an_event_loop_is_refused():
    body = "def wait():\n    return ray.get(handle.remote(1))\n\nasync def ask():\n    return wait()\n"
    assert reasons(body) == {"SC209"}


def test_a_handle_that_leaves_the_file_is_refused():
    assert reasons("import other\nother.use(handle)\n") == {"SC221"}


def test_a_mixture_of_results_and_other_refs_stays_as_refs():
    body = "@ray.remote\ndef task():\n    return 1\nrefs = [handle.remote(1), task.remote()]\nprint(ray.get(refs))\n"
    assert "[handle.remote(1)._to_object_ref_sync(), task.remote()]" in converted(body)
    assert "print(ray.get(refs))" in converted(body)


def test_a_program_of_today_is_not_touched():
    text = "from ray import serve\n\n@serve.deployment\ndef f(x):\n    return x\n\n"
    text += "h = serve.run(f.bind())\nprint(h.remote(1).result())\n"
    module = cst.parse_module(text)
    assert convert(module).module is module
