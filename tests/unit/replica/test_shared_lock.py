import asyncio

import pytest

from legacy.errors import DeadlineError
from legacy.replica.shared_lock import SharedLock


async def share(lock, seen, name, leave):
    await lock.acquire()
    seen.append(f"{name} in")
    await leave.wait()
    seen.append(f"{name} out")
    lock.release()


def test_the_exclusive_holder_waits_for_those_who_share_it_and_holds_back_the_others():
    async def scenario():
        lock, seen, leave = SharedLock(), [], asyncio.Event()
        first = asyncio.create_task(share(lock, seen, "first", leave))
        await asyncio.sleep(0)

        async def alone():
            async with lock.exclusive(10):
                seen.append("alone")
                await asyncio.sleep(0)
                seen.append("done")

        reconfiguring = asyncio.create_task(alone())
        await asyncio.sleep(0)
        second = asyncio.create_task(share(lock, seen, "second", leave))
        await asyncio.sleep(0)
        assert seen == ["first in"]
        leave.set()
        await asyncio.gather(first, second, reconfiguring)
        return seen

    assert asyncio.run(scenario()) == ["first in", "first out", "alone", "done", "second in", "second out"]


def test_two_exclusive_holders_do_not_overlap():
    async def scenario():
        lock, seen = SharedLock(), []

        async def alone(name):
            async with lock.exclusive(10):
                seen.append(name)
                await asyncio.sleep(0)
                seen.append(name)

        await asyncio.gather(alone("a"), alone("b"))
        return seen

    assert asyncio.run(scenario()) == ["a", "a", "b", "b"]


def test_somebody_who_keeps_it_is_counted_and_the_lock_is_free_again():
    async def scenario():
        lock = SharedLock()
        await lock.acquire()
        with pytest.raises(DeadlineError, match=r"0\.01 s for 1 running requests"):
            async with lock.exclusive(0.01):
                pytest.fail("somebody shares it")
        await asyncio.wait_for(lock.acquire(), 1)

    asyncio.run(scenario())


def test_who_gives_up_waiting_never_held_it():
    async def scenario():
        lock = SharedLock()
        async with lock.exclusive(1):
            waiting = asyncio.create_task(lock.acquire())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with lock.exclusive(1):
            return True

    assert asyncio.run(scenario())
