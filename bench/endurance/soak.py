"""Load, random commands and a killer for as long as asked: every request is answered or explained, nothing grows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.endurance.bare import BareActors, Losses
from bench.endurance.commands import Commands
from bench.endurance.figures import Figure, at_most
from bench.endurance.growth import CONTROLLER, judge_control
from bench.endurance.killer import FAR, REPLICA, Killer
from bench.endurance.schedule import EVERY_S, blow, storm_s, warm_up_s
from bench.endurance.slopes import HOUR_S, NOTHING, RaysShare, Slope, growth, per_start
from bench.endurance.usage import PROXY, Sampler, Watched, long_lived, watched
from tests.fault.faults import Entry
from tests.fault.ledger import Ledger, Load, NotingBackend
from tests.fault.processes import titled

ENDPOINT = "soak"
SCALED, OTHERS = ["a", "b"], ["c"]
CLIENTS = 4
WORK_S = 0.02
CONFIG = {  # a stopped replica holds two of the four clients at most
    "max_concurrent_queries": 2,
    "experimental_graceful_shutdown_timeout_s": 5.0,
}
FOUND_S = 15.0
SETTLED_S = 10.0
PORT_BACK_S = 1.0
NEAR_S, SHOWN = 10.0, 20  # of failures that nothing explains


def soak(client: Any, cluster: Any, seconds: float, directory: Path) -> Iterator[Figure]:
    """Figures of a run in which something is struck every five seconds.

    Args:
        cluster: of ray.cluster_utils, whose head this process is connected to.
        directory: for the ledger.
    """
    ledger = Ledger(directory / "started")
    killer = Killer(cluster, ledger)
    _serve(client, ledger)
    commands = Commands(client, ledger, ENDPOINT, SCALED, OTHERS)
    # the bare actors are as old as what they stand for: the first starts cost more
    with Load(ledger, f"/{ENDPOINT}", clients=CLIENTS) as load, BareActors() as bare, Losses(bare) as losses:
        load.wait_for(50)
        begun = time.monotonic()
        with commands:
            _strike(killer, begun, seconds, 0.0, storm_s(seconds))
            ours = long_lived(client, SCALED, {fault.pid for fault in ledger.faults})
            killer.spared = {one.pid for one in ours}
            beside = [watched(CONTROLLER, bare.starter), watched(PROXY, bare.follower)]
            with Sampler(ours + beside, warm_up_s(seconds)):
                _strike(killer, begun, seconds, storm_s(seconds), seconds)
        settled = _settled(client)
        killer.finish()
        load.wait_for(50, timeout_s=120)
    yield from judge(ledger)
    yield from _of_commands(commands, settled)
    yield from _of_blows(killer)
    rays = {one.name: per_start(one.samples, losses.at) for one in beside}
    yield from judge_control("soak", rays[CONTROLLER], rays[PROXY])
    for one in ours:
        yield from growth(f"soak: {one.name}", one.samples, share(one, rays, ledger.births()))


def share(one: Watched, rays: Mapping[str, Slope], births: Sequence[float]) -> RaysShare:
    """What Ray itself grew by in a process while it was sampled; nothing in one that no bare actor stands for. Pure.

    Args:
        rays: bytes for each start in the bare actors, by the name of what they stand for.
        births: when replicas were started.
    """
    if one.name not in rays or len(one.samples) < 2:
        return NOTHING
    first, last = one.samples[0].at, one.samples[-1].at
    starts = sum(first <= at <= last for at in births)
    return RaysShare(starts * HOUR_S / (last - first), rays[one.name])


def judge(ledger: Ledger) -> Iterator[Figure]:
    """What the ledger says of all requests."""
    name = f"soak, {len(ledger.entries)} requests, {len(ledger.faults)} processes struck"
    unexplained = ledger.unexplained()
    yield at_most(f"{name}: failed and touched by no fault", len(unexplained), 0)
    yield from (_shown(ledger, entry) for entry in unexplained[:SHOWN])
    yield at_most("soak: POSTs that ran twice", len(ledger.ran_twice()), 0)
    yield at_most("soak: ran though nobody had sent them", len(ledger.invented()), 0)
    yield at_most("soak: answered though nothing had run", len(ledger.answered_without_running()), 0)
    yield Figure("soak: failed, and touched by a fault", str(len(ledger.failed())), "told", True)


def _shown(ledger: Ledger, entry: Entry) -> Figure:
    near = [
        f"{fault.kind} {fault.pid} {fault.begun - entry.sent:+.2f} to {fault.over - entry.sent:+.2f} s"
        for fault in ledger.faults
        if fault.begun - NEAR_S < entry.ended and entry.sent < fault.over + NEAR_S
    ]
    text = " ".join(entry.text.split())[:200].replace("|", "/")
    took = f"{entry.ended - entry.sent:.2f} s, connected {entry.opened - entry.sent:+.2f} s"
    name = f"soak: {entry.id} in {ledger.where(entry)}: {entry.status} after {took}: {text}"
    return Figure(name, "; ".join(near), "a fault that touched it", False)


def _serve(client: Any, ledger: Ledger) -> None:
    for tag in SCALED:
        client.create_backend(tag, NotingBackend, str(ledger.path), WORK_S, config={"num_replicas": 3, **CONFIG})
    for tag in OTHERS:
        there = {"num_cpus": 0, "resources": {FAR: 1}}
        config = {"num_replicas": 2, **CONFIG}
        client.create_backend(tag, NotingBackend, str(ledger.path), WORK_S, config=config, ray_actor_options=there)
    client.create_endpoint(ENDPOINT, backend=SCALED[0], route=f"/{ENDPOINT}", methods=["POST"])


def _strike(killer: Killer, begun: float, seconds: float, first_s: float, last_s: float) -> None:
    number = 0
    while (at := time.monotonic() - begun) < last_s:
        killer.strike(blow(number, at, seconds))
        number += 1
        time.sleep(max(0.0, min(at + EVERY_S, last_s) - (time.monotonic() - begun)))


def _of_commands(commands: Commands, settled: float) -> Iterator[Figure]:
    yield at_most(f"soak: of {commands.done} commands, lost though they had returned", len(commands.lost), 0)
    yield at_most("soak: commands that failed and were touched by no fault", len(commands.failed), 0)
    yield at_most("soak: until what runs is what is wanted", settled, SETTLED_S, " s")


def _of_blows(killer: Killer) -> Iterator[Figure]:
    struck = ", ".join(f"{count} {kind}" for kind, count in sorted(killer.blows.items()))
    yield Figure("soak: blows", struck, "told", True)
    if killer.outages:
        yield at_most("soak: the longest until a killed proxy's port answered", max(killer.outages), PORT_BACK_S, " s")
    if killer.found:
        yield at_most(
            "soak: the longest until a stopped replica was gone, from a controller's last kill on",
            max(killer.found),
            FOUND_S,
            " s",
        )


def _settled(client: Any) -> float:
    begun = time.monotonic()
    wanted = sum(client.get_backend_config(tag).num_replicas for tag in SCALED + OTHERS)
    while len(titled(REPLICA)) != wanted and time.monotonic() < begun + 60:
        time.sleep(0.05)
    return time.monotonic() - begun
