"""The running instance that the verbs work on. Imports Ray, which takes a second: loaded only when a verb runs."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import ray

from legacy import cluster, controllers
from legacy.client import Client
from legacy.errors import InstanceError
from legacy.http_options import DeploymentMode
from legacy.session.session import Session
from serve_compat.operations.arguments import choose_instance

PROBE_S = 5.0


class Instance(Client):
    """What an operator asks and orders, in words of the verbs.

    Every method raises the controller's own errors: ValueError, TypeError, RayServeException.

    Args:
        session: the connection to the instance.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._where = {"instance": session.name.controller, "namespace": session.name.namespace}
        self._url: str | None = None
        self._asked = False

    def status(self) -> dict[str, Any]:
        """The controller's report, with "instance", "namespace" and "url" (None without HTTP) in front."""
        if not self._asked:
            options = self._session.http_options()
            if options.location is not DeploymentMode.NoServer:
                self._url = options.root_url or f"http://{options.host}:{options.port}{options.root_path}"
            self._asked = True
        return {**self._where, "url": self._url, **self._session.status()}

    shadow = Client.shadow_traffic

    def scale(self, backend: str, replicas: int) -> None:
        """Change the number of replicas and wait until they run."""
        self.update_backend_config(backend, {"num_replicas": replicas})

    def delete(self, kind: str, name: str) -> None:
        """Unregister an endpoint, a backend or a deployment and wait until it is gone."""
        if kind == "endpoint":
            self.delete_endpoint(name)
        elif kind == "backend":
            self.delete_backend(name)
        else:
            self._session.command("delete_deployment", name)


@contextlib.contextmanager
def connected(address: str, namespace: str | None, name: str | None) -> Iterator[Instance]:
    """The instance of a running cluster; a connection that was made for it ends with the block.

    Args:
        address: as `ray.init` takes it.
        namespace: the Ray namespace to look in; None for all.
        name: the controller's name; None for the detached instance.

    Raises:
        InstanceError: there is no such cluster, or no such instance in it.
    """
    ours = not ray.is_initialized()
    if ours:
        _connect(address)
    try:
        yield _found(namespace, name)
    finally:
        if ours:
            ray.shutdown()


def _connect(address: str) -> None:
    try:
        _probe(cluster.running_cluster(address))
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, namespace="serve_compat_operations")
    except (OSError, RuntimeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InstanceError(
            f"no Ray cluster answers at {address!r} ({reason}); give the address of the one that runs with --address"
        ) from None


def _probe(place: str | None) -> None:
    """Raise OSError when nobody listens there: `ray.init` would go on trying for many minutes."""
    if place is None:
        raise ConnectionError("none runs on this machine")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), PROBE_S):
        pass


def _found(namespace: str | None, name: str | None) -> Instance:
    ours, others = controllers.running()
    chosen = choose_instance(ours, others, namespace, name, controllers.detached_names()[0])
    if isinstance(chosen, str):
        raise InstanceError(chosen)
    return Instance(Session(controllers.find(chosen), chosen, owned=False, detached=not chosen.must_be_said))
