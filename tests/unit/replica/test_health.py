import asyncio
import threading
import time

import pytest

from legacy.config import BackendConfig
from legacy.errors import RayServeException
from legacy.generations import V1_2
from legacy.replica.health import ask
from legacy.replica.invoke import Servable
from legacy.replica.user_loop import UserLoop


def asked(check, handler=None, times=1, timeout_s=0.2):
    """What the questions give: True, False, or the text of the error."""

    class Checked:
        def check_health(self):
            return check()

    async def one(servable, user):
        try:
            return await ask(servable, user, "a#1", timeout_s)
        except RayServeException as error:
            return str(error)

    async def scenario():
        user, servable = UserLoop(), Servable(Checked(), "a", BackendConfig(), V1_2)
        if handler is not None:
            user.loop.call_soon_threadsafe(handler)
        return [await one(servable, user) for _ in range(times)]

    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_check_that_passes():
    assert asked(lambda: None) == [True]


@pytest.mark.parametrize("error", [LookupError("no model"), TimeoutError("no model")])
def test_a_check_that_raises_fails_with_its_own_text(error):
    def check():
        raise error

    assert asked(check) == [f"check_health of a#1 raised {type(error).__name__}: no model"]


def test_a_check_that_waits_for_too_long_fails():
    assert asked(lambda: asyncio.sleep(60)) == ["check_health of a#1 was not done after 0.2 s"]


def test_a_check_that_keeps_the_loop_for_too_long_fails_each_time():
    over = threading.Event()
    assert asked(lambda: over.wait(5), times=3) == ["check_health of a#1 was not done after 0.2 s"] * 3
    over.set()


def test_while_a_handler_keeps_the_loop_nothing_is_known():
    over = threading.Event()
    assert asked(lambda: None, handler=lambda: over.wait(5), times=3) == [False] * 3
    over.set()


def test_a_check_that_a_handler_interrupts_has_not_failed():
    over = threading.Event()

    async def check():
        asyncio.get_running_loop().call_later(0.05, over.wait, 5)
        await asyncio.sleep(0.1)

    assert asked(check) == [False]
    over.set()


def test_the_time_of_a_check_counts_from_its_beginning():
    assert asked(lambda: None, handler=lambda: time.sleep(0.15)) == [True]
