"""A command that returned survives a controller that is killed at once; one that was refused has changed nothing."""

import random

import pytest

from tests.fault.commands import backend, bounded, deployment, endpoint, prefix
from tests.fault.lives import Life, World, no_cluster  # noqa: F401 - a fixture

pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("no_cluster")]

ROUNDS = 50


class Told:
    """What a caller may rely on: the effects of the commands that returned."""

    def __init__(self):
        self.backends = {}
        self.endpoints = {}

    def some(self, rng, number):
        """A command and its effect, at random; some are refused."""
        by, count = f"command {number}", rng.randint(1, 3)
        tag, other, name = rng.choice("abc"), rng.choice("abc"), rng.choice("xy")
        split = {tag: 0.25, other: 0.75} if tag != other else {tag: 1.0}
        create = backend(tag, num_replicas=count)
        deploy = deployment("d", str(rng.randint(1, 2)).encode(), user_config=number, num_replicas=count)
        return rng.choice(
            [
                (lambda c: c.create_backend(by, create), lambda: self.put(tag, count, None)),
                (lambda c: c.replace_backend(by, create), lambda: self.put(tag, count, None)),
                (
                    lambda c: c.update_backend(by, tag, {"num_replicas": count}),
                    lambda: self.put(tag, count, self.backends[tag][1]),
                ),
                (
                    lambda c: c.update_backend(by, tag, {"user_config": number}),
                    lambda: self.put(tag, self.backends[tag][0], number),
                ),
                (lambda c: c.delete_backend(by, tag), lambda: self.backends.pop(tag, None)),
                (
                    lambda c: c.create_endpoint(by, endpoint(name, f"/{name}", **split)),
                    lambda: self.endpoints.update({name: (split, {})}),
                ),
                (lambda c: c.set_traffic(by, name, split), lambda: self.endpoints.update({name: (split, {})})),
                (
                    lambda c: c.shadow_traffic(by, name, tag, 0.5),
                    lambda: self.endpoints[name][1].update({tag: 0.5}),
                ),
                (lambda c: c.delete_endpoint(by, name), lambda: self.endpoints.pop(name, None)),
                (
                    lambda c: c.deploy(by, deploy, prefix("d", "/d"), None, True),
                    lambda: (self.put("d", count, number), self.endpoints.update({"d": ({"d": 1.0}, {})})),
                ),
                (
                    lambda c: c.delete_deployment(by, "d"),
                    lambda: (self.backends.pop("d", None), self.endpoints.pop("d", None)),
                ),
            ]
        )

    def put(self, tag, count, user_config):
        self.backends[tag] = (count, user_config)

    async def check(self, controller):
        configs, endpoints = await controller.list_backends(), await controller.list_endpoints()
        assert {tag: (each.num_replicas, each.user_config) for tag, each in configs.items()} == self.backends
        assert {name: (dict(each.traffic), dict(each.shadows)) for name, each in endpoints.items()} == self.endpoints


@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_and_what_was_refused_does_not_appear(seed):
    async def scenario():
        rng, world, told, refused = random.Random(seed), World(), Told(), 0
        for number in range(ROUNDS):
            life = Life(world)
            await told.check(life.controller)
            if rng.random() < 0.3:
                await life.settle()
            command, effect = told.some(rng, number)
            try:
                await command(life.controller)
                effect()
            except ValueError:
                refused += 1
            life.end()  # at once: nothing that is only in this process comes after the answer
        assert refused < ROUNDS / 2
        life = Life(world)
        await life.settle()
        await told.check(life.controller)
        assert life.state()["actors"] == {tag: count for tag, (count, _) in told.backends.items()}
        life.check_nothing_is_left_over()
        life.end()

    bounded(scenario)
