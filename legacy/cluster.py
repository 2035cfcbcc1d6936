"""The only file that touches Ray's non-public parts: the GCS key-value store, the node and job tables, namespaces."""

from __future__ import annotations

import concurrent.futures
import gc
import signal
import threading
from dataclasses import dataclass
from typing import Any

import ray
from ray import _raylet as _ray_core
from ray._private import ray_constants as _ray_constants
from ray._private import services as _ray_services
from ray._private import state as _ray_state
from ray._private import utils as _ray_utils
from ray._private import worker as _ray_worker
from ray.experimental import internal_kv
from ray.util import client as _ray_client

from legacy import settings
from legacy.constants import SHARED_NAMESPACE

ANONYMOUS_LENGTH = 36  # Ray names an anonymous namespace by a UUID

SETUP_HOOK_VARIABLE = _ray_constants.WORKER_PROCESS_SETUP_HOOK_ENV_VAR  # what Ray makes of a job's set-up hook

LATE_THREADS = ("event_engine", "grpc_global_tim", "timer_manager")  # native ones that Ray starts when it needs them

_KV_NAMESPACE = b"serve_compat"


@dataclass(frozen=True)
class Node:
    """One living node of the cluster."""

    node_id: str
    address: str
    is_head: bool
    total: dict[str, float]


def job_namespace() -> str:
    """The Ray namespace of this job, SHARED_NAMESPACE for one without a name, so that such jobs find each other's."""
    own = ray.get_runtime_context().namespace
    anonymous = len(own) == ANONYMOUS_LENGTH and own.count("-") == 4
    return SHARED_NAMESPACE if anonymous else own


def let_python_heed_sigterm() -> None:
    """Leave this driver all the time it needs for an orderly end after a SIGTERM. Only in the main thread.

    Ray puts a handler of its own in front of Python's, which aborts the process 3 s later, whatever it does by then.
    Python's, which Ray has set too, ends it by SystemExit.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if callable(handler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def asks_for_tokens() -> bool:
    """Whether this process is set to ask for a token whoever connects to it, and to show one itself."""
    return settings.load().auth_mode.lower() == "token"


def forget_tokens() -> None:
    """Let the next `ray.init()` decide about tokens as the first of a process does. Only while not connected.

    For a cluster of its own Ray switches them on in the environment, and leaves them on. A cluster without them that is
    joined afterwards is not let in when it asks this process which actors it still holds, takes that for none, and ends
    each actor that this process starts: "all references to the actor were removed", before it ever ran.
    """
    core: Any = _ray_core
    settings.forget("auth_mode")
    if hasattr(core, "AuthenticationTokenLoader"):  # not in all releases of Ray
        core.Config.initialize("")  # both keep what they have read; in this order, since the second asks the first
        core.AuthenticationTokenLoader.instance().reset_cache()


def started_here() -> bool:
    """Whether this driver started the cluster, which then ends with it."""
    node = _ray_worker._global_node
    return node is not None and bool(node.is_head())


def living_nodes() -> list[Node]:
    """All living nodes, the head first."""
    found = [
        Node(
            node_id=row["NodeID"],
            address=row["NodeManagerAddress"],
            is_head="node:__internal_head__" in row["Resources"],
            total=dict(row["Resources"]),
        )
        for row in ray.nodes()
        if row["Alive"]
    ]
    return sorted(found, key=lambda node: (not node.is_head, node.node_id))


def available_per_node() -> dict[str, dict[str, float]]:
    """node id -> resources that are free right now, as last reported to the GCS."""
    return {str(node): dict(free) for node, free in _ray_state.available_resources_per_node().items()}


def actor_id(actor: Any) -> str:
    """The id (hex) of an actor; through Ray's client this waits until it is made, and raises what prevents that."""
    return str(actor._actor_id.hex())


def this_actor() -> str:
    """The id (hex) of the actor that this process runs."""
    return str(ray.get_runtime_context().get_actor_id())


def waits_for_room(actor: Any) -> bool:
    """Whether an actor has not begun on any node yet."""
    found = _ray_state.actors(actor_id=actor_id(actor))
    return str(found.get("State", "")) in ("DEPENDENCIES_UNREADY", "PENDING_CREATION")


def this_node() -> str:
    """The id of the node that this process runs on."""
    return str(ray.get_runtime_context().get_node_id())


def owes_a_future() -> bool:
    """Whether a thread of this process may wait for Ray to fulfil an `ObjectRef.future()`. Looks at every object."""
    # type() and not isinstance(): some objects say of which class they are by running code of their own
    futures = [each for each in gc.get_objects() if issubclass(type(each), concurrent.futures.Future)]
    return any(hasattr(each, "object_ref") and not each.done() for each in futures)


def connection() -> object | None:
    """Stands for this process's connection to a cluster: None for none, another one after each `ray.init()`.

    Every handle call asks, and asks nobody else.
    """
    return _ray_worker.global_worker.node or _ray_client.ray.get_context().client_worker


def is_remote_driver() -> bool:
    """Whether this process drives the cluster from outside, through Ray Client."""
    return bool(_ray_client.ray.is_connected())


def job_is_over(job_id: str) -> bool:
    """Whether the job (hex id) has ended: its driver left, cleanly or not."""
    return any(row["JobID"] == job_id and row["IsDead"] for row in _ray_state.jobs())


def running_cluster(address: str) -> str | None:
    """The host and port of the cluster that an address of `ray.init` means, as far as this machine can tell.

    Args:
        address: "auto" is the cluster of RAY_ADDRESS or of this machine.

    Returns:
        "host:port"; None when "auto" finds none.
    """
    if address.startswith("ray://"):
        return address.removeprefix("ray://")
    found: str | None = _ray_services.canonicalize_bootstrap_address(address)
    return found


def is_found() -> bool:
    """Whether `ray.init()` without an address would join a cluster that runs already."""
    try:
        return _ray_services.canonicalize_bootstrap_address(None) is not None
    except ValueError:  # RAY_ADDRESS is one of Ray's client, ray://...
        return True


def has_dashboard() -> bool:
    """Whether Ray's dashboard is installed; it is an extra of today's Ray."""
    missing = getattr(_ray_utils, "get_dashboard_dependency_error", None)  # not in all releases of Ray
    return missing is None or missing() is None


def kv_put(key: str, value: bytes) -> None:
    """Write durably to the GCS; returns when the write is done."""
    internal_kv._internal_kv_put(key.encode(), value, overwrite=True, namespace=_KV_NAMESPACE)


def kv_get(key: str) -> bytes | None:
    """The value, or None when the key does not exist."""
    return internal_kv._internal_kv_get(key.encode(), namespace=_KV_NAMESPACE)


def kv_delete(key: str) -> None:
    """Remove a key; a key that does not exist is fine."""
    internal_kv._internal_kv_del(key.encode(), namespace=_KV_NAMESPACE)


def kv_keys(prefix: str) -> list[str]:
    """All keys that begin with `prefix`."""
    return [key.decode() for key in internal_kv._internal_kv_list(prefix.encode(), namespace=_KV_NAMESPACE)]


def exit_this_actor() -> None:
    """End the actor this is called in, for good, even when it may restart. Does not return."""
    ray.kill(ray.get_runtime_context().current_actor, no_restart=True)
