import asyncio

import pytest

from legacy.cluster import Node
from legacy.control.environments import Environments
from legacy.environments.origin import Offer, Origin, Prepared
from legacy.environments.wanted import Wanted
from legacy.errors import EnvironmentFailedError
from tests.fakes_control import _Method

HOME, FAR = (Node(name, "10.0.0.1", name == "home", {"CPU": 4.0}) for name in ("home", "far"))
ORIGIN = Origin(Wanted("prefix", "/envs/tf1", "tf1"), "home")


class Agent:
    """One node's agent; it cannot prepare anything when `trouble` says why."""

    def __init__(self, trouble=""):
        self.trouble, self.prepared, self.kept, self.stopped = trouble, [], [], False
        self.as_it_is = False

    def __getattr__(self, name):
        return _Method(getattr(self, f"_{name}"))

    async def _prepare(self, origin, env_vars, source):
        self.prepared.append((origin.key, env_vars, source))
        return Prepared(self.trouble, self.as_it_is)

    async def _has(self, key):
        return any(key == known for known, _, _ in self.prepared)

    def _keep(self, keys):
        self.kept.append(keys)

    async def _stop(self):
        self.stopped = True


class Launcher:
    def __init__(self):
        self.agents, self.troubles = {}, {}

    def find(self, name):
        return self.agents.get(name.split("-", 1)[1])

    def start_environments(self, name, node_id, directory):
        self.agents[node_id] = Agent(self.troubles.get(node_id, ""))
        return self.agents[node_id]

    def kill(self, agent):
        self.agents = {node: other for node, other in self.agents.items() if other is not agent}


def run(scenario, *nodes, **troubles):
    async def main():
        launcher = Launcher()
        launcher.troubles = troubles
        environments = Environments(launcher, "/run/serve")
        environments.nodes_changed(nodes)
        return await asyncio.wait_for(scenario(environments, launcher), 20)

    return asyncio.run(main())


def test_every_possible_node_is_prepared_and_the_replica_is_kept_there():
    async def scenario(environments, launcher):
        given = {"num_cpus": 1, "runtime_env": {"conda": "tf1", "pip": ["x"], "env_vars": {"A": "1"}}}
        options, tried = await environments.options_for(ORIGIN, given)
        assert options["label_selector"] == {"ray.io/node-id": "in(home,far)"}
        assert set(options["runtime_env"]) == {"py_executable", "env_vars"}
        assert launcher.agents["home"].prepared == [(ORIGIN.key, {"A": "1"}, None)]
        assert launcher.agents["far"].prepared == [(ORIGIN.key, {"A": "1"}, launcher.agents["home"])]
        return tried

    assert run(scenario, HOME, FAR) == {"home", "far"}


def test_a_node_that_cannot_have_it_gets_no_replicas():
    async def scenario(environments, launcher):
        return (await environments.options_for(ORIGIN, {}))[0]["label_selector"]

    assert run(scenario, HOME, FAR, far="disk full") == {"ray.io/node-id": "in(home)"}


def test_it_fails_when_no_node_can_have_it():
    async def scenario(environments, launcher):
        await environments.options_for(ORIGIN, {})

    with pytest.raises(EnvironmentFailedError, match="no ray; disk full"):
        run(scenario, HOME, FAR, home="no ray", far="disk full")


def test_without_its_first_node_it_comes_from_one_that_has_it():
    async def scenario(environments, launcher):
        await environments.options_for(ORIGIN, {})
        late = Node("late", "10.0.0.3", False, {"CPU": 4.0})
        environments.nodes_changed([FAR, late])
        await environments.options_for(ORIGIN, {})
        return launcher.agents["late"].prepared[0][2] is launcher.agents["far"]

    assert run(scenario, HOME, FAR)


def test_it_is_lost_with_its_only_node():
    async def scenario(environments, launcher):
        environments.nodes_changed([FAR])
        await environments.options_for(ORIGIN, {})

    with pytest.raises(EnvironmentFailedError, match="node home, from which it came, is gone"):
        run(scenario, HOME, FAR)


def test_a_replica_that_is_too_large_waits_for_a_node_that_joins():
    async def scenario(environments, launcher):
        waiting = asyncio.ensure_future(environments.options_for(ORIGIN, {"num_cpus": 8}))
        await asyncio.sleep(0)
        assert not waiting.done()
        environments.nodes_changed([HOME, Node("large", "10.0.0.3", False, {"CPU": 16.0})])
        return (await waiting)[0]["label_selector"]

    assert run(scenario, HOME) == {"ray.io/node-id": "in(large)"}


def test_a_cluster_that_runs_in_it_already_starts_replicas_as_ever():
    async def scenario(environments, launcher):
        for node_id in ("home", "far"):
            launcher.start_environments("", node_id, "").as_it_is = True
        everywhere, _ = await environments.options_for(ORIGIN, {"num_cpus": 1})
        launcher.agents["far"].as_it_is = False
        elsewhere, _ = await environments.options_for(ORIGIN, {"num_cpus": 1})
        return "runtime_env" in everywhere, "py_executable" in elsewhere["runtime_env"]

    assert run(scenario, HOME, FAR) == (False, True)


def test_agents_of_an_earlier_life_are_found_and_stopped():
    async def scenario(environments, launcher):
        await environments.options_for(ORIGIN, {})
        agent = launcher.agents["home"]
        second = Environments(launcher, "/run/serve")
        second.nodes_changed([HOME])
        await second.stop()
        return agent.stopped, launcher.agents

    assert run(scenario, HOME) == (True, {})


def test_the_key_follows_the_content_and_the_place():
    sent = Origin(Wanted("archive", "", "tf1"), "head", uploaded=Offer("d1", 10))
    assert sent.key == Origin(Wanted("archive", "", "other"), "head2", uploaded=Offer("d1", 10)).key
    others = [
        Origin(Wanted("prefix", "/envs/tf1", "tf1"), "elsewhere"),
        Origin(Wanted("prefix", "/envs/tf1", "tf1", ("x",)), "home"),
        Origin(Wanted("prefix", "/envs/tf2", "tf1"), "home"),
        sent,
    ]
    assert len({origin.key for origin in (ORIGIN, *others)}) == 5
