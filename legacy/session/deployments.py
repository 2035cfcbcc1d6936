"""Deployments on the core: one is a backend plus an endpoint of the same name in the same controller (Ray 1.3-2.6)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ray

from legacy import eras, settings
from legacy.config import BackendConfig, resolved_concurrency
from legacy.errors import DeadlineError
from legacy.generations import Generation
from legacy.handle import RayServeHandle
from legacy.http_options import DeploymentMode
from legacy.large_code import LargeCode
from legacy.records import BackendSpec, DeploymentInfo, Endpoint
from legacy.replica.code_pickle import unpacked
from legacy.session.backend_specs import Backend, backend_spec, environment_of
from legacy.session.checks import checked_actor_options, warn_of_own_page
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
    """Check the deployment, register it, and wait for its replicas if `blocking`; errors: see `Deployment.deploy`.

    In Ray 2.x another deployment may have the route: it answers until this one can, and has none then.
    """
    wanted = endpoint_of(request.name, request.route, request.application)
    running = endpoints() if wanted.generation.newest_has_route and wanted.route is not None else {}
    former = displaced(running, wanted)
    if former is None:
        _register(request, blocking)
        return
    own = running.get(request.name)
    _register(replace(request, route=None if own is None else own.route), blocking)
    set_routes({former: None, request.name: request.route})


def displaced(running: Mapping[str, Endpoint], newest: Endpoint) -> str | None:
    """The deployment that gives up its route to a new one (Ray 2.x); None where none does, and the route is refused.

    Applications with names are those of Ray 2.3, whatever else is known about the program.
    """
    for name, other in running.items():
        is_2_x = newest.generation.newest_has_route or bool(newest.application or other.application)
        same = (other.route, other.matching) == (newest.route, newest.matching) and newest.matching == "prefix"
        if is_2_x and same and newest.route is not None and name != newest.name:
            return name
    return None


def _register(request: DeploymentRequest, blocking: bool) -> None:
    session = _session()
    warn_of_own_page(request.name, request.route)
    spec = _spec(request)
    known = request.registered
    methods = _methods(request.target) if known is None else _known_methods(session, known.tag)
    endpoint = replace(endpoint_of(request.name, request.route, request.application), python_methods=methods)
    timeout_s = settings.load().start_timeout_s
    located = with_environment(spec, session.ask)
    session.command("deploy", located, endpoint, request.prev_version, blocking, timeout_s=timeout_s)


def endpoint_of(name: str, route: str | None, application: str | None) -> Endpoint:
    """The endpoint that a deployment of that name gets when it is deployed now."""
    return Endpoint(name, route, (), {name: 1.0}, generation=_generation(), application=application)


def delete(name: str) -> None:
    """Unregister a deployment and wait until its replicas are gone, else TimeoutError; an unknown one is fine."""
    try:
        _session().command("delete_deployment", name)
    except DeadlineError as error:
        raise TimeoutError(f"deployment {name!r} could not be deleted: {error}") from None


def set_routes(routes: Mapping[str, str | None]) -> None:
    """Give deployments other routes, None for none, in one step: no request in between goes without."""
    _session().command("set_routes", dict(routes))


def get(name: str) -> DeploymentInfo | None:
    """What runs under that name; None for nothing."""
    info: DeploymentInfo | None = _session().ask("get_deployment", name)
    return info


def code_of(spec: BackendSpec) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The function or class that was deployed, and its constructor's arguments; large code is fetched for this."""
    code = spec.code
    if isinstance(code, LargeCode) and code.ref is None:
        code = _session().ask("large_code", code)
    return unpacked(ray.get(code.ref) if isinstance(code, LargeCode) else code)


def list_all() -> dict[str, DeploymentInfo]:
    """Everything that runs, by name."""
    found: dict[str, DeploymentInfo] = _session().ask("list_deployments")
    return found


def names() -> set[str]:
    """The names of all that is deployed."""
    return set(_session().ask("list_backends"))


def endpoints() -> dict[str, Endpoint]:
    """Every endpoint by name: those of deployments, which have their names, and others."""
    found: dict[str, Endpoint] = _session().ask("list_endpoints")
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
