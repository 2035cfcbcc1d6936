"""The controllers that run in this cluster: the names they go by, and which of them are ours.

Stock Ray Serve gives its controller the name that the old releases gave theirs. It is ours, too, since programs look it
up. So whatever holds a name is looked at before it is used or ended: ours has a method that no other has, and every
handle knows its actor's methods from the moment on at which the name is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ray
import ray.util

from legacy import cluster, settings
from legacy.constants import BESIDE_STOCK_NAME, CONTROLLER_NAME
from legacy.errors import InstanceError
from legacy.records import InstanceName

MARK = "serve_compat_instance"  # the method of ours
_UP = "/instances/"  # no Ray namespace is empty, so that this is nobody's part of the store

_OTHERS = "stock Ray Serve's or another program's"


def detached_names() -> list[str]:
    """What a detached instance may be called here, the first choice first; the next where another program has that.

    Raises:
        ValueError: SERVE_COMPAT_CONTROLLER_NAME is no name for one.
    """
    given = settings.load().controller_name
    if ":" in given:
        raise ValueError(
            f"SERVE_COMPAT_CONTROLLER_NAME={given!r}: a colon is in the names of instances that end with their driver; "
            f"take a name without one, such as {BESIDE_STOCK_NAME}"
        )
    return list(dict.fromkeys([given or CONTROLLER_NAME, BESIDE_STOCK_NAME]))


def is_ours(actor: Any) -> bool:
    """Whether a handle is that of a controller of this project."""
    return MARK in dir(actor)


def holder(name: InstanceName) -> Any | None:
    """The handle of the actor that has this name, whoever's it is."""
    try:
        return ray.get_actor(name.controller, namespace=name.namespace)
    except ValueError:
        return None


def find(name: InstanceName) -> Any:
    """The handle of a running controller of ours; InstanceError when there is none of that name."""
    found = holder(name)
    if found is not None and is_ours(found):
        return found
    what = f"no serve instance {name.controller!r} runs in Ray namespace {name.namespace!r}"
    if found is not None:
        raise InstanceError(
            f"{what}: the actor of that name is {_OTHERS}; serve.start(detached=True) starts one beside it"
        )
    raise InstanceError(
        f"{what}; start one with serve.start(detached=True), or connect Ray to the cluster and namespace it runs in"
    )


def has_ended(name: InstanceName) -> InstanceError:
    """The error for an instance that was shut down, or whose cluster was."""
    return InstanceError(f"serve instance {name.controller!r} has already been shut down; serve.start() a new one")


def find_detached(namespace: str) -> tuple[InstanceName, Any] | None:
    """The name and the controller of the detached instance of a Ray namespace."""
    for name in _perhaps_detached(namespace):
        actor = holder(name)
        if actor is not None and is_ours(actor):
            return name, actor
    return None


def others_in(namespace: str) -> str:
    """That another program has a name of ours in this Ray namespace, to be appended to an error; or nothing."""
    held = [name for name in detached_names() if holder(InstanceName(name, namespace)) is not None]
    return f" (the actor {' and '.join(held)} there is {_OTHERS})" if held else ""


def is_up(name: InstanceName, actor: Any) -> bool:
    """Whether the instance of that name and controller was ready once."""
    return cluster.kv_get(announcement_key(name)) == announcement(name, cluster.actor_id(actor))


def announcement_key(name: InstanceName) -> str:
    """Where an instance writes into the store that it is up, for others to find."""
    return f"{_UP}{name.namespace}/{name.controller}"


def announcement(name: InstanceName, actor_id: str) -> bytes:
    """What it writes there. The id of its controller tells it from one of that name which was killed before."""
    return json.dumps([name, actor_id]).encode()


def running() -> tuple[list[InstanceName], list[InstanceName]]:
    """Our controllers in the whole cluster, and whatever else goes by such a name."""
    known = {*detached_names(), CONTROLLER_NAME}
    announced = set(_announced(""))
    ours: list[InstanceName] = []
    others: list[InstanceName] = []
    for row in ray.util.list_named_actors(all_namespaces=True):
        name = InstanceName(row["name"], row["namespace"])
        if name.controller in known or name.controller.endswith(f":{CONTROLLER_NAME}") or name in announced:
            actor = holder(name)
            if actor is not None:  # it may have ended meanwhile
                (ours if is_ours(actor) else others).append(name)
    return ours, others


def _perhaps_detached(namespace: str) -> Iterator[InstanceName]:
    for controller in detached_names():
        yield InstanceName(controller, namespace)
    if not settings.load().controller_name:  # who names it means that one; others take what is there
        for name in _announced(f"{namespace}/"):
            if name.namespace == namespace and not name.must_be_said:
                yield name


def _announced(prefix: str) -> Iterator[InstanceName]:
    for key in cluster.kv_keys(_UP + prefix):
        value = cluster.kv_get(key)
        if value is not None:  # it may have ended meanwhile
            name, _ = json.loads(value)
            yield InstanceName(*name)
