"""Frozen values that travel between the controller, the routers and the replicas."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NamedTuple

from legacy.config import BackendConfig
from legacy.environments.origin import Origin
from legacy.generations import V1_2, Generation, Matching
from legacy.http_options import HTTPOptions
from legacy.large_code import LargeCode
from legacy.process import Process


class InstanceName(NamedTuple):
    """How any process of the cluster finds a serve instance: its controller's actor name and Ray namespace."""

    controller: str
    namespace: str

    @property
    def must_be_said(self) -> bool:
        """Whether nobody finds it without its name: it ends with its driver, or `serve.init()` gave it a name."""
        return ":" in self.controller


@dataclass(frozen=True)
class BackendSpec:
    """What a client asks for with create_backend.

    Attributes:
        tag: the backend's name.
        code: cloudpickle of (function, class or import path; init_args; init_kwargs), or where it is. Only replicas
            unpickle it.
        is_class: a class is constructed, a function is called as it is; None for an import path (the replica looks).
        config: validated, with `max_concurrent_queries` resolved.
        actor_options: `ray_actor_options` with defaults filled in (a copy of the user's dict).
        generation: that of the API it was asked for through.
        version: replicas of another version are replaced, 20% at a time; None never matches another version.
        setup: dotted path of a function that replicas call before they load the code; "" for none.
        sys_path: import directories of the caller that replicas append to theirs.
        environment: the conda environment that replicas run in; None for the cluster's own Python.
    """

    tag: str
    code: bytes | LargeCode
    is_class: bool | None
    config: BackendConfig
    actor_options: dict[str, Any]
    generation: Generation
    version: str | None = None
    setup: str = ""
    sys_path: tuple[str, ...] = ()
    environment: Origin | None = None


@dataclass(frozen=True)
class Endpoint:
    """A name, and mostly a route, behind which one or several backends answer.

    Attributes:
        route: None is headless (handles only).
        methods: upper-case HTTP methods; empty means all.
        traffic: backend tag -> weight as the user gave it; the sum is 1.
        shadows: backend tag -> proportion of requests that are copied to it.
        application: the graph it was deployed with: its name, or "" for one without; None outside graphs.
    """

    name: str
    route: str | None
    methods: tuple[str, ...]
    traffic: dict[str, float]
    shadows: dict[str, float] = field(default_factory=dict)
    generation: Generation = V1_2
    python_methods: tuple[str, ...] = ()
    application: str | None = None

    @property
    def told_route(self) -> str | None:
        """The route as old calls tell it: of a deployment in Ray 1.4, None for the one that it has by itself."""
        by_itself = self.generation.no_prefix_is_default and self.route == f"/{self.name}"
        return None if by_itself else self.route

    @property
    def matching(self) -> Matching:
        """How the route matches."""
        return self.generation.matching


@dataclass(frozen=True)
class DeploymentInfo:
    """A backend as the deployment style sees it.

    Attributes:
        endpoint: the endpoint of the same name; None when there is none.
        num_replicas: the number wanted now, which autoscaling may have chosen.
    """

    spec: BackendSpec
    endpoint: Endpoint | None
    num_replicas: int


@dataclass(frozen=True)
class ReplicaAddress:
    """How routers reach one running replica. A new process always has a new tag, so the tag is its incarnation.

    Attributes:
        actor: the Ray actor handle (handle calls).
        unix_path: the HTTP socket for routers on the same node.
        tcp: (ip, port) for routers on other nodes; None while the cluster has a single node.
    """

    tag: str
    backend: str
    node_id: str
    pid: int
    unix_path: str
    tcp: tuple[str, int] | None = None
    actor: Any = None


@dataclass(frozen=True)
class BackendView:
    """What routers know of a backend: its limit and the replicas that may get requests now."""

    tag: str
    max_concurrent_queries: int
    replicas: tuple[ReplicaAddress, ...] = ()


class Version(NamedTuple):
    """A state of routing. Those of different epochs, which are lives of the controller, do not compare."""

    epoch: str
    number: int


@dataclass(frozen=True)
class Update:
    """The routing changes since the version a router has; None means deleted.

    Attributes:
        epoch: changes when the controller restarts; versions of different epochs do not compare.
        full: the router drops what it had before.
        secret: proves to a replica's TCP port that the caller is a router of the same instance.
    """

    epoch: str
    version: int
    full: bool
    endpoints: dict[str, Endpoint | None] = field(default_factory=dict)
    backends: dict[str, BackendView | None] = field(default_factory=dict)
    secret: str = ""


@dataclass(frozen=True)
class ReplicaStart:
    """Everything a replica process needs to begin.

    Attributes:
        options: the instance's HTTP options without middlewares, which only proxies may unpickle.
    """

    tag: str
    spec: BackendSpec
    instance: InstanceName
    secret: str
    socket_dir: str
    listen_tcp: bool = False
    options: HTTPOptions = field(default_factory=HTTPOptions)


FailureKind = Literal[
    "constructor", "reconfigure", "lost", "import", "environment", "actor", "died", "timeout", "health", "hung"
]


@dataclass(frozen=True)
class StartFailure:
    """Why a replica did not come up, as text: the controller never unpickles user exceptions.

    Attributes:
        revision: the command that had the replica started or updated; the controller fills it in.
    """

    replica: str
    error: str  # "RuntimeError: weights file is missing"
    traceback: str
    kind: FailureKind = "constructor"
    revision: str = ""


@dataclass(frozen=True)
class ProxyStart:
    """Everything a proxy process needs to begin.

    Attributes:
        options: cloudpickle of HTTPOptions; only proxies unpickle it, since middlewares are user code.
        run_dir: the instance's private directory, where the node's proxies decide which of them listens; "" for a
            proxy that is alone.
    """

    name: str
    node_id: str
    instance: InstanceName
    options: bytes
    run_dir: str = ""


class ProxyState(str, Enum):
    """What a proxy does; its values are shown by `status`."""

    STARTING = "STARTING"
    STANDBY = "STANDBY"  # it has the routes, and listens as soon as the other proxy of its node is gone
    RUNNING = "RUNNING"
    FAILED = "FAILED"


@dataclass(frozen=True)
class ProxyLook:
    """What a proxy says of itself.

    Attributes:
        address: where it listens, when it runs.
        error: why it cannot, when it failed.
    """

    state: ProxyState
    process: Process
    address: tuple[str, int] | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Poll:
    """A router's long poll: what it has applied, and where its calls are not over.

    Attributes:
        seen: the version the router has in force; this acknowledges everything up to it.
        unfinished: tags of replicas that the applied version removed while calls of this router to them were not over.
            A replica is not stopped before, so no call can be lost on the way; and a call that failed on the way, as
            one does whose argument is the reference to a failed task, is over too.
        load: backend tag -> requests queued in or in flight from this router (autoscaling).
    """

    router_id: str
    kind: Literal["proxy", "handle"]
    epoch: str
    seen: int
    unfinished: frozenset[str] = frozenset()
    load: dict[str, int] = field(default_factory=dict)
