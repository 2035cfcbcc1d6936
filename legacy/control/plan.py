"""What to do for one backend: (wanted, seen) -> actions. No I/O, no clock, no memory.

Rules (Ray 1.13 for versions; 0.8-1.7 know one version only):
- never more live replicas of the rolling versions than wanted; old ones stop first, new ones start as they end; with
  `surge` that many more may live while versions differ, so that a single replica is replaced without a gap;
- while versions differ, at most max(1, 20%) of the wanted replicas are missing at any time;
- a sick replica is replaced like one of an old version, so however many are sick, few are missing; a single one without
  room for another beside it stays for a while, since another may be as sick for the same reason, until it is given up;
- a new config reaches running replicas in place, at most that many at a time;
- what is surplus goes: first what has not started yet, then sick ones, old versions, the youngest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """Where a replica is in its life."""

    STARTING = "STARTING"  # placed or being placed, constructor running
    RUNNING = "RUNNING"  # routed
    UPDATING = "UPDATING"  # routed, hearing of a new config
    DRAINING = "DRAINING"  # unrouted, finishing its requests


@dataclass(frozen=True)
class Wanted:
    """The target of one backend. `may_start` is False while failures to start are waited out."""

    num_replicas: int
    version: str
    stamp: str
    may_start: bool = True
    surge: int = 0


@dataclass(slots=True)
class Seen:
    """One replica as the controller knows it; `order` grows with the time it was started."""

    tag: str
    version: str
    stamp: str
    state: State
    order: int
    sick: bool = False  # it failed its health checks, and answers nevertheless
    given_up: bool = False  # it has been sick for so long that it must be started anew, also where nothing serves then


@dataclass(frozen=True)
class Actions:
    """What to do now; replicas by tag."""

    start: int = 0
    cancel: tuple[str, ...] = ()  # not started yet: kill
    drain: tuple[str, ...] = ()
    update: tuple[str, ...] = ()


NOTHING = Actions()
_ROUTED = (State.RUNNING, State.UPDATING)


def allowed_missing(num_replicas: int) -> int:
    """How many of a backend's replicas may be down while it changes: 20%, at least one."""
    return max(1, num_replicas // 5)


def plan(wanted: Wanted | None, seen: Sequence[Seen]) -> Actions:
    """The next actions for one backend; `wanted` is None once it is deleted.

    Applying them and calling again converges: with nothing left to do the answer is NOTHING.
    """
    if wanted is None:
        return Actions(cancel=_tags(seen, State.STARTING), drain=_tags(seen, *_ROUTED))
    if is_settled(wanted, seen):
        return NOTHING
    cancel = [r.tag for r in seen if r.state is State.STARTING and r.version != wanted.version]
    routed = [r for r in seen if r.state in _ROUTED]
    starting = [r for r in seen if r.state is State.STARTING and r.version == wanted.version]
    outdated = {r.tag for r in routed if r.version != wanted.version or r.sick}
    room = wanted.num_replicas + (wanted.surge if outdated else 0)
    old_draining = sum(1 for r in seen if r.state is State.DRAINING and r.version != wanted.version)

    surplus = len(routed) + len(starting) - room
    youngest_first = sorted(starting, key=lambda r: -r.order)
    dropped = [r.tag for r in youngest_first[: max(0, surplus)]]
    surplus = max(0, surplus - len(dropped))
    by_need = sorted(routed, key=lambda r: (r.tag not in outdated, not r.sick, -r.order))
    drain = [r.tag for r in by_need[:surplus]]

    old = [r for r in by_need[surplus:] if r.tag in outdated]
    staying = len(routed) - surplus
    missing = 0 if wanted.surge else allowed_missing(wanted.num_replicas)
    spare = staying - (wanted.num_replicas - missing)
    drain += [r.tag for r in old[: max(0, spare)] if not _must_stay(wanted, r)]

    alive = len(routed) - surplus + len(starting) - len(dropped) + old_draining
    start = max(0, room - alive) if wanted.may_start else 0
    update = _to_update(wanted, routed, set(drain)) if wanted.may_start else ()
    return Actions(start, tuple(cancel + dropped), tuple(drain), update)


def is_settled(wanted: Wanted, seen: Sequence[Seen]) -> bool:
    """Whether exactly the wanted replicas run, with the wanted version and config.

    Where none is wanted that is so without any proof, see `legacy.control.registered.enough_for_a_proof`.
    """
    if len(seen) != wanted.num_replicas:
        return False
    target = (State.RUNNING, wanted.version, wanted.stamp)
    return all((r.state, r.version, r.stamp) == target and (not r.sick or _must_stay(wanted, r)) for r in seen)


def _must_stay(wanted: Wanted, replica: Seen) -> bool:
    """Whether nothing would serve if this one went because it is sick."""
    may_get_well = replica.sick and not replica.given_up
    return wanted.num_replicas == 1 and not wanted.surge and may_get_well and replica.version == wanted.version


def _to_update(wanted: Wanted, routed: Sequence[Seen], leaving: set[str]) -> tuple[str, ...]:
    behind = [
        r.tag
        for r in routed
        if r.state is State.RUNNING and r.version == wanted.version and r.stamp != wanted.stamp and r.tag not in leaving
    ]
    busy = sum(1 for r in routed if r.state is State.UPDATING)
    return tuple(behind[: max(0, allowed_missing(wanted.num_replicas) - busy)])


def _tags(seen: Sequence[Seen], *states: State) -> tuple[str, ...]:
    return tuple(r.tag for r in seen if r.state in states)
