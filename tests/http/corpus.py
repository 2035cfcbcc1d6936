r"""The corpus: files `requests/NNN_name.http`, each one expectation line and then the raw bytes to send.

    # 200 400 close seen=1
    GET / HTTP/1.1\r\n          newlines of the file do not count; \r \n \t \0 \xNN are escapes
    X: {a*70000}\r\n            a text and how often it comes

Expected are the statuses in order, whether the connection is closed afterwards (`close`) or can be used on (`open`),
and how many requests replicas see (`seen=0-1`: at most one). `any` means one response with any of the statuses given.
`one-segment` keeps big input from being sent byte by byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "requests"


@dataclass(frozen=True)
class Case:
    """One case of the corpus."""

    name: str
    statuses: tuple[int, ...]
    closes: bool
    any_status: bool
    seen: range
    one_segment: bool
    data: bytes

    @property
    def methods(self) -> list[str]:
        """The methods of the requests, as far as they can be told."""
        return re.findall(r"([A-Z]+) \S* ?HTTP/", self.data.decode("latin-1")) or ["GET"]

    def segments(self, mode: str) -> list[bytes]:
        """The data as it is sent: in one segment, byte by byte or line by line."""
        if mode == "one":
            return [self.data]
        if mode == "lines":
            return [piece for piece in re.split(rb"(?<=\r\n)", self.data) if piece]
        return [self.data[at : at + 1] for at in range(len(self.data))]


def load() -> list[Case]:
    """All cases, by name."""
    return [_parse(path) for path in sorted(HERE.glob("*.http"))]


def _parse(path: Path) -> Case:
    first, _, rest = path.read_text(encoding="ascii").partition("\n")
    words = first.removeprefix("# ").split()
    statuses = tuple(int(word) for word in words if word.isdigit())
    few, _, many = next((word[5:] for word in words if word.startswith("seen=")), "0").partition("-")
    seen = range(int(few), int(many or few) + 1)
    text = re.sub(r"\{(.+?)\*(\d+)\}", lambda found: found[1] * int(found[2]), rest.replace("\n", ""))
    data = text.encode("ascii").decode("unicode_escape").encode("latin-1")
    return Case(path.stem, statuses, "close" in words, "any" in words, seen, "one-segment" in words, data)
