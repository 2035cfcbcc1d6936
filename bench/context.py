"""What every measurement needs to know about the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.machine import settle
from bench.session import Session


@dataclass(frozen=True)
class Context:
    """The settings of a run.

    Attributes:
        interpreters: "project" and "peers" -> interpreter.
        seconds: the length of one measuring interval.
        systems: which systems take part.
        patience_s: how long to wait for a quiet machine before an interval.
    """

    interpreters: dict[str, Path]
    seconds: float
    systems: tuple[str, ...]
    patience_s: float

    @property
    def warm_s(self) -> float:
        """The length of a warm-up."""
        return max(1.0, self.seconds / 4)

    def session(self, system: str, cpus: int = 4) -> Session:
        """A session of that system, not yet started."""
        return Session(system, self.interpreters, cpus)

    def taking_part(self, *systems: str) -> list[str]:
        """Those of `systems` that were asked for."""
        return [system for system in systems if system in self.systems]

    def settle(self) -> None:
        """Wait for a quiet machine."""
        settle(self.patience_s)
