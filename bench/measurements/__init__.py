"""The measurements: each is a function (round, context) -> samples; the registry says in which order they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.context import Context
from bench.measurements.control import measure_control
from bench.measurements.deployments import measure_deployments
from bench.measurements.handles import measure_handles
from bench.measurements.http import measure_http
from bench.measurements.rolling import measure_rolling
from bench.measurements.routing import measure_endpoints, measure_routing
from bench.measurements.startup import measure_startup
from bench.values import Sample

Measurement = Callable[[int, Context], Iterator[Sample]]

MEASUREMENTS: dict[str, Measurement] = {
    "http": measure_http,
    "handles": measure_handles,
    "endpoints": measure_endpoints,
    "routing": measure_routing,
    "deployments": measure_deployments,
    "rolling": measure_rolling,
    "startup": measure_startup,
    "control": measure_control,
}
