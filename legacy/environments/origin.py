"""Where an environment comes from: what a backend's record says about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from legacy.environments.lookup import LookupPaths
from legacy.environments.wanted import Wanted


@dataclass(frozen=True)
class Offer:
    """A packed environment that nodes can fetch.

    Attributes:
        digest: SHA-256 of the archive, in hex.
        size: of the archive, in bytes.
    """

    digest: str
    size: int


@dataclass(frozen=True)
class Prepared:
    """What became of an environment on a node.

    Attributes:
        error: why replicas cannot start in it there; "" when they can.
        as_it_is: processes of that node run in it already.
    """

    error: str = ""
    as_it_is: bool = False


@dataclass(frozen=True)
class Origin:
    """An environment and the node that has it or can make it.

    Attributes:
        wanted: kind "prefix", "spec" or "archive".
        node_id: the node on which the program runs that asked for it.
        lookup_paths: what that program knew about conda.
        implied: the program did not name it: it is the one the program itself runs in.
        packages: `package_fingerprint` of an implied one; a node where it is the same needs nothing sent.
        uploaded: the archive, when the program runs outside the cluster and has sent it to that node.
    """

    wanted: Wanted
    node_id: str = ""
    lookup_paths: LookupPaths = field(default_factory=LookupPaths)
    implied: bool = False
    packages: str = ""
    uploaded: Offer | None = None

    @property
    def key(self) -> str:
        """Names this environment among those of an instance; the same content from the same node has the same key."""
        where = self.uploaded.digest if self.uploaded else f"{self.node_id}\0{self.wanted.kind}\0{self.wanted.value}"
        parts = (where, *self.wanted.pip, *((self.wanted.label,) if self.wanted.kind == "prefix" else ()))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
