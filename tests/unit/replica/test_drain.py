import asyncio
import time

import pytest

from legacy.records import InstanceName, ReplicaStart
from legacy.replica.replica import QUIET_S, ServeReplica
from tests.fakes_control import spec

START = ReplicaStart("a#1", spec("a"), InstanceName("ctl", "ns"), "secret", "/nowhere")


def drained(*timeouts_s, busy=False):
    """Seconds until a replica that has nothing to do, or a call that never ends, has stopped."""

    async def scenario():
        replica = ServeReplica(START)
        if busy:
            await replica._gate.enter()
        begun = time.monotonic()
        await asyncio.gather(*(replica.drain(timeout_s) for timeout_s in timeouts_s))
        return time.monotonic() - begun

    return asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_replica_with_nothing_to_do_stops_at_once():
    assert QUIET_S <= drained(20.0) < QUIET_S + 1.0


@pytest.mark.parametrize("timeouts_s", [(0.5,), (20.0, 0.5)])
def test_a_drain_that_waits_for_a_call_that_never_ends_is_over_at_its_time(timeouts_s):
    assert 0.5 <= drained(*timeouts_s, busy=True) < 1.5
