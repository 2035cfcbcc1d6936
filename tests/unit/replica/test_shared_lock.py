import asyncio

import pytest

from legacy.errors import DeadlineError
from legacy.replica.shared_lock import Turnstile


async def visit(turnstile, seen, name, leave):
    await turnstile.enter()
    seen.append(f"{name} in")
    await leave.wait()
    seen.append(f"{name} out")
    turnstile.leave()


def test_closing_waits_for_those_inside_and_holds_back_the_others():
    async def scenario():
        turnstile, seen, leave = Turnstile(), [], asyncio.Event()
        first = asyncio.create_task(visit(turnstile, seen, "first", leave))
        await asyncio.sleep(0)

        async def close():
            async with turnstile.closed(10):
                seen.append("alone")
                await asyncio.sleep(0)
                seen.append("done")

        closing = asyncio.create_task(close())
        await asyncio.sleep(0)
        second = asyncio.create_task(visit(turnstile, seen, "second", leave))
        await asyncio.sleep(0)
        assert seen == ["first in"]
        leave.set()
        await asyncio.gather(first, second, closing)
        return seen

    assert asyncio.run(scenario()) == ["first in", "first out", "alone", "done", "second in", "second out"]


def test_two_closings_do_not_overlap():
    async def scenario():
        turnstile, seen = Turnstile(), []

        async def close(name):
            async with turnstile.closed(10):
                seen.append(name)
                await asyncio.sleep(0)
                seen.append(name)

        await asyncio.gather(close("a"), close("b"))
        return seen

    assert asyncio.run(scenario()) == ["a", "a", "b", "b"]


def test_somebody_who_stays_is_named_and_the_turnstile_opens_again():
    async def scenario():
        turnstile = Turnstile()
        await turnstile.enter()
        with pytest.raises(DeadlineError, match=r"0\.01 s for 1 running requests"):
            async with turnstile.closed(0.01):
                pytest.fail("somebody is inside")
        await asyncio.wait_for(turnstile.enter(), 1)

    asyncio.run(scenario())


def test_who_gives_up_waiting_was_never_inside():
    async def scenario():
        turnstile = Turnstile()
        async with turnstile.closed(1):
            waiting = asyncio.create_task(turnstile.enter())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with turnstile.closed(1):
            return True

    assert asyncio.run(scenario())
