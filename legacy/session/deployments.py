"""Deployments on the core: one is a backend plus an endpoint of the same name in the same controller (Ray 1.3-2.6)."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import ray

from legacy import eras, settings
from legacy.config import BackendConfig, DeploymentMode, resolved_concurrency
from legacy.errors import DeadlineError
from legacy.generations import Generation
from legacy.handle import RayServeHandle
from legacy.records import BackendSpec, DeploymentInfo, Endpoint
from legacy.session.backend_specs import Backend, backend_spec, environment_of
from legacy.session.checks import checked_actor_options
from legacy.session.environment_transfer import with_environment
from legacy.session.instances import instances
from legacy.session.session import Session

OWN_METHODS = "__serve_"  # what the adapter adds to classes begins so


@dataclass(frozen=True)
class DeploymentRequest:
    """A deployment to put into force, unchecked except for its config.

    Attributes:
        target: the function or class; None for the code of `registered`.
        registered: what runs under some name already and is deployed again with its code and arguments.
        application: the graph it belongs to, see `Endpoint`.
    """

    name: str
    target: Any
    init_args: tuple[Any, ...]
    init_kwargs: dict[str, Any]
    config: BackendConfig
    actor_options: dict[str, Any] | None
    version: str | None = None
    prev_version: str | None = None
    route: str | None = None
    registered: BackendSpec | None = None
    application: str | None = None


def deploy(request: DeploymentRequest, blocking: bool) -> None:
    """Check the deployment, register it, and wait for its replicas if `blocking`; errors: see `Deployment.deploy`."""
    session = _session()
    spec = _spec(request)
    known = request.registered
    methods = _methods(request.target) if known is None else _known_methods(session, known.tag)
    endpoint = Endpoint(
        request.name, request.route, (), {request.name: 1.0}, generation=spec.generation,
        python_methods=methods, application=request.application,
    )  # fmt: skip
    timeout_s = settings.load().start_timeout_s
    located = with_environment(spec, session.ask)
    session.command("deploy", located, endpoint, request.prev_version, blocking, timeout_s=timeout_s)


def delete(name: str) -> None:
    """Unregister a deployment and wait until its replicas are gone, else TimeoutError; an unknown one is fine."""
    try:
        _session().command("delete_deployment", name)
    except DeadlineError as error:
        raise TimeoutError(f"deployment {name!r} could not be deleted: {error}") from None


def move_route(route: str | None, old: str, new: str) -> None:
    """Give a route from one deployment to another that has none; no request in between goes without."""
    _session().command("move_route", route, old, new)


def get(name: str) -> DeploymentInfo | None:
    """What runs under that name; None for nothing."""
    info: DeploymentInfo | None = _session().ask("get_deployment", name)
    return info


def list_all() -> dict[str, DeploymentInfo]:
    """Everything that runs, by name."""
    found: dict[str, DeploymentInfo] = _session().ask("list_deployments")
    return found


def statuses() -> dict[str, tuple[str, str]]:
    """name -> (UPDATING, HEALTHY or UNHEALTHY; why)."""
    found: dict[str, tuple[str, str]] = _session().ask("deployment_statuses")
    return found


def handle(name: str, sync: bool) -> RayServeHandle:
    """The handle to a deployment, which may come later; the same object for the same question."""
    return _session().deployment_handle(_generation(), name, sync)


def root_url() -> str | None:
    """Where the instance's HTTP routes begin, without slash at the end; None when there is no HTTP server."""
    options = _session().http_options()
    if options.root_url:
        return options.root_url.rstrip("/")
    if options.location is DeploymentMode.NoServer:
        return None
    return f"http://{options.host}:{options.port}{options.root_path.rstrip('/')}"


def _session() -> Session:
    session = instances.current()
    session.used.add(_generation())
    return session


def _generation() -> Generation:
    return eras.chosen().deployments


def _spec(request: DeploymentRequest) -> BackendSpec:
    generation = _generation()
    options = with_job_environment(request.actor_options, _job_environment())
    if request.registered is None:
        backend = Backend(
            request.name, request.target, request.init_args, options, request.config, None, request.init_kwargs
        )
        return replace(backend_spec(generation, backend), version=request.version)
    known = request.registered
    checked = checked_actor_options(options, generation)
    config = request.config.updated({"internal_metadata": known.config.internal_metadata})
    config.max_concurrent_queries = resolved_concurrency(config, generation.default_concurrency, is_async=False)
    return replace(
        known,
        tag=request.name,
        config=config,
        actor_options=checked,
        # unless it is another one, it lies where the program was that deployed it first
        environment=known.environment if checked == known.actor_options else environment_of(checked),
        generation=generation,
        version=request.version,
    )


def with_job_environment(options: dict[str, Any] | None, job: dict[str, Any]) -> dict[str, Any] | None:
    """Actor options whose replicas find what the deploying job's `runtime_env` brings (Ray 1.13).

    The controller may belong to another job, so replicas would not inherit it by themselves.

    Args:
        options: ray_actor_options as given; not changed.
        job: the runtime_env of the job that deploys.
    """
    # Ray takes a set-up hook for whole jobs only.
    brought = {key: value for key, value in job.items() if key != "worker_process_setup_hook"}
    if not brought or not (options is None or isinstance(options, dict)):
        return options
    own = (options or {}).get("runtime_env")
    if not own:
        return {**(options or {}), "runtime_env": brought}
    if "working_dir" in own or "working_dir" not in brought:
        return options
    return {**(options or {}), "runtime_env": {**own, "working_dir": brought["working_dir"]}}


def _job_environment() -> dict[str, Any]:
    return dict(ray.get_runtime_context().runtime_env or {})


def _methods(target: Any) -> tuple[str, ...]:
    if not inspect.isclass(target):
        return ()
    found = (name for name, _ in inspect.getmembers(target, inspect.isfunction))
    return tuple(sorted(name for name in found if not name.startswith(OWN_METHODS)))


def _known_methods(session: Session, name: str) -> tuple[str, ...]:
    endpoints: dict[str, Endpoint] = session.ask("list_endpoints")
    return endpoints[name].python_methods if name in endpoints else ()
