"""The systems under test: each is a program of its own, started by bench.session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Spec:
    """How to start a system.

    Attributes:
        title: its name in tables.
        module: the program.
        environment: which virtual environment it runs in, the project's or the peers'.
        variables: extra environment variables; "{scratch}" stands for a private empty directory.
    """

    title: str
    module: str
    environment: Literal["project", "peers"]
    variables: dict[str, str] = field(default_factory=dict)


_HAPROXY = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "{scratch}/haproxy.cfg",
    "RAY_SERVE_HAPROXY_SOCKET_PATH": "{scratch}/admin.sock",
    "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": "{scratch}/metrics.sock",
    "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": "{scratch}",
    "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "{scratch}/server-state",
}

SPECS: dict[str, Spec] = {
    "serve-compat": Spec("serve-compat", "bench.systems.ours", "project"),
    "ray-serve": Spec("Ray Serve", "bench.systems.ray_serve", "peers"),
    "ray-serve-haproxy": Spec("Ray Serve, HAProxy", "bench.systems.ray_serve", "peers", _HAPROXY),
    "ray-serve-throughput": Spec(
        "Ray Serve, HAProxy + throughput",
        "bench.systems.ray_serve",
        "peers",
        {**_HAPROXY, "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"},
    ),
    "fastapi-behind-proxy": Spec("FastAPI on uvicorn, our proxy", "bench.systems.fastapi_behind_proxy", "project"),
    "uvicorn": Spec("bare uvicorn", "bench.systems.bare_uvicorn", "peers"),
    "raw-actor": Spec("raw Ray actor", "bench.systems.raw_actor", "peers"),
}
