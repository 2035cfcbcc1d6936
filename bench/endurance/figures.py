"""What a long run found, as rows of a table, and what processes use. No promises about machines, only bounds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Figure:
    """One measured value beside the bound that was wanted of it."""

    name: str
    value: str
    wanted: str
    held: bool

    def row(self) -> str:
        """A row of the report's table."""
        return f"| {self.name} | {self.value} | {self.wanted} | {'yes' if self.held else 'NO'} |"


def at_most(name: str, value: float, bound: float, unit: str = "") -> Figure:
    """A value that must not be above a bound."""
    return Figure(name, f"{value:.4g}{unit}", f"<= {bound:g}{unit}", value <= bound)


def at_least(name: str, value: float, bound: float, unit: str = "") -> Figure:
    """A value that must not be below a bound."""
    return Figure(name, f"{value:.4g}{unit}", f">= {bound:g}{unit}", value >= bound)


def p99(values: Sequence[float]) -> float:
    """The 99th percentile; of few values the greatest, of none infinity."""
    return max(values, default=float("inf")) if len(values) < 100 else statistics.quantiles(values, n=100)[-1]


def memory(pid: int, field: str = "VmRSS") -> int:
    """Resident memory of a process in bytes; field "VmHWM" is its peak since `forget_peaks`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def forget_peaks(pids: Iterable[int]) -> dict[int, int]:
    """Start the peaks of these processes anew; gives their memory now."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return {pid: memory(pid) for pid in pids}


def growth(before: dict[int, int]) -> float:
    """By how many MiB the peak of any of these processes exceeds what it had before."""
    return max(memory(pid, "VmHWM") - had for pid, had in before.items()) / MIB


def open_files(pid: int) -> int:
    """How many file descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
