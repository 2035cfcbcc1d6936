"""A change of routes or traffic returns when every proxy follows it or is silent: no request goes astray afterwards."""

import asyncio

import pytest

from legacy.control import changes
from legacy.records import Poll
from tests.fault.commands import COMMANDS, bounded, populated, revived
from tests.fault.lives import no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]

ROUTED = ("create_endpoint", "set_traffic", "shadow_traffic", "delete_endpoint", "deploy", "delete_deployment")
A_SECOND_OR_TWO_S = 2.0  # at least so long is waited for a proxy that is slow


async def with_a_slow_proxy(name):
    """A life with a proxy that has not acknowledged that command yet, the command, and what the proxy knows."""
    world, _ = await populated()
    life = await revived(world)
    await life.settle()
    known = await life.controller.watch(Poll("slow", "proxy", "", 0))
    polling = asyncio.ensure_future(life.controller.watch(Poll("slow", "proxy", known.epoch, known.version)))
    command = asyncio.ensure_future(COMMANDS[name](life.controller))
    return life, command, await polling


@pytest.mark.parametrize("name", ROUTED)
def test_it_returns_when_a_slow_proxy_has_it_and_not_before(name):
    async def scenario():
        life, command, news = await with_a_slow_proxy(name)
        await asyncio.wait((command,), timeout=0.2)
        assert not command.done()
        while not command.done():
            poll = Poll("slow", "proxy", news.epoch, news.version)
            polling = asyncio.ensure_future(life.controller.watch(poll))
            await asyncio.wait((polling, command), timeout=5, return_when=asyncio.FIRST_COMPLETED)
            assert polling.done() or command.done()
            news = polling.result() if polling.done() else news
            polling.cancel()
        await command
        life.end()

    bounded(scenario)


def test_a_slow_proxy_has_seconds_for_it():
    assert changes.IN_FORCE_S >= A_SECOND_OR_TWO_S
