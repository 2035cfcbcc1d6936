"""The replicas of one backend as the controller runs them, and what went wrong with them lately."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from legacy.config import BackendConfig
from legacy.constants import CONCURRENCY_1_4
from legacy.control.plan import Seen, State
from legacy.large_code import LargeCode
from legacy.logs import logger
from legacy.records import BackendView, ReplicaAddress, StartFailure

LONGEST_WAIT_S = 60.0
MOST_TRIES = 10  # more than any command gives its replicas


@dataclass(frozen=True)
class ReplicaRecord:
    """What the checkpoint keeps of a replica: enough to find its actor again and to route to it at once."""

    tag: str
    backend: str
    version: str
    stamp: str
    order: int
    draining: bool = False
    address: ReplicaAddress | None = None  # without its actor handle
    revision: str = ""


@dataclass
class Live:
    """One replica: what the plan sees of it, its actor, and the tasks that look after it.

    Attributes:
        revision: the command that had it started or updated last: its failures are failures of that change.
        code: what this process sent to it, until it runs.
        waits_for: what it lacks to be placed on a node; "" for nothing.
    """

    seen: Seen
    backend: str
    revision: str = ""
    actor: Any = None
    address: ReplicaAddress | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    unhealthy: int = 0
    first_check: bool = False  # its constructor is through, its first health check is not
    opening_tcp: bool = False
    code: bytes | LargeCode | None = None
    waits_for: str = ""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background as long as the replica is there."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(_report)

    def record(self) -> ReplicaRecord:
        """This replica for the checkpoint."""
        seen = self.seen
        draining = seen.state is State.DRAINING
        address = None if self.address is None else replace(self.address, actor=None)
        return ReplicaRecord(
            seen.tag, self.backend, seen.version, seen.stamp, seen.order, draining, address, self.revision
        )


@dataclass
class Fleet:
    """All replicas of one backend.

    Attributes:
        config: the newest config; the last one once the backend is deleted.
        failures: failures to start, to update or to stay well, since the last success or the last command.
        fell_sick: the latest failures of replicas that had come up, since the last command.
        taken_back: why the last command's change was undone, until the next command.
        force: kill instead of drain.
        actor_options: of the newest version.
        has_room: whether one more replica fitted into the cluster when a sick one was last checked.
        last_gone: when a replica was last removed; the loop's time.
        changed: set and replaced whenever something happened; waiters look again.
    """

    tag: str
    config: BackendConfig
    deleted: bool = False
    replicas: dict[str, Live] = field(default_factory=dict)
    failures: list[StartFailure] = field(default_factory=list)
    fell_sick: deque[StartFailure] = field(default_factory=lambda: deque(maxlen=MOST_TRIES))
    retry_at: float = 0.0
    taken_back: StartFailure | None = None
    force: bool = False
    actor_options: dict[str, Any] = field(default_factory=dict)
    has_room: bool = False
    last_gone: float = -math.inf
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    published: BackendView | None = None

    @property
    def serving(self) -> list[Live]:
        """The replicas that get requests, also while they hear of a new config."""
        return [live for live in self.replicas.values() if live.seen.state in (State.RUNNING, State.UPDATING)]

    @property
    def waits_for(self) -> str:
        """What its replicas lack to be placed on nodes; "" for nothing."""
        waiting = [live.waits_for for live in self.replicas.values() if live.waits_for]
        return f"{len(waiting)} of its replicas wait for room in the cluster: {waiting[0]}" if waiting else ""

    def announce(self) -> None:
        """Wake everybody who waits for this backend."""
        self.changed.set()
        self.changed = asyncio.Event()

    def failed(self, failure: StartFailure, now: float) -> None:
        """Count a failure and wait 1, 2, 4 ... 60 s before the next try."""
        self.failures.append(failure)
        self.retry_at = now + retry_delay(len(self.failures))

    def succeeded(self) -> None:
        """A replica came up: the failures before it no longer count."""
        self.failures.clear()
        self.retry_at = 0.0

    def recovered(self, tag: str) -> None:
        """A replica is well again: what it failed of does not count any more."""
        for failures in (self.failures, self.fell_sick):
            for failure in [one for one in failures if one.replica == tag]:
                failures.remove(failure)
        if not self.failures:
            self.retry_at = 0.0

    def blamed(self, revision: str) -> list[StartFailure]:
        """The failures of one command's change.

        Those of replicas that came up and fell sick are counted apart: others that come up do not make up for them.
        """
        kinds = (self.failures, self.fell_sick)
        return max(([failure for failure in kind if failure.revision == revision] for kind in kinds), key=len)

    def view(self) -> BackendView:
        """What routers may use now."""
        routed = [live.address for live in self.serving if live.address is not None]
        return BackendView(self.tag, self.config.max_concurrent_queries or CONCURRENCY_1_4, tuple(routed))


def retry_delay(failures: int) -> float:
    """Seconds to wait after that many failures in a row."""
    return min(LONGEST_WAIT_S, float(2 ** min(failures - 1, 10)))


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("a replica's supervisor failed", exc_info=task.exception())
