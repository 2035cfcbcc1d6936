"""One GiB up and one GiB down, compared by checksum, while others want small answers."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import requests
from starlette.responses import StreamingResponse

from bench.endurance.figures import MIB, Figure, at_most, forget_peaks, growth, p99
from bench.endurance.wire import HOST, PORT, Sender
from tests.fault.processes import titled

CHUNK = bytes(range(256)) * (MIB // 256)
URL = f"http://{HOST}:{PORT}/bodies"
DOWN = {"X-SERVE-CALL-METHOD": "down"}


class Bodies:
    """Takes a body of any length, or makes one of so many MiB."""

    def __init__(self, mib: int) -> None:
        self._mib = mib

    async def __call__(self, request: Any) -> str:
        """The checksum of the request's body."""
        digest = hashlib.sha256()
        async for chunk in request.stream():
            digest.update(chunk)
        return digest.hexdigest()

    async def down(self, request: Any) -> StreamingResponse:
        """The long answer."""
        return StreamingResponse(self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        for _ in range(self._mib):
            yield CHUNK


def bodies(client: Any, mib: int) -> Iterator[Figure]:
    """Figures of a body of so many MiB each way."""
    client.create_backend("bodies", Bodies, mib)
    client.create_endpoint("bodies", backend="bodies", route="/bodies", methods=["GET", "POST"])
    client.create_backend("small", _small)
    client.create_endpoint("small", backend="small", route="/small", methods=["POST"])
    requests.post(URL, data=CHUNK, timeout=60).raise_for_status()
    expected = hashlib.sha256()
    for _ in range(mib):
        expected.update(CHUNK)
    alone = _others(threading.Event(), at_least_s=5.0)
    for name, move in (("up", _up), ("down", _down)):
        before = forget_peaks(titled(r"^ray::.*(Proxy|Replica)"))
        differs, beside = _beside(lambda move=move: move(mib) != expected.hexdigest())
        yield at_most(f"{mib} MiB {name}: checksums that differ", differs, 0)
        yield at_most(f"{mib} MiB {name}: growth of any process", growth(before), 64, " MiB")
        yield Figure(f"{mib} MiB {name}: p99 of others", f"{beside / alone:.3g}x alone", "told, not bound", True)
    for name in ("bodies", "small"):
        client.delete_endpoint(name)
        client.delete_backend(name)


def _small(request: Any = None) -> str:
    return "small"


def _up(mib: int) -> str:
    return requests.post(URL, data=(CHUNK for _ in range(mib)), timeout=600).text


def _down(mib: int) -> str:
    digest = hashlib.sha256()
    with requests.get(URL, headers=DOWN, stream=True, timeout=600) as response:
        for part in response.iter_content(MIB):
            digest.update(part)
    return digest.hexdigest()


def _beside(move: Any) -> tuple[int, float]:
    over, found = threading.Event(), []
    thread = threading.Thread(target=lambda: found.append(_others(over)))
    thread.start()
    try:
        result = int(move())
    finally:
        over.set()
        thread.join()
    return result, found[0]


def _others(over: threading.Event, at_least_s: float = 0.0) -> float:
    async def ask() -> list[float]:
        sender, loop = Sender("/small"), asyncio.get_running_loop()
        until = loop.time() + at_least_s
        seconds: list[float] = []
        while loop.time() < until or not (at_least_s or over.is_set()) or not seconds:
            seconds.append((await sender.send()).seconds)
            await asyncio.sleep(0.01)
        sender.close()
        return seconds

    return p99(asyncio.run(ask()))
