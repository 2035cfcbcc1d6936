"""Mutated requests: front and replica must agree on how many there were, their methods, targets and bodies."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

import pytest

from tests.http.corpus import load
from tests.http.stage import ANOTHER_NODE, NODE, Stage, stage

TEMPLATES = [
    b"GET /p/a?b=c HTTP/1.1\r\nHost: x\r\nX-A: b\r\nConnection: keep-alive, X-A\r\n\r\n",
    b"POST /p/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /p/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n3;x\r\nyou\r\n0\r\nX-T: y\r\n\r\n",
    b"PUT /p/%2e%2e/x//y HTTP/1.0\r\nContent-Length: 3\r\nCookie: a\r\nCookie: b\r\n\r\nabc",
    b"HEAD /p HTTP/1.1\r\nHost: x\r\n\r\nGET /p/2 HTTP/1.1\r\nHost: x\r\n\r\n",
]
TEMPLATES += [case.data.replace(b"/echo", b"/p") for case in load() if len(case.data) < 2000]
PARTS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"\t", b",", b"0", b"5", b"Host: y\r\n", b"Content-Length: 4\r\n"]
PARTS += [
    b"Transfer-Encoding: chunked\r\n",
    b"chunked",
    b"\xff",
    b"%",
    b"#",
    b"?",
    b"/",
    b"HTTP/1.0",
    b"\x0b",
    b"a: b\r\n",
]

Record = tuple[str, bytes, int]


def mutated(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(TEMPLATES))
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(4)
        if what == 0:
            data[at:at] = rng.choice(PARTS)
        elif what == 1:
            del data[at : at + rng.randint(1, 6)]
        elif what == 2 and at < len(data):
            data[at] = rng.randrange(256)
        else:
            end = rng.randrange(at, min(at + 40, len(data)) + 1)
            data[at:at] = data[at:end]
    return bytes(data)


class Records:
    """What the front made of the bytes: requests begun, and requests answered with 200."""

    def __init__(self) -> None:
        self.begun: Counter[tuple[str, bytes]] = Counter()
        self.answered: Counter[Record] = Counter()


class Witness:
    """A middleware that keeps the records."""

    def __init__(self, app: Any, records: Records) -> None:
        self.app, self.records = app, records

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        length = status = 0
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        self.records.begun[scope["method"], target] += 1

        async def counted() -> Any:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            return message

        async def watched(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self.app(scope, counted, watched)
        if status == 200 and scope["path"] != "*":
            self.records.answered[scope["method"], target, length] += 1


class Wrapped:
    def __init__(self, records: Records) -> None:
        self.cls, self.args, self.kwargs = Witness, (records,), {}


async def throw(made: Stage, data: bytes, rng: random.Random) -> None:
    reader, writer = await made.connect()
    cut = rng.randrange(len(data) + 1)
    with contextlib.suppress(ConnectionError):
        writer.write(data[:cut])
        await asyncio.sleep(0)
        writer.write(data[cut:])
        await writer.drain()
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 10)
    writer.close()


@pytest.mark.parametrize("node", [NODE, ANOTHER_NODE])
@pytest.mark.parametrize("seed", range(6))
def test_front_and_replica_agree(seed: int, node: str) -> None:
    async def play() -> None:
        rng = random.Random(seed)
        records = Records()
        async with stage(middlewares=(Wrapped(records),), node=node) as made:
            for _ in range(40):
                await asyncio.gather(*(throw(made, mutated(rng), rng) for _ in range(50)))
            await made.until(lambda: made.in_flight() == 0)
            seen = Counter((one.method, one.target, len(one.body)) for one in made.seen)
            assert records.answered - seen == Counter()
            assert Counter((one.method, one.target) for one in made.seen) - records.begun == Counter()
            assert sum(records.answered.values()) > 200
            assert (await made.get()).startswith(b"HTTP/1.1 200")
            assert not any(b"\n" in value or b"\0" in value for one in made.seen for _, value in one.headers)

    asyncio.run(asyncio.wait_for(play(), 100))
