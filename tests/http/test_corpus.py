"""Every case of the corpus, sent whole, line by line and byte by byte, against front, app and a replica."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.http.corpus import Case, load
from tests.http.stage import ANOTHER_NODE, NODE, Stage, stage
from tests.http.wire import is_closed, read_response

CANARY = b"GET /echo?canary HTTP/1.1\r\nHost: canary\r\n\r\n"
RUNS = [
    pytest.param(case, mode, id=f"{case.name}-{mode}")
    for case in load()
    for mode in (("one",) if case.one_segment else ("one", "lines", "bytes"))
]


@pytest.mark.parametrize(("case", "mode"), RUNS)
def test_case(case: Case, mode: str) -> None:
    asyncio.run(_play(case, mode))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in load()])
def test_case_with_a_replica_on_another_node(case: Case) -> None:
    asyncio.run(_play(case, "one", ANOTHER_NODE))


async def _play(case: Case, mode: str, node: str = NODE) -> None:
    async with stage(node=node) as made:
        reader, writer = await made.connect()
        sender = asyncio.create_task(_send(writer, case.segments(mode)))
        got = await _responses(case, reader)
        expected = set(case.statuses) if case.any_status else list(case.statuses)
        assert (got[0] in expected) if case.any_status else (got == expected)
        if case.closes:
            assert await is_closed(reader)
        await sender
        if not case.closes:
            writer.write(CANARY)
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.body == b"GET /echo?canary "
        writer.close()
        await _check_after(case, made)


async def _send(writer: asyncio.StreamWriter, segments: list[bytes]) -> None:
    with contextlib.suppress(ConnectionError):  # a server that refuses need not read on
        for segment in segments:
            writer.write(segment)
            await writer.drain()
            if len(segments) > 1:
                await asyncio.sleep(0)


async def _responses(case: Case, reader: asyncio.StreamReader) -> list[int]:
    methods = iter([*case.methods, "GET", "GET", "GET"])
    got = []
    for _ in range(1 if case.any_status else len(case.statuses)):
        response = await asyncio.wait_for(read_response(reader, next(methods)), 20)
        assert response is not None, got
        assert response.complete
        got.append(response.status)
    return got


async def _check_after(case: Case, made: Stage) -> None:
    fresh = await asyncio.wait_for(made.get("/echo?fresh"), 1)
    assert fresh.startswith(b"HTTP/1.1 200 ")
    ours = [seen for seen in made.seen if b"canary" not in seen.target and b"fresh" not in seen.target]
    assert len(ours) in case.seen
    assert not any(b"smuggled" in seen.target for seen in ours)
    await made.until(lambda: made.in_flight() == 0)
    for seen in made.seen:
        names = [name for name, _ in seen.headers]
        assert names[-1] == b"x-serve-call"
        assert names.count(b"x-serve-call") == names.count(b"host") == 1
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
        assert not {b"connection", b"te", b"upgrade", b"expect", b"x-foo", b"x-serve-secret", b"x-t"} & set(names)
