"""What an instance keeps for each replica that was started and lost, beside bare Ray actors in the same run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import ray

from bench.endurance.bare import AT_ONCE, ROUND_S, WARM_UP, BareActors, Counted, counted
from bench.endurance.figures import Figure, at_most
from bench.endurance.slopes import KIB, Slope
from bench.standby import await_standby
from tests.fault.processes import kill

TAG = "growth"
EXCESS_KIB = 4.0  # that a start may cost a process of ours more than the bare actor that does the like
RAYS_KIB = 16.0  # more for a start than Ray was ever seen to keep: the control itself is wrong, or too short
CONTROLLER = "controller"


class Hello:
    """User code with nothing of its own."""

    def __call__(self, request: Any) -> str:
        """A word."""
        return "hello"


def growth(client: Any, rounds: int) -> Iterator[Figure]:
    """Figures of so many rounds, in each of which all replicas are killed, and a bare actor loses as many actors."""
    await_standby(client)
    client.create_backend(TAG, Hello, config={"num_replicas": AT_ONCE}, ray_actor_options={"num_cpus": 0})
    ours, starts = _processes(client), 0
    with BareActors() as bare:
        starter, follower = counted(bare.starter), counted(bare.follower)
        for number in range(WARM_UP + rounds):
            starts += _lose_all(client)
            lost = bare.lose(AT_ONCE)
            if number < WARM_UP:
                continue
            for one in ours.values():
                one.sample(starts)
            for beside in (starter, follower):
                beside.sample(lost)
    name = f"growth, {rounds * AT_ONCE} starts after {WARM_UP * AT_ONCE}"
    found = {shown: one.per_start() for shown, one in ours.items()}
    yield from judge(name, found, starter.per_start(), follower.per_start())
    client.delete_backend(TAG)


def judge(name: str, ours: Mapping[str, Slope], starter: Slope, follower: Slope) -> Iterator[Figure]:
    """What processes keep of each start beyond what bare actors keep. Pure.

    Args:
        ours: of the controller, and of proxies under whatever names.
        starter: of the actor that started and lost as many.
        follower: of the one that only heard of it.
    """
    yield from judge_control(name, starter, follower)
    for shown, one in ours.items():
        beside = starter if shown == CONTROLLER else follower
        yield Figure(f"{name}: {shown}, kept of each", one.kib, "told", True)
        excess = (one.rate - beside.rate) / KIB
        yield at_most(f"{name}: {shown}, more than the bare actor that does the like", excess, EXCESS_KIB, " KiB")


def judge_control(name: str, starter: Slope, follower: Slope) -> Iterator[Figure]:
    """What bare actors keep, with a bound, since it is taken off what ours grow by. Pure."""
    for one, what in ((starter, "a bare Ray actor that starts and loses"), (follower, "one that only hears of it")):
        held = (one.rate + one.error) / KIB <= RAYS_KIB
        yield Figure(f"{name}: {what}, kept of each", one.kib, f"<= {RAYS_KIB:g} KiB", held)


def _processes(client: Any) -> dict[str, Counted]:
    name, controller = client._session.name, client._session.controller
    found = {CONTROLLER: counted(controller)}
    for short, state in client._session.status()["proxies"].items():
        shown = "proxy that stands by" if state == "STANDBY" else "proxy that listens"
        found[shown] = counted(ray.get_actor(f"{name.controller}:{short}", namespace=name.namespace))
    return found


def _lose_all(client: Any) -> int:
    """Kill all replicas, and wait until others run; how many that were."""
    lost = _running(client)
    for pid in lost.values():
        kill(pid)
    until = time.monotonic() + ROUND_S
    while len(found := _running(client)) < AT_ONCE or found.keys() & lost.keys():
        if time.monotonic() > until:
            raise RuntimeError(f"replicas that were killed are not replaced after {ROUND_S:g} s: {found}")
        time.sleep(0.1)
    return len(lost)


def _running(client: Any) -> dict[str, int]:
    rows = client._session.status()["backends"][TAG]["replicas"].items()
    return {short: row["pid"] for short, row in rows if row["state"] == "RUNNING"}
