"""What clients and operators hear of an error: its class and message, cut when they are long; the log has it all."""

from pathlib import Path

import pytest
import ray
import requests

import serve_compat as serve
from legacy.errors import BackendStartError
from tests.ray.instance import running_instance

LONG = 10_000_000
CUT = 64 * 1024


class Verbose:
    def __init__(self, fails=False):
        if fails:
            self(None)

    def __call__(self, request):
        raise LookupError("out of stock " + "x" * LONG + " the end")


def logged(text: str) -> list[str]:
    """The lines of our processes' logs that hold the text."""
    directory = Path(ray._private.worker._global_node.get_logs_dir_path())
    logs = [path.read_text(errors="replace") for path in directory.glob("*.err")]
    return [line for log in logs for line in log.splitlines() if text in line]


def check_answer(url: str, begins: str) -> None:
    serve.create_backend("b", Verbose)
    serve.create_endpoint("b", backend="b", route="/b")
    answer = requests.get(f"{url}/b", timeout=30)
    assert answer.status_code == 500
    assert answer.text.startswith(begins)
    assert len(answer.content) <= CUT
    assert logged("x" * LONG + " the end")


def test_a_traceback_that_is_sent_for_debugging_is_cut_too(ray_session):
    with running_instance(debug=True) as instance:  # before the file's instance, which a second one would be taken for
        check_answer(instance.url, "Traceback")


def test_the_text_of_a_500_is_cut_and_the_log_has_all_of_it(instance):
    check_answer(instance.url, "LookupError: out of stock x")
    serve.delete_endpoint("b")
    serve.delete_backend("b")


def test_the_text_of_a_failed_start_is_cut_in_errors_and_in_the_status(instance):
    with pytest.raises(BackendStartError) as caught:
        serve.create_backend("b", Verbose, True)
    assert "out of stock x" in str(caught.value)
    assert len(str(caught.value)) <= CUT
    assert logged("x" * LONG + " the end")


def test_an_error_of_another_backend_is_told_without_its_trace_and_the_log_says_where(instance):
    class Inner:
        def __call__(self, request):
            return {}["missing"]

    class Outer:
        def __init__(self):
            self.inner = serve.get_handle("inner", sync=False)

        async def __call__(self, request):
            return await (await self.inner.remote(request))

    for name, backend in (("inner", Inner), ("outer", Outer)):
        serve.create_backend(name, backend)
        serve.create_endpoint(name, backend=name, route=f"/{name}")
    answer = instance.get("/outer", headers={"x-request-id": "an-outer-one"})
    assert answer.text == "KeyError: 'missing'\n(request an-outer-one; the traceback is in the replica's log)"
    assert logged("request an-outer-one, GET '/outer' to 'outer', replica outer#")
    for name in ("outer", "inner"):
        serve.delete_endpoint(name)
        serve.delete_backend(name)


def test_no_text_of_an_error_begins_a_line_of_the_log(instance):
    forged = "2026-01-01 INFO nothing happened"

    def raising(request):
        raise LookupError(f"out of stock\n{forged}")

    serve.create_backend("b", raising)
    serve.create_endpoint("b", backend="b", route="/b")
    assert instance.get("/b").status_code == 500
    assert logged(forged)
    assert not [line for line in logged(forged) if line.startswith(forged)]
    serve.delete_endpoint("b")
    serve.delete_backend("b")
