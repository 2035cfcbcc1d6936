"""A program outside the cluster packs its environment itself and sends it in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayTaskError

from legacy import cluster, settings
from legacy.environments import cache as caches
from legacy.environments.archive import Archive
from legacy.environments.job import Job
from legacy.environments.local import local_archive
from legacy.environments.origin import Offer, Origin
from legacy.environments.ship import WINDOW
from legacy.errors import EnvironmentFailedError
from legacy.records import BackendSpec
from legacy.session.terminal import show


def with_environment(spec: BackendSpec, ask: Callable[[str], Any]) -> BackendSpec:
    """A backend's spec whose conda environment the cluster can reach: on this node, or sent into the cluster.

    Args:
        ask: puts a question to the controller.

    Raises:
        EnvironmentFailedError: it cannot be packed or sent.
    """
    origin = spec.environment
    if origin is None or origin.node_id:
        return spec
    if not cluster.is_remote_driver():
        return replace(spec, environment=replace(origin, node_id=cluster.this_node()))
    node_id, agent = ask("upload_agent")
    return replace(spec, environment=sent(origin, node_id, agent))


def sent(origin: Origin, node_id: str, agent: Any) -> Origin:
    """Pack an environment of this machine and send it to a node that lacks it. Errors as `with_environment`."""
    given = settings.load()
    label = origin.wanted.label
    job = Job(label, given.environment_timeout_s, lambda said: show(f"environment: {said}"))
    archive = local_archive(origin.wanted, caches.from_settings(given), job, origin.lookup_paths)
    offer = Offer(archive.digest, archive.size)
    try:
        if ray.get(agent.receive.remote(label, offer), timeout=given.call_timeout_s):
            _send(archive, agent, job)
        show("")
    except GetTimeoutError:
        raise EnvironmentFailedError(
            f"environment {label}: it was not sent within {given.environment_timeout_s:g} s; give it more time with "
            "SERVE_COMPAT_ENVIRONMENT_TIMEOUT_S"
        ) from None
    except RayTaskError as error:
        raise EnvironmentFailedError(f"environment {label} could not be sent: {error.cause or error}") from None
    wanted = replace(origin.wanted, kind="archive", value="")
    return replace(origin, wanted=wanted, node_id=node_id, uploaded=offer, packages="")


def _send(archive: Archive, agent: Any, job: Job) -> None:
    coming: deque[Any] = deque()
    for number, piece in enumerate(archive.chunks()):
        job.step("sending", number * len(piece) / archive.size)
        coming.append(agent.take.remote(archive.digest, number, piece))
        if len(coming) >= WINDOW:
            ray.get(coming.popleft(), timeout=job.left())
    ray.get(list(coming), timeout=job.left())  # Ray may bring the last call, which is small, before these
    ray.get(agent.received.remote(archive.digest), timeout=job.left())
