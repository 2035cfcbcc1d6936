"""Bodies much larger than any buffer go both ways whole, and no process of ours holds them."""

import hashlib
from pathlib import Path

import pytest
import requests
from starlette.responses import StreamingResponse

from tests.fault.processes import titled
from tests.fault.wire import URL, answer, send

pytestmark = pytest.mark.fault

MIB = 1 << 20
SIZE = 64 * MIB
GROWTH = 24 * MIB  # of a process that streams them
CHUNK = bytes(range(256)) * (MIB // 256)


class Bodies:
    async def __call__(self, request):
        digest, length = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            length += len(chunk)
        return {"length": length, "sha256": digest.hexdigest()}

    async def down(self, request):
        return StreamingResponse(self._chunks())

    async def small(self, request):
        return "small"

    async def _chunks(self):
        for _ in range(SIZE // MIB):
            yield CHUNK


@pytest.fixture(scope="module")
def bodies(shared):
    shared.create_backend("bodies", Bodies)
    shared.create_endpoint("bodies", backend="bodies", route="/bodies", methods=["GET", "POST"])
    requests.post(f"{URL}/bodies", data=CHUNK, timeout=30).raise_for_status()  # everything is imported


@pytest.fixture
def bounded_memory(bodies):
    """Asserts that the proxy's and the replicas' resident memory never grew by more than GROWTH."""
    pids = titled(r"^ray::.*(Proxy|Replica)")
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is from now on
    before = {pid: memory(pid, "VmRSS") for pid in pids}
    yield
    assert {
        pid: memory(pid, "VmHWM") - before[pid] for pid in pids if memory(pid, "VmHWM") - before[pid] > GROWTH
    } == {}


def memory(pid, field):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def chunks():
    for _ in range(SIZE // MIB):
        yield CHUNK


def digest_of(parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


class Upload:
    """A body of known length that is never in memory as a whole."""

    def __init__(self):
        self._parts = chunks()

    def __len__(self):
        return SIZE

    def read(self, size=-1):
        return next(self._parts, b"")


@pytest.mark.parametrize("body", [chunks, Upload], ids=["chunked", "known length"])
def test_a_big_body_goes_up_whole_and_is_held_nowhere(bounded_memory, body):
    seen = requests.post(f"{URL}/bodies", data=body(), timeout=60).json()
    assert seen == {"length": SIZE, "sha256": digest_of(chunks())}


def test_a_big_body_comes_down_whole_and_is_held_nowhere(bounded_memory):
    headers = {"X-SERVE-CALL-METHOD": "down"}
    with requests.get(f"{URL}/bodies", headers=headers, stream=True, timeout=60) as response:
        assert digest_of(response.iter_content(MIB)) == digest_of(chunks())


def test_a_client_that_does_not_read_makes_the_replica_wait_and_others_are_served(bounded_memory):
    with send("/bodies", headers="X-SERVE-CALL-METHOD: down\r\n") as connection:
        response = answer(connection)
        head = response.read(MIB)
        for _ in range(50):
            headers = {"X-SERVE-CALL-METHOD": "small"}
            assert requests.get(f"{URL}/bodies", headers=headers, timeout=30).text == "small"
        assert digest_of([head, *iter(lambda: response.read(MIB), b"")]) == digest_of(chunks())
