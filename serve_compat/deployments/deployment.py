"""`@serve.deployment` and the object it makes (Ray 1.3-2.6)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from legacy import eras
from legacy.handle import RayServeHandle
from legacy.records import BackendSpec, DeploymentInfo
from legacy.session import deployments
from legacy.session.deployments import DeploymentRequest
from serve_compat.deployments import options as table
from serve_compat.graph.nodes import Bindable
from serve_compat.names.teaching import refuse_member

LEGACY_VERSION = "__serve_version__"
"""What `version` says of a backend that was made by `create_backend` (Ray 1.4)."""


class Deployment(Bindable):
    """A function or class with everything needed to serve it. Made by `@serve.deployment`; knows no cluster.

    Attributes are read-only; `options()` makes a changed copy, `deploy()` puts it into force.
    """

    __hash__ = None  # type: ignore[assignment]

    _target: Any
    _options: dict[str, Any]
    _registered: BackendSpec | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a Deployment is made by @serve.deployment, not by calling its class")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Deployments cannot be constructed directly. Use `deployment.deploy() instead.` "
            f"The class or function itself is {self.name}.func_or_class"
        )

    # what it is

    @property
    def name(self) -> str:
        """The name it is deployed under."""
        name: str = self._options["name"]
        return name

    @property
    def version(self) -> str | None:
        """The version; None means that every `deploy()` replaces the replicas."""
        return self._get("version")

    @property
    def prev_version(self) -> str | None:
        """The version that must run when it is deployed, if any (Ray 1.4-1.13)."""
        return self._get("prev_version")

    @property
    def func_or_class(self) -> Any:
        """The function or class itself."""
        return self._target if self._registered is None else deployments.code_of(self._registered)[0]

    @property
    def num_replicas(self) -> int:
        """How many processes serve it; for a deployment that scales by itself and was looked up: right then."""
        return int(self._get("num_replicas"))

    @property
    def user_config(self) -> Any:
        """What its `reconfigure` gets."""
        return self._get("user_config")

    @property
    def max_concurrent_queries(self) -> int:
        """How many queries each router has in flight per replica."""
        return int(self._get("max_concurrent_queries"))

    @property
    def route_prefix(self) -> str | None:
        """The HTTP path it answers, with everything below it; None for no HTTP.

        `/<name>` when none was given, which reads as None in Ray 1.4.
        """
        unset = "route_prefix" not in self._options and eras.chosen().deployments.no_prefix_is_default
        return None if unset else self._prefix

    @property
    def ray_actor_options(self) -> dict[str, Any] | None:
        """The resources of each replica."""
        return self._get("ray_actor_options")

    @property
    def init_args(self) -> tuple[Any, ...]:
        """The constructor's positional arguments when `deploy()` gets none."""
        return self._arguments()[0]

    @property
    def init_kwargs(self) -> dict[str, Any]:
        """The constructor's keyword arguments when `deploy()` gets none."""
        return self._arguments()[1]

    @property
    def url(self) -> str | None:
        """Its HTTP address; None without a route or an HTTP server, RayServeException without a serve instance."""
        root = deployments.root_url()
        return None if root is None or self._prefix is None else root + self._prefix

    # changed copies

    def options(self, func_or_class: Callable[..., Any] | None = None, **changes: Any) -> Deployment:
        """A copy with other options; None keeps what is there, except for route_prefix.

        Args:
            func_or_class: other code.
            changes: any option of `@serve.deployment`.

        Raises:
            TypeError, ValueError: as `@serve.deployment`.
        """
        changed = _made(self._target, self._options, self._registered)
        changed.set_options(func_or_class, **changes)
        return changed

    def set_options(self, func_or_class: Callable[..., Any] | None = None, **changes: Any) -> None:
        """The same as `options`, but changes this very object (Ray 1.12+)."""
        target = changes.pop("backend_def", func_or_class)  # its name in Ray 1.3-1.4
        checked = table.checked(changes)
        moved = target is not None or "init_args" in checked or "init_kwargs" in checked
        if self._registered is not None and moved:
            self._unpack()
        if target is not None:
            self._target = _checked_target(target)
        self._options = {**self._options, **checked}

    def unversioned(self) -> Deployment:
        """A copy without version and prev_version: deploying it always replaces the replicas."""
        return _made(self._target, {k: v for k, v in self._options.items() if "version" not in k}, self._registered)

    def given_options(self) -> dict[str, Any]:
        """The options that are not left to their defaults, by name."""
        return dict(self._options)

    # in force

    def deploy(self, *init_args: Any, _blocking: bool = True, **init_kwargs: Any) -> None:
        """Put it into force and wait until all its replicas can answer.

        The same version with the same options changes nothing; with other options it is changed in place, without new
        code and arguments; another version, or none, replaces the replicas, at most 20% of them at a time.

        Args:
            init_args, init_kwargs: the constructor's arguments; without any, the options of the same name.
            _blocking: False returns as soon as the controller has accepted it.

        Raises:
            RayServeException: no serve instance runs.
            TypeError, ValueError: something in it cannot be deployed, or the route is taken; nothing changes.
            RuntimeError: its constructor or `reconfigure` failed three times in a row; the text names the user's error,
                and what was deployed before serves on.
        """
        deployments.deploy(self._request(init_args, init_kwargs), _blocking)

    def delete(self) -> None:
        """Take it out of service and wait until its replicas are gone; not deployed is fine.

        Raises:
            RayServeException: no serve instance runs.
            TimeoutError: a replica did not end in time.
        """
        deployments.delete(self.name)

    def get_handle(self, sync: bool = True) -> RayServeHandle:
        """A handle that calls it from Python; it need not be deployed yet.

        Args:
            sync: False gives a handle whose `remote` is awaited.

        Raises:
            RayServeException: no serve instance runs.
        """
        return deployments.handle(self.name, sync)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Deployment):
            return NotImplemented
        return self._identity() == other._identity()

    def __repr__(self) -> str:
        return f"Deployment(name={self.name},version={self.version},route_prefix={self._prefix})"

    def __getattr__(self, name: str) -> NoReturn:
        refuse_member(self, name)

    @property
    def _prefix(self) -> str | None:
        return self._options.get("route_prefix", f"/{self.name}")

    def _get(self, name: str) -> Any:
        return table.value(self._options, name)

    def _identity(self) -> tuple[Any, ...]:
        config = table.config_values(self._options)
        return self.name, self.version, config, self.init_args, self.init_kwargs, self._prefix

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._registered is not None:
            return deployments.code_of(self._registered)[1:]
        return self._get("init_args"), self._get("init_kwargs")

    def _unpack(self) -> None:
        assert self._registered is not None
        self._target, args, kwargs = deployments.code_of(self._registered)
        self._options = {"init_args": args, "init_kwargs": kwargs, **self._options}
        self._registered = None

    def _request(self, init_args: tuple[Any, ...], init_kwargs: dict[str, Any]) -> DeploymentRequest:
        if self._registered is not None and not init_args and not init_kwargs:
            target, args, kwargs = None, (), {}
        else:
            target = self.func_or_class
            args, kwargs = init_args or self.init_args, init_kwargs or self.init_kwargs
        return DeploymentRequest(
            self.name,
            target,
            tuple(args),
            kwargs,
            table.backend_config(self._options),
            self.ray_actor_options,
            self.version,
            self.prev_version,
            self._prefix,
            self._registered if target is None else None,
        )


def deployment(func_or_class: Any = None, name: str | None = None, **options: Any) -> Any:
    """Make a deployment of a function or class: `@serve.deployment`, or with options in parentheses.

    Nothing is contacted: options are checked and kept until `deploy()`.

    Args:
        func_or_class: the function or class when it is used without parentheses; a str is the name (Ray 1.3).
        name: what to deploy it as; the function's or class's own name by default.
        options: version, prev_version, num_replicas, init_args, init_kwargs, route_prefix, ray_actor_options,
            user_config, max_concurrent_queries (max_ongoing_requests), autoscaling_config, and in seconds
            graceful_shutdown_wait_loop_s, graceful_shutdown_timeout_s, health_check_period_s, health_check_timeout_s;
            the last five may have a leading underscore (Ray 1.8-1.13). config: a BackendConfig or dict (Ray 1.3).

    Returns:
        A Deployment, or the decorator that makes it.

    Raises:
        TypeError: an unknown option, a value of a wrong type, or something that is neither function nor class.
        ValueError: a value out of range.
    """
    if isinstance(func_or_class, str):
        func_or_class, name = None, func_or_class
    target = options.pop("backend_def", func_or_class)
    checked = table.checked({"name": name, **options})
    make = functools.partial(_decorate, options=checked)
    return make if target is None else make(target)


def registered(name: str, info: DeploymentInfo) -> Deployment:
    """The deployment that runs under a name, as it was registered; its code is unpickled when it is looked at."""
    spec = info.spec
    route = None if info.endpoint is None else info.endpoint.told_route
    unset = route is None and eras.chosen().deployments.no_prefix_is_default
    options = {
        "name": name,
        "version": spec.version if spec.generation.has_versions else LEGACY_VERSION,
        **({} if unset else {"route_prefix": route}),
        "ray_actor_options": spec.actor_options,
        **table.of_backend(spec.config),
        "num_replicas": info.num_replicas,
    }
    return _made(None, options, spec)


def _decorate(target: Any, options: Mapping[str, Any]) -> Deployment:
    _checked_target(target)
    return _made(target, {**options, "name": options.get("name", target.__name__)}, None)


def _checked_target(target: Any) -> Any:
    if inspect.isclass(target) or inspect.isfunction(target):
        return target
    hint = "; it is one already, use .options()" if isinstance(target, Deployment) else ""
    raise TypeError(f"@serve.deployment must be used with a class or function, not {target!r}{hint}")


def _made(target: Any, options: dict[str, Any], spec: BackendSpec | None) -> Deployment:
    made = object.__new__(Deployment)
    made._target, made._options, made._registered = target, options, spec
    return made
