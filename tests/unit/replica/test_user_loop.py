import asyncio
import threading

import pytest

from legacy.errors import RayServeException
from legacy.replica.user_loop import UserLoop


@pytest.fixture(scope="module")
def user():
    return UserLoop()


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_work_runs_on_one_other_thread(user):
    async def where():
        return threading.current_thread().name

    assert run(lambda: user.run(where)) == "serve-user-code"


def test_errors_come_back_as_they_are(user):
    async def fails(text):
        raise LookupError(text)

    with pytest.raises(LookupError, match="boom"):
        run(lambda: user.run(fails, "boom"))


def test_cancelling_the_wait_cancels_the_work(user):
    begun, stopped = threading.Event(), threading.Event()

    async def sleeps():
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    async def scenario():
        waiting = asyncio.create_task(user.run(sleeps))
        await asyncio.to_thread(begun.wait, 5)
        waiting.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert run(scenario)
    assert stopped.wait(5)


def test_work_cancelled_before_it_began_never_runs(user):
    ran = []

    async def work():
        ran.append(1)

    async def scenario():
        block = threading.Event()
        user.loop.call_soon_threadsafe(block.wait, 5)
        waiting = asyncio.create_task(user.run(work))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        block.set()
        await user.run(asyncio.sleep, 0)

    run(scenario)
    assert ran == []


def test_user_code_that_cancels_itself_is_an_error_of_the_call_only(user):
    async def cancels_itself():
        raise asyncio.CancelledError

    with pytest.raises(RayServeException, match="CancelledError"):
        run(lambda: user.run(cancels_itself))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_the_loop_survives_a_background_task_that_wants_to_end_the_process(user, error):
    async def starts_a_bomb():
        async def bomb():
            raise error

        task = asyncio.create_task(bomb())
        task.add_done_callback(lambda done: done.exception())

    run(lambda: user.run(starts_a_bomb))
    assert run(lambda: user.run(asyncio.sleep, 0, "alive")) == "alive"
