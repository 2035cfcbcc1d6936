"""What makes one serve instance the same one after its controller restarted."""

from __future__ import annotations

from dataclasses import dataclass

from legacy.http_options import HTTPOptions
from legacy.records import InstanceName

STOP_S = 5.0  # how long one of its actors may take to close what it has open


@dataclass(frozen=True)
class InstanceStart:
    """How an instance was started: the controller actor's only argument, so Ray hands it to every restart.

    Attributes:
        options: HTTPOptions without middlewares, which only proxies may unpickle.
        options_blob: cloudpickle of the whole HTTPOptions, for the proxies.
        secret: proves to a replica's TCP port that the caller is a router of this instance.
        socket_dir: the private directory of the replicas' sockets, the same path on every node.
        owner_job: the Ray job whose end shuts the instance down; None for a detached instance.
        start_timeout_s: seconds a replica's placement and constructor may take.
    """

    name: InstanceName
    options: HTTPOptions
    options_blob: bytes
    secret: str
    socket_dir: str
    owner_job: str | None
    start_timeout_s: float
