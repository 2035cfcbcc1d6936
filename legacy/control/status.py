"""How a backend is, in one word and why: the same whoever asks. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from legacy.control.fleet import Fleet
from legacy.control.registered import BackendRecord


class Status(NamedTuple):
    """How a backend is.

    Attributes:
        word: UPDATING until as many replicas as wanted serve with the wanted version and config.
        why: "" where the word says it all.
    """

    word: Literal["HEALTHY", "UPDATING", "UNHEALTHY", "DELETING"]
    why: str = ""


def status_of(record: BackendRecord | None, fleet: Fleet | None) -> Status:
    """How a backend is.

    Args:
        record: what is wanted; None once it is deleted.
        fleet: what there is; None while there is nothing.
    """
    if record is None:
        return Status("DELETING")
    if fleet is not None and fleet.failures:
        return Status("UNHEALTHY", fleet.failures[-1].error)
    if fleet is not None and fleet.taken_back is not None:
        return Status("UNHEALTHY", f"the last change was undone: {fleet.taken_back.error}")
    target = (record.version, record.stamp)
    seen = [] if fleet is None else [live.seen for live in fleet.serving]
    sick = sum(one.sick for one in seen)
    if sick:
        return Status("UNHEALTHY", f"{sick} of {len(seen)} replicas fail their health checks")
    as_wanted = sum((one.version, one.stamp) == target for one in seen)
    if as_wanted >= record.replicas:
        return Status("HEALTHY")
    checking = 0 if fleet is None else sum(live.first_check for live in fleet.replicas.values())
    waiting = f", {checking} have not ended their first health check" if checking else ""
    lacking = f"; {fleet.waits_for}" if fleet is not None and fleet.waits_for else ""
    return Status("UPDATING", f"{as_wanted} of {record.replicas} replicas run{waiting}{lacking}")
