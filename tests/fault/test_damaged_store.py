"""A record that cannot be read: the controller says which one, does nothing, and leaves everything as it is."""

import pytest

from legacy.control.checkpoint import CheckpointError
from tests.fault.commands import COMMANDS, bounded, populated
from tests.fault.lives import ROOT, Life, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]

DAMAGES = {
    "of another version": lambda data: b"SCK9" + data[4:],
    "cut": lambda data: data[:-1],
    "flipped": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("kind", ["backend", "endpoint", "replica", "router", "deletes", "routes"])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_controller_that_cannot_read_a_record_names_it_and_touches_nothing(kind, how):
    async def scenario():
        world, _ = await populated()
        if kind in ("router", "deletes", "routes"):  # there are none
            world.kv.data[f"{ROOT}{kind}/last"] = b"SCK3 too short"
        key = next(key for key in world.kv.data if key.startswith(f"{ROOT}{kind}/"))
        world.kv.data[key] = DAMAGES[how](world.kv.data[key])
        data, actors = dict(world.kv.data), dict(world.launcher.actors)
        life = Life(world)
        for command in [lambda c: c.status(), lambda c: c.list_backends(), *COMMANDS.values()]:
            with pytest.raises(CheckpointError, match=f"checkpoint 'ns/ctl/{kind}/"):
                await command(life.controller)
        assert world.kv.data == data
        assert world.launcher.actors == actors
        life.end()

    bounded(scenario)
