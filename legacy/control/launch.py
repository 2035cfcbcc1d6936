"""Starting the controller of a new instance."""

from __future__ import annotations

import os
import secrets
from typing import Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from legacy import cluster
from legacy.control.controller import ServeController
from legacy.control.instance import InstanceStart
from legacy.errors import NameTakenError
from legacy.http_options import HTTPOptions
from legacy.records import InstanceName
from legacy.replica.server import DIRECTORY_PREFIX
from legacy.settings import load


def start_controller(name: InstanceName, detached: bool, options: HTTPOptions, dedicated_cpu: bool) -> Any:
    """Make the controller actor of a new instance on the head node; its `ready` tells when HTTP is up.

    Args:
        detached: the instance outlives this driver; else it shuts itself down when the driver's job is over.
        dedicated_cpu: reserve one CPU for the controller (Ray 1.4+).

    Returns:
        The actor's handle.

    Raises:
        NameTakenError: another actor has the name.
    """
    settings = load()
    secret = secrets.token_hex(16)
    start = InstanceStart(
        name=name,
        options=options.model_copy(update={"middlewares": []}),
        options_blob=cloudpickle.dumps(options),
        secret=secret,
        socket_dir=os.path.join(settings.run_dir, DIRECTORY_PREFIX + secrets.token_hex(4)),
        owner_job=None if detached else ray.get_runtime_context().get_job_id(),
        start_timeout_s=settings.start_timeout_s,
    )
    head = cluster.living_nodes()[0].node_id
    # Detached for Ray in either case: the controller must see its driver's end to stop what it started.
    actor = ray.remote(ServeController).options(
        name=name.controller,
        namespace=name.namespace,
        lifetime="detached",
        max_restarts=-1,
        max_task_retries=-1,
        max_concurrency=100_000,
        num_cpus=1 if dedicated_cpu else 0,
        scheduling_strategy=NodeAffinitySchedulingStrategy(head, soft=False),
    )
    try:
        made = actor.remote(start)
        cluster.actor_id(made)  # what prevents it is known by now, also through Ray's client
    except ValueError as error:  # in all releases of Ray
        raise NameTakenError(
            f"the name {name.controller!r} is taken in Ray namespace {name.namespace!r}: {error}"
        ) from None
    return made
