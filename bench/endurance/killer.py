"""Kills, stops and takes away what a soak's schedule says, and notes which process that was and when it was gone."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from bench.endurance.schedule import Blow
from bench.endurance.wire import PORT
from tests.fault.faults import Kind
from tests.fault.ledger import Ledger
from tests.fault.processes import descendants, kill, listener, serving, titled, wait_until_answering, wait_until_gone

REPLICA, PROXY, CONTROLLER = r"^ray::.*Replica", r"^ray::.*Proxy", r"^ray::.*Controller"
FAR = "far"  # the resource of the nodes that may be lost
BACK_S = 60.0
FOUND_S = 300.0
SERVES_S = 1.0  # until one that listens has passed its first health check, with some to spare


class Killer:
    """Strikes at the processes below this one.

    Args:
        cluster: of ray.cluster_utils; nodes are added to it and taken away.
        ledger: where faults are noted.

    Attributes:
        spared: processes that are not touched.
        outages: seconds from the end of each killed proxy until its port answered.
        found: seconds until each stopped replica was gone, from the last kill of the controller before that on: a dead
            one finds nothing.
        blows: how often each kind was struck.
    """

    def __init__(self, cluster: Any, ledger: Ledger, seed: int = 0) -> None:
        self.spared: set[int] = set()
        self.outages: list[float] = []
        self.found: list[float] = []
        self.blows: Counter[str] = Counter()
        self._cluster = cluster
        self._ledger = ledger
        self._rng = random.Random(seed)
        self._waiting: list[threading.Thread] = []
        self._controllers_died: list[float] = []
        self._stopped: set[int] = set()  # nothing else is done to them, since the controller has to find them
        self._nodes = [self._new_node(), self._new_node()]

    def strike(self, what: Blow) -> None:
        """Do it; returns at once where it takes long to be noticed."""
        try:
            getattr(self, f"_{what}")()
        except Exception as error:  # Ray raises plain ones when a node is not up in time; a soak of an hour goes on
            print(f"the blow {what!r} failed: {error!r}", file=sys.stderr)
            self.blows[f"failed: {what}"] += 1
            return
        self.blows[what] += 1

    def finish(self) -> None:
        """Wait until everything that was struck is gone."""
        for thread in self._waiting:
            thread.join(FOUND_S)

    def _replica(self) -> None:
        self._kill(REPLICA, "replica")

    def _controller(self) -> None:
        self._kill(CONTROLLER, "controller")
        self._controllers_died.append(time.monotonic())

    def _proxy(self) -> None:
        self._kill(PROXY, "proxy", listener(PORT))

    def _kill(self, pattern: str, kind: Kind, chosen: int | None = None) -> None:
        pid = chosen or self._victim(pattern)
        with self._ledger.fault(pid, kind), suppress(ProcessLookupError):  # scaling may have ended it first
            kill(pid)
            gone = time.monotonic()
            if kind == "proxy":
                wait_until_answering()
                self.outages.append(time.monotonic() - gone)

    def _stop(self) -> None:
        pid = self._victim(REPLICA, serving)
        time.sleep(SERVES_S)  # one that still starts has a deadline of its own, a long one
        self._stopped.add(pid)
        self._await_end({pid}, self.found)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)

    def _node(self) -> None:
        self._nodes.append(self._new_node())
        node = self._nodes.pop(0)
        raylet = node.all_processes["raylet"][0].process.pid
        there = titled(REPLICA) & descendants(raylet)
        self._stopped -= there
        self._await_end(there)
        self._cluster.remove_node(node, allow_graceful=False)

    def _new_node(self) -> Any:
        return self._cluster.add_node(num_cpus=0, resources={FAR: 1})

    def _victim(self, pattern: str, may_be: Callable[[int], bool] = lambda pid: True) -> int:
        until = time.monotonic() + BACK_S
        while not (found := sorted(filter(may_be, titled(pattern) - self.spared - self._stopped))):
            if time.monotonic() > until:
                raise RuntimeError(f"no process {pattern!r} came back within {BACK_S:g} s after it was killed")
            time.sleep(0.05)
        return self._rng.choice(found)

    def _await_end(self, pids: set[int], seconds: list[float] | None = None) -> None:
        """Note when each process is gone, in threads, before anything is done to them."""

        def wait(pid: int) -> None:
            begun = time.monotonic()
            try:
                with self._ledger.fault(pid):
                    wait_until_gone([pid], FOUND_S)
            finally:
                if seconds is not None and pid in self._stopped:
                    seconds.append(since(begun, self._controllers_died, time.monotonic()))

        for pid in pids:
            thread = threading.Thread(target=wait, args=(pid,), daemon=True)
            thread.start()
            self._waiting.append(thread)


def since(begun: float, died: Iterable[float], over: float) -> float:
    """Seconds of `over` since the last of what died in between, or else since it begun. Pure."""
    return over - max([begun, *(at for at in died if begun <= at <= over)])
