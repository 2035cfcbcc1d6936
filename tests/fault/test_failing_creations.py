"""What uses a backend while it is being created waits for it, and is told when the creation fails."""

import asyncio

import pytest

from tests.fault.commands import backend, bounded, deployment, endpoint, prefix
from tests.fault.lives import Life, World, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    monkeypatch.setattr("legacy.control.fleet.retry_delay", lambda failures: 0.01)


async def failing() -> Life:
    """A world with endpoint e on backend old, where the replicas of backend new are starting and will fail."""
    world = World()
    life = Life(world)
    await life.controller.create_backend("1", backend("old"))
    await life.controller.create_endpoint("2", endpoint("e", "/e", old=1.0))
    world.launcher.may_start.clear()
    world.launcher.failure = "RuntimeError: no weights"
    return life


USES = pytest.mark.parametrize(
    "use",
    [
        lambda c: c.create_endpoint("4", endpoint("n", "/n", new=1.0)),
        lambda c: c.set_traffic("4", "e", {"new": 0.5, "old": 0.5}),
        lambda c: c.shadow_traffic("4", "e", "new", 0.5),
    ],
    ids=["create_endpoint", "set_traffic", "shadow_traffic"],
)


@USES
def test_what_uses_a_backend_whose_creation_fails_is_told_so_and_leaves_nothing(use):
    async def scenario():
        life = await failing()
        before = await life.controller.list_endpoints()
        creating = asyncio.ensure_future(life.controller.create_backend("3", backend("new")))
        await asyncio.sleep(0.01)
        using = asyncio.ensure_future(use(life.controller))
        await asyncio.sleep(0.01)
        life.world.launcher.may_start.set()
        outcomes = await asyncio.gather(creating, using, return_exceptions=True)
        assert ["new" in str(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [True, True]
        assert await life.controller.list_endpoints() == before
        await life.settle()
        assert life.state()["stored endpoints"] == life.state()["published endpoints"] == before

    bounded(scenario)


@USES
def test_what_uses_a_backend_that_is_being_created_is_done_when_it_is_there(use):
    async def scenario():
        life = await failing()
        life.world.launcher.failure = ""
        creating = asyncio.ensure_future(life.controller.create_backend("3", backend("new")))
        await asyncio.sleep(0.01)
        before = await life.controller.list_endpoints()
        using = asyncio.ensure_future(use(life.controller))
        await asyncio.sleep(0.01)
        assert await life.controller.list_endpoints() == before
        life.world.launcher.may_start.set()
        await asyncio.gather(creating, using)
        assert await life.controller.list_endpoints() != before

    bounded(scenario)


def test_what_is_wrong_anyway_is_refused_while_the_backend_is_being_created():
    async def scenario():
        life = await failing()
        creating = asyncio.ensure_future(life.controller.create_backend("3", backend("new")))
        await asyncio.sleep(0.01)
        with pytest.raises(ValueError, match="endpoint 'e' already exists"):
            await life.controller.create_endpoint("4", endpoint("e", "/other", new=1.0))
        life.world.launcher.may_start.set()
        await asyncio.gather(creating, return_exceptions=True)

    bounded(scenario)


def test_the_endpoint_of_a_first_deploy_is_not_split_before_that_is_there():
    async def scenario():
        life = await failing()
        deploying = life.controller.deploy("3", deployment("d", b"d"), prefix("d", "/d"), None, True)
        creating = asyncio.ensure_future(deploying)
        await asyncio.sleep(0.01)
        using = asyncio.ensure_future(life.controller.set_traffic("4", "d", {"old": 1.0}))
        await asyncio.sleep(0.01)
        life.world.launcher.may_start.set()
        outcomes = await asyncio.gather(creating, using, return_exceptions=True)
        assert ["no weights" in str(outcomes[0]), "'d' is not registered" in str(outcomes[1])] == [True, True]
        assert list(await life.controller.list_endpoints()) == ["e"]

    bounded(scenario)
