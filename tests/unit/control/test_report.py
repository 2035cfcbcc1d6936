import json

from legacy.control.desired import Desired
from legacy.control.registered import EndpointRecord
from legacy.control.report import status_report
from legacy.errors import BackendStartError
from legacy.generations import V1_4
from legacy.records import Endpoint
from tests.fakes_control import run


def report(world, errors=None):
    return status_report(
        world.desired,
        world.reconciler.fleets(),
        {"proxy": "RUNNING"},
        world.publisher,
        errors or {},
        world.environments.progress,
    )


def test_a_healthy_backend_is_reported_with_its_replicas():
    async def scenario(world):
        world.create("a", num_replicas=2)
        await world.reconciler.settled("a", "c1")
        return report(world)["backends"]["a"]

    backend = run(scenario)
    assert (backend["status"], backend["wanted"], backend["style"], backend["load"]) == ("HEALTHY", 2, "client", 0)
    assert [one["state"] for one in backend["replicas"].values()] == ["RUNNING"] * 2
    assert {one["failed_checks"] for one in backend["replicas"].values()} == {0}


def test_a_replica_is_reported_with_the_last_error_of_its_requests():
    async def scenario(world):
        world.create("a", num_replicas=2)
        await world.reconciler.settled("a", "c1")
        first, second = report(world)["backends"]["a"]["replicas"]
        return report(world, {first: "ValueError: x", second: ""})["backends"]["a"]

    backend = run(scenario)
    assert [one["last_error"] for one in backend["replicas"].values()] == ["ValueError: x", None]
    assert backend["status"] == "HEALTHY"


def test_a_failing_backend_is_reported_with_its_last_error():
    async def scenario(world):
        world.launcher.failure = "RuntimeError: weights file is missing"
        world.create("a")
        try:
            await world.reconciler.settled("a", "c1")
        except BackendStartError:
            return report(world)["backends"]["a"]

    backend = run(scenario)
    assert (backend["status"], backend["failures"]) == ("UNHEALTHY", 1)
    assert backend["last_error"].startswith("RuntimeError: weights file is missing\nTraceback")


def test_bounds_of_autoscaling_are_reported():
    async def scenario(world):
        world.create("a", autoscaling_config={"min_replicas": 1, "max_replicas": 4})
        return report(world)["backends"]["a"]["autoscaling"]

    assert run(scenario) == [1, 4]


def test_endpoints_are_reported_with_what_they_match_and_the_report_is_json():
    async def scenario(world):
        world.desired = Desired()
        endpoint = Endpoint("e", "/e", ("GET",), {"a": 1.0}, {"b": 0.1}, V1_4)
        world.desired.restore(EndpointRecord(endpoint, "c1"))
        return report(world)

    found = json.loads(json.dumps(run(scenario)))
    assert found["endpoints"]["e"]["matching"] == "template"
    assert (found["endpoints"]["e"]["traffic"], found["endpoints"]["e"]["shadows"]) == ({"a": 1.0}, {"b": 0.1})
    assert found["proxies"] == {"proxy": "RUNNING"}
