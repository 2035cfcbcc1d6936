"""How user code in a replica tells the test what it is doing: lines through a named pipe, so that nobody polls."""

from __future__ import annotations

import asyncio
import os
import select
import time
from pathlib import Path

from starlette.responses import StreamingResponse


class Signals:
    """The test's end of the pipe.

    Args:
        path: where to make the pipe.
    """

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self.seen: list[str] = []
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._rest = ""

    def wait_for(self, line: str, times: int = 1, timeout_s: float = 20.0) -> None:
        """Return when that line has come so many times in all."""
        deadline = time.monotonic() + timeout_s
        while self.seen.count(line) < times:
            self._read(deadline - time.monotonic())
            assert time.monotonic() < deadline, f"no {line!r} x {times} within {timeout_s:g} s, only {self.seen}"

    def close(self) -> None:
        os.close(self._fd)

    def _read(self, timeout_s: float) -> None:
        if select.select([self._fd], [], [], max(0.0, timeout_s))[0]:
            *lines, self._rest = (self._rest + os.read(self._fd, 65536).decode()).split("\n")
            self.seen += lines


def tell(path: str, line: str) -> None:
    """The other end: one line, written whole."""
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, f"{line}\n".encode())
    os.close(fd)


class Gated:
    """Tells when a request starts, ends or is cancelled; works on it until `open` is called."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._gate = asyncio.Event()
        tell(path, "made")

    async def __call__(self, request):
        name = request.query_params["id"]
        tell(self._path, f"start {name}")
        try:
            await self._gate.wait()
        except asyncio.CancelledError:
            tell(self._path, f"cancelled {name}")
            raise
        tell(self._path, f"end {name}")
        return name

    async def stream(self, request):
        return StreamingResponse(self._chunks(request.query_params["id"]))

    async def open(self, request=None):
        self._gate.set()

    async def close(self, request=None):
        self._gate.clear()

    async def pid(self, request=None):
        return os.getpid()

    async def _chunks(self, name):
        try:
            yield b"first"
            await self._gate.wait()
            yield b"second"
        except asyncio.CancelledError:
            tell(self._path, f"cancelled {name}")
            raise
