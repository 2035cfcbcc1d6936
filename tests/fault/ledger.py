"""A load whose every request is accounted for.

Each request carries an id. The client notes when it was sent and how it ended; user code appends the id to a file when
it STARTS. Comparing the two finds lost, repeated, crossed and invented requests. The client never retries.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Entry:
    """One request as its client saw it; times are time.monotonic() seconds."""

    id: str
    sent: float
    ended: float = 0.0
    status: int | None = None  # None: no complete answer
    text: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.text == self.id


@dataclass
class Ledger:
    """All requests of one run, and the file in which user code notes what it started."""

    path: Path
    entries: list[Entry] = field(default_factory=list)
    faults: list[tuple[float, float]] = field(default_factory=list)

    @contextlib.contextmanager
    def fault(self) -> Iterator[None]:
        """Note when something is being killed: from the signal until the process is gone."""
        begun = time.monotonic()
        yield
        self.faults.append((begun, time.monotonic()))

    def started(self) -> Counter[str]:
        """How often user code began to work on each id."""
        return Counter(self.path.read_text().split()) if self.path.exists() else Counter()

    def failed(self) -> list[Entry]:
        """Requests without a right answer."""
        return [entry for entry in self.entries if not entry.ok]

    def unexplained(self, recovery_s: float) -> list[Entry]:
        """Failed requests that neither were under way during a fault nor began within `recovery_s` after one."""
        return [
            entry
            for entry in self.failed()
            if not any(entry.sent <= end + recovery_s and begin <= entry.ended for begin, end in self.faults)
        ]

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

    def check(self, recovery_s: float = 0.0) -> None:
        """Assert that every request is answered or explained and nothing ran twice."""
        assert self.entries, "no request was sent"
        assert self.ran_twice() == []
        assert self.invented() == set()
        assert self.answered_without_running() == []
        unexplained = self.unexplained(recovery_s)
        assert unexplained == [], f"{unexplained}, faults {self.faults}"


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
            thread.join(60)
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
        while not self._stop.is_set():
            entry = Entry(f"id-{next(self._numbers)}", time.monotonic())
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=30)
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


class NotingBackend:
    """Notes each id in the ledger's file before it works for `work_s` seconds, then answers with the id."""

    def __init__(self, path: str, work_s: float = 0.02) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._work_s = work_s

    async def __call__(self, request):
        import asyncio

        name = request.query_params["id"]
        os.write(self._file, f"{name}\n".encode())
        await asyncio.sleep(self._work_s)
        return name

    def pid(self, request):
        return os.getpid()
