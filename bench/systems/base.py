"""What a system under test is: a program that obeys commands, one JSON object per line, on its standard input."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

MARK = "@bench "  # answers begin with it; any other line on stdout is noise


class System:
    """A system under test. Every public method is a command; a system has those that make sense for it.

    Args:
        port: the TCP port to serve HTTP on, host 127.0.0.1.
        cpus: how many CPUs Ray is told it has.
    """

    def __init__(self, port: int, cpus: int) -> None:
        self.port = port
        self.cpus = cpus

    def start(self) -> None:
        """Bring the system up, serving nothing yet."""

    def serve(self, handler: str) -> str:
        """Serve one handler of bench.systems.handlers on one replica, and nothing else; returns its path."""
        raise NotImplementedError

    def calls(self, seconds: float, in_flight: int) -> float:
        """Handle or actor calls per second to the handler `hello`, that many in flight at a time."""
        raise NotImplementedError

    def start_one(self) -> float:
        """Seconds from asking for one fresh replica to its first answer."""
        raise NotImplementedError

    def start_eight(self) -> float:
        """Seconds until eight replicas are up."""
        raise NotImplementedError

    def stop(self) -> None:
        """Leave nothing behind."""


def call_rate(submit: Callable[[], Any], collect: Callable[[list[Any]], Any], seconds: float, in_flight: int) -> float:
    """Calls per second of `submit`, `in_flight` at a time, each batch collected before the next one begins."""
    done = 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        collect([submit() for _ in range(in_flight)])
        done += in_flight
    return done / (time.perf_counter() - began)


def main(kind: Callable[[int, int], System]) -> None:
    """Run one system until its standard input ends or it is told to stop."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--cpus", type=int, required=True)
    given = arguments.parse_args()
    system = kind(given.port, given.cpus)
    for line in sys.stdin:
        command = json.loads(line)
        _answer(system, command["do"], command["args"])
        if command["do"] == "stop":
            return
    system.stop()


def _answer(system: System, name: str, args: dict[str, Any]) -> None:
    try:
        reply = {"value": getattr(system, name)(**args)}
    except Exception:  # whatever goes wrong here is reported by the parent, which stops the run
        reply = {"error": traceback.format_exc()}
    print(MARK + json.dumps(reply), flush=True)
