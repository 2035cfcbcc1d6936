"""The limits of a client's request are what the options say, at the front and at a replica's TCP port."""

from __future__ import annotations

import asyncio

import pytest

from legacy.http.limits import Limits, limits_of
from legacy.http_options import HTTPOptions
from legacy.replica.members import LINES, member_limits
from tests.http.stage import ANOTHER_NODE, NODE, Stage, echo, stage
from tests.http.wire import is_closed, read_response

SMALL = {"max_url_bytes": 100, "max_head_bytes": 300, "max_headers": 4}
HOST = b" HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /echo?" + b"a" * 95, 414),
        (b"GET /echo" + HOST + b"X: " + b"a" * 300, 431),
        (b"GET /echo" + HOST + b"A: b\r\n" * 5, 431),
    ],
)
def test_a_head_over_the_limits_is_refused_also_when_it_comes_byte_by_byte(data: bytes, status: int):
    async def play() -> None:
        async with stage(**SMALL) as made:
            reader, writer = await made.connect()
            for at in range(len(data)):
                writer.write(data[at : at + 1])
                await asyncio.sleep(0)
            answer = await asyncio.wait_for(read_response(reader), 5)
            assert answer is not None
            assert answer.status == status
            assert await is_closed(reader)
            assert made.seen == []

    asyncio.run(play())


@pytest.mark.parametrize("node", [NODE, ANOTHER_NODE])
def test_larger_limits_hold_up_to_the_handler(node: str):
    async def play() -> None:
        async with stage(node=node, max_url_bytes=200_000, max_head_bytes=700_000, max_headers=3000) as made:
            assert (await made.get("/echo?" + "a" * 190_000)).startswith(b"HTTP/1.1 200")
            many = b"A: b\r\n" * 2900 + b"X: " + b"a" * 400_000
            answer = await made.ask(b"GET /echo" + HOST + b"Connection: close\r\n" + many + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]

    asyncio.run(play())


def test_many_short_header_lines_are_in_the_memory_budget_too():
    async def play() -> None:
        async with stage(max_buffered_bytes=2**20) as made:
            asked = []
            for _ in range(6):  # each head has 5 KiB, and takes a quarter of a MiB while it is not complete
                reader, writer = await made.connect()
                writer.write(b"GET /echo" + HOST + b"A: b\r\n" * 900)
                asked.append(asyncio.ensure_future(read_response(reader)))
            await made.until(lambda: sum(one.done() for one in asked) == 4)
            answers = [one.result() for one in asked if one.done()]
            assert [answer.status for answer in answers if answer is not None] == [503] * 4
            for one in asked:
                one.cancel()

    asyncio.run(play())


async def pause(made: Stage, data: bytes, rest: bytes, paused_s: float) -> int:
    """The status after a pause of so many seconds, of which the front is told only."""
    reader, writer = await made.connect()
    writer.write(data)
    await made.until(lambda: made.clients == 1)
    await asyncio.sleep(0.05)
    made.front.tick(asyncio.get_running_loop().time() + paused_s)
    writer.write(rest)
    answer = await asyncio.wait_for(read_response(reader), 5)
    assert answer is not None
    return answer.status


@pytest.mark.parametrize(("options", "status"), [({}, 200), ({"body_idle_timeout_s": 20.0}, 408)])
def test_a_body_may_pause_as_long_as_the_options_say(options: dict[str, float], status: int):
    async def play() -> None:
        async with stage(echo, **options) as made:
            head = b"POST /echo" + HOST + b"Content-Length: 6\r\n\r\nhal"
            assert await pause(made, head, b"ves", 600.0) == status

    asyncio.run(play())


@pytest.mark.parametrize(("head_timeout_s", "status"), [(60.0, 200), (20.0, 408)])
def test_a_head_may_take_as_long_as_the_options_say(head_timeout_s: float, status: int):
    async def play() -> None:
        async with stage(head_timeout_s=head_timeout_s) as made:
            assert await pause(made, b"GET /echo HTTP/1.1\r\nHost: x\r\n", b"\r\n", 30.0) == status

    asyncio.run(play())


def test_the_usual_limits_are_those_of_the_usual_options():
    assert limits_of(HTTPOptions()) == Limits()


def test_a_replicas_limits_are_wider_than_its_clients():
    tight = Limits(head_s=0.1, body_idle_s=7, write_idle_s=1, target_bytes=50, head_bytes=99, headers=3)
    for clients in (Limits(), tight):
        wider = member_limits(clients)
        assert wider.headers >= clients.headers + LINES
        assert wider.head_bytes > clients.head_bytes + 6 * clients.target_bytes
        assert wider.body_idle_s > clients.body_idle_s
        assert (wider.head_s, wider.target_bytes) == (9.0, clients.target_bytes)
