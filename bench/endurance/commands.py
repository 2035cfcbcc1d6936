"""Random commands to an instance under load; each must do what it says, or be told why not."""

from __future__ import annotations

import random
import time
from typing import Any

from bench.endurance.beside import Beside
from legacy.errors import RayServeException
from tests.fault.ledger import Ledger

EVERY_S = 3.0


class Commands(Beside):
    """Changes traffic and numbers of replicas until stopped; a context manager.

    Args:
        endpoint: whose traffic is split anew.
        scaled: backends that get two or three replicas.
        others: backends that only get a share of the traffic.

    Attributes:
        done: how many there were.
        lost: those whose effect was not there when they returned.
        failed: those that raised although nothing was struck meanwhile that they need.
    """

    def __init__(self, client: Any, ledger: Ledger, endpoint: str, scaled: list[str], others: list[str]) -> None:
        super().__init__()
        self.done = 0
        self.lost: list[str] = []
        self.failed: list[str] = []
        self._client = client
        self._ledger = ledger
        self._endpoint = endpoint
        self._scaled, self._all = scaled, scaled + others
        self._rng = random.Random(1)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._set_traffic()
            self._scale()

    def _set_traffic(self) -> None:
        weights = [self._rng.choice((0.0, 0.2, 1.0)) for _ in self._all]
        total = sum(weights)
        if not total:
            return
        traffic = {tag: weight / total for tag, weight in zip(self._all, weights, strict=True) if weight}
        self._client.set_traffic(self._endpoint, traffic)
        self._note(f"set_traffic {traffic}", self._client.list_endpoints()[self._endpoint]["traffic"] == traffic)

    def _scale(self) -> None:
        tag, wanted = self._rng.choice(self._scaled), self._rng.choice((2, 3))
        text, begun = f"{tag}: num_replicas {wanted}", time.monotonic()
        try:
            self._client.update_backend_config(tag, {"num_replicas": wanted})
        except RayServeException as error:  # a replica that was killed before it was up fails the command
            self.done += 1
            if not any(fault.kind == "replica" and fault.over >= begun for fault in self._ledger.faults):
                self.failed.append(f"{text}: {error}")
            return
        self._note(text, self._client.get_backend_config(tag).num_replicas == wanted)

    def _note(self, text: str, seen: bool) -> None:
        self.done += 1
        if not seen:
            self.lost.append(text)
