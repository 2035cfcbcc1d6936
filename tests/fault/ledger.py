"""A load whose every request is accounted for.

Each request carries an id. The client notes when it was sent and how it ended; user code appends the id to a file when
it STARTS. Comparing the two finds lost, repeated, crossed and invented requests. The client never retries.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ray

from legacy.constants import QUEUE_TIMEOUT_S
from legacy.replica.context import get_replica_context
from tests.fault.faults import Born, Entry, Fault, Kind, starved

ANSWER_S = QUEUE_TIMEOUT_S + 10.0  # who waits in vain is told by the proxy for what, before its client gives up
NO_REPLICA = re.compile(r"no replica of backend '([^']+)' was free")  # in the answer to one that waited in vain
NAMED_REPLICA = re.compile(r"replica '([^']+)'")  # in the proxy's answer for a request that died with it


@dataclass
class Ledger:
    """All requests of one run, and the file in which user code notes what it started."""

    path: Path
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @contextlib.contextmanager
    def fault(self, pid: int, kind: Kind = "replica") -> Iterator[Fault]:
        """Note what is being killed: from the signal until the process is gone, and its port answers again."""
        noted = Fault(kind, pid, time.monotonic())
        self.faults.append(noted)
        yield noted
        noted.over = time.monotonic()

    def started(self) -> Counter[str]:
        """How often user code began to work on each id."""
        return Counter(name for name, _ in self._lines())

    def failed(self) -> list[Entry]:
        """Requests without a right answer."""
        return [entry for entry in self.entries if not entry.ok]

    def unexplained(self) -> list[Entry]:
        """Failed requests that no fault touched."""
        failed, places = self.failed(), self._places()
        return [
            entry
            for entry in failed
            if not any(fault.explains(entry, places.get(entry.id)) for fault in self.faults)
            and not self._starved(entry)
        ]

    def where(self, entry: Entry) -> int | None:
        """The process that began to work on a failed request, or died before it could."""
        return self._places().get(entry.id)

    def births(self) -> list[float]:
        """When replicas were started."""
        return [one.at for one in self._replicas().values()]

    def ran_on(self) -> dict[str, str]:
        """Id -> the backend that began to work on it."""
        backends = {one.pid: one.backend for one in self._replicas().values()}
        return {name: backends[int(pid)] for name, pid in self._lines()}

    def ran_twice(self) -> list[str]:
        """Ids that user code started more than once."""
        return [name for name, count in self.started().items() if count > 1]

    def invented(self) -> set[str]:
        """Ids that user code started although nobody sent them."""
        return set(self.started()) - {entry.id for entry in self.entries}

    def answered_without_running(self) -> list[str]:
        """Ids with a right answer that user code never started."""
        started = self.started()
        return [entry.id for entry in self.entries if entry.ok and entry.id not in started]

    def check(self) -> None:
        """Assert that every request is answered or explained and nothing ran twice."""
        assert self.entries, "no request was sent"
        assert self.ran_twice() == []
        assert self.invented() == set()
        assert self.answered_without_running() == []
        unexplained = self.unexplained()
        assert unexplained == [], f"{unexplained}, faults {self.faults}"

    def _starved(self, entry: Entry) -> bool:
        waited_for = NO_REPLICA.search(entry.text) if entry.status == 503 else None
        if waited_for is None:
            return False
        return starved(entry, [one for one in self._replicas().values() if one.backend == waited_for[1]], self.faults)

    def _places(self) -> dict[str, int]:
        replicas = self._replicas()
        named = {entry.id: NAMED_REPLICA.search(entry.text) for entry in self.failed()}
        places = {name: replicas[found[1]].pid for name, found in named.items() if found and found[1] in replicas}
        return places | {name: int(pid) for name, pid in self._lines()}

    def _lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def _replicas(self) -> dict[str, Born]:
        path = Path(f"{self.path}.replicas")
        lines = path.read_text().splitlines() if path.exists() else []
        return {tag: Born(tag.split("#")[0], int(pid), float(at)) for tag, pid, at in map(str.split, lines)}


class Load:
    """Closed-loop clients that POST ids to a URL path until stopped; use it as a context manager."""

    def __init__(self, ledger: Ledger, path: str, clients: int = 8, port: int = 8000, method: str = "POST") -> None:
        self._ledger = ledger
        self._target = (path, port, method)
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(ANSWER_S)
            assert not thread.is_alive(), "a client hangs"

    def wait_for(self, more: int, timeout_s: float = 60.0) -> None:
        """Return when `more` further requests were answered rightly."""
        goal = self._answered() + more
        deadline = time.monotonic() + timeout_s
        while self._answered() < goal:
            assert time.monotonic() < deadline, f"no {more} right answers within {timeout_s:g} s"
            self._stop.wait(0.01)

    def _answered(self) -> int:
        return sum(entry.ok for entry in list(self._ledger.entries))

    def _client(self) -> None:
        path, port, method = self._target
        connection: http.client.HTTPConnection | None = None
        opened = 0.0
        while not self._stop.is_set():
            entry = Entry(f"id-{next(self._numbers)}", time.monotonic())
            try:
                if connection is None:
                    connection, opened = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S), entry.sent
                entry.opened = opened
                connection.request(method, f"{path}?id={entry.id}", body=entry.id if method == "POST" else None)
                response = connection.getresponse()
                entry.status, entry.text = response.status, response.read().decode()
            except (OSError, http.client.HTTPException) as error:
                entry.text = repr(error)
                if connection is not None:
                    connection.close()
                connection = None
                self._stop.wait(0.02)
            entry.ended = time.monotonic()
            self._ledger.entries.append(entry)
        if connection is not None:
            connection.close()


class HandleLoad(Load):
    """The same through a handle of this process."""

    def __init__(self, ledger: Ledger, handle: Any, clients: int = 8) -> None:
        super().__init__(ledger, "", clients)
        self._handle = handle

    def _client(self) -> None:
        while not self._stop.is_set():
            entry = Entry(f"id-{next(self._numbers)}", time.monotonic())
            try:
                answer = self._handle.remote(SimpleNamespace(query_params={"id": entry.id}))
                entry.text, entry.status = ray.get(answer, timeout=ANSWER_S), 200
            except Exception as error:  # whatever it is, the ledger has it
                entry.text = repr(error)
            entry.ended = time.monotonic()
            self._ledger.entries.append(entry)


class NotingBackend:
    """Notes each id in the ledger's file before it works for `work_s` seconds, then answers with the id."""

    def __init__(self, path: str, work_s: float = 0.02) -> None:
        with open(f"{path}.replicas", "a") as replicas:
            replicas.write(f"{get_replica_context().replica_tag} {os.getpid()} {time.monotonic()}\n")
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._work_s = work_s

    async def __call__(self, request):
        import asyncio

        name = request.query_params["id"]
        os.write(self._file, f"{name} {os.getpid()}\n".encode())
        await asyncio.sleep(self._work_s)
        return name

    def pid(self, request):
        return os.getpid()
