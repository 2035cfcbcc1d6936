"""Whatever user code does to a request, only that request suffers, and the client can tell that it did."""

import contextlib
import http.client
import os
from pathlib import Path
from urllib.parse import quote

import pytest
import ray
import requests
from starlette.responses import StreamingResponse

from tests.fault.wire import URL, answer, send

pytestmark = pytest.mark.fault

FORGED = "2026-01-01 00:00:00,000 ERROR all is lost"


class UnpicklableError(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.frame = (line for line in "no generator can be pickled")

    def __reduce__(self):
        raise TypeError("not me")


class Faulty:
    def __call__(self, request):
        return os.getpid()

    def fails(self, request=None):
        raise KeyError("no-such-model")

    def leaves(self, request=None):
        raise SystemExit(3)

    async def interrupts(self, request=None):
        raise KeyboardInterrupt

    def unpicklable(self, request=None):
        raise UnpicklableError

    def dies(self, request=None):
        os._exit(1)

    def half(self, request):
        return StreamingResponse(self._half())

    async def half_of_known_length(self, request):
        return StreamingResponse(self._half(), headers={"content-length": "10"})

    async def _half(self):
        yield b"half"
        raise RuntimeError("the other half is missing")


def log_files():
    return set(Path(ray._private.worker._global_node.get_logs_dir_path()).glob("worker-*"))


@pytest.fixture(scope="module")
def files_before(ray_session):
    return log_files()


@pytest.fixture(scope="module")
def faulty(files_before, shared):
    shared.create_backend("faulty", Faulty)
    shared.create_endpoint("faulty", backend="faulty", route="/faulty", methods=["GET", "POST"])
    return shared.get_handle("faulty")


def post(method, **more):
    headers = {"X-SERVE-CALL-METHOD": method, **more}
    return requests.post(f"{URL}/faulty", headers=headers, timeout=30)


def pid():
    return requests.get(f"{URL}/faulty", timeout=30).json()


ERRORS = {
    "fails": "KeyError: 'no-such-model'",
    "leaves": "SystemExit(3)",
    "interrupts": "KeyboardInterrupt",
    "unpicklable": "UnpicklableError: holds a lock",
}


@pytest.mark.parametrize("method", ERRORS)
def test_an_error_is_a_500_that_names_it_without_a_traceback_and_the_replica_lives_on(faulty, method):
    before = pid()
    response = post(method, **{"X-Request-Id": "mine-1"})
    assert response.status_code == 500
    assert ERRORS[method] in response.text
    assert "Traceback" not in response.text
    assert response.headers["x-request-id"] == "mine-1"
    assert pid() == before


@pytest.mark.parametrize("method", ERRORS)
def test_a_handle_call_that_fails_raises_and_the_replica_lives_on(faulty, method):
    before = pid()
    with pytest.raises(Exception, match=r"no-such-model|SystemExit|KeyboardInterrupt|UnpicklableError") as raised:
        ray.get(faulty.options(method_name=method).remote(), timeout=30)
    assert not isinstance(raised.value, ray.exceptions.RayActorError)
    assert pid() == before


@pytest.mark.parametrize("method", ["half", "half_of_known_length"])
def test_half_an_answer_never_looks_like_a_whole_one(faulty, method):
    with send("/faulty", headers=f"X-SERVE-CALL-METHOD: {method}\r\n") as connection:
        response = answer(connection)
        assert response.status == 200
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response.read()
    assert requests.get(f"{URL}/faulty", timeout=30).ok


def test_a_replica_that_ends_itself_fails_its_request_at_once_and_is_replaced(faulty):
    before = pid()
    response = post("dies")
    assert response.status_code == 500
    assert "ReplicaLostError" in response.text
    assert pid() not in (before, None)
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(faulty.options(method_name="dies").remote(), timeout=30)
    assert pid() != before


def test_log_lines_cannot_be_forged(files_before, shared, faulty):
    odd = f"/odd\r\n\x1b[2J\n{FORGED}"
    shared.create_backend(odd, Faulty)
    shared.create_endpoint(odd, backend=odd, route=odd, methods=["POST"])
    for method in ("fails", "half", "dies", "fails"):  # written by the replica, the proxy, the controller
        with send(quote(odd), headers=f"X-SERVE-CALL-METHOD: {method}\r\n") as connection:
            response = answer(connection)
            with contextlib.suppress(http.client.IncompleteRead, ConnectionResetError):
                response.read()
            assert response.status in (200, 500)
    with send("/faulty", headers="X-Request-Id: a\x1b[2J\r\n") as connection:
        assert answer(connection).status == 400
    shared.delete_endpoint(odd)
    shared.delete_backend(odd)
    logs = log_files() - files_before
    lines = [line for path in logs for line in path.read_text(errors="replace").splitlines()]
    assert [line for line in lines if FORGED in line], "nothing was logged at all"
    assert [line for line in lines if line.startswith(FORGED) or "\x1b" in line] == []
