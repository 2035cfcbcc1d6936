"""BackendConfig and HTTPOptions: declared once, validated, merged by one rule.

Defaults and merge rules are those of Ray 1.2 and 1.4; where they disagree the generation (see `legacy.generations`) of
the backend decides, in `resolved_concurrency`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from legacy import eras, trusted
from legacy.constants import DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT, QUEUE_TIMEOUT_S

ASYNC_CONCURRENCY_1_2 = 1_000_000
SYNC_CONCURRENCY_1_2 = 8
SMALLEST_BUFFER = 1024 * 1024  # less would refuse single requests of a usual size
ALIVE_PERIOD_S, ALIVE_TIMEOUT_S = 3.0, 3.0  # a process that stops just after an answer is found after 3 + 3 * 3 s


class BackendMetadata(BaseModel):
    """What create_backend finds out about a backend by looking at its code (Ray 1.1-1.3)."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    accepts_batches: bool = False
    is_blocking: bool = True
    autoscaling_config: dict[str, Any] | None = None


class AutoscalingConfig(BaseModel):
    """When and how far a backend scales by itself (Ray 1.8-2.3; today's `target_ongoing_requests` is a synonym).

    Args:
        min_replicas, max_replicas: the bounds; without `max_replicas` it is at least `min_replicas`.
        initial_replicas: how many to start with; None means `min_replicas`.
        target_num_ongoing_requests_per_replica: queued and running requests per replica to aim at.
        metrics_interval_s: seconds between two looks at the load.
        look_back_period_s: seconds over which the load is averaged.
        smoothing_factor: how much of the way to go in one step.
        upscale_delay_s, downscale_delay_s: seconds for which the load must ask for a change before it is made.

    Raises:
        pydantic.ValidationError: (a ValueError) a value out of range. Unknown keys are ignored, as in the originals.
    """

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    min_replicas: NonNegativeInt = 1
    max_replicas: PositiveInt = 1
    initial_replicas: NonNegativeInt | None = None
    target_num_ongoing_requests_per_replica: PositiveFloat = 1.0
    metrics_interval_s: PositiveFloat = 10.0
    look_back_period_s: PositiveFloat = 30.0
    smoothing_factor: PositiveFloat = 1.0
    upscale_delay_s: NonNegativeFloat = 30.0
    downscale_delay_s: NonNegativeFloat = 600.0

    @model_validator(mode="before")
    @classmethod
    def _todays_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = dict(values)
        for name in ("target_ongoing_requests", "target_num_ongoing_requests"):
            if name in given:
                given.setdefault("target_num_ongoing_requests_per_replica", given.pop(name))
        if "max_replicas" not in given and isinstance(given.get("min_replicas"), int):
            given["max_replicas"] = max(1, given["min_replicas"])
        return given

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> AutoscalingConfig:
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"max_replicas={self.max_replicas} is less than min_replicas={self.min_replicas}; "
                "raise max_replicas or lower min_replicas"
            )
        first = self.initial_replicas
        if first is not None and not self.min_replicas <= first <= self.max_replicas:
            raise ValueError(
                f"initial_replicas={first} is not within min_replicas={self.min_replicas} and "
                f"max_replicas={self.max_replicas}"
            )
        return self

    def first_target(self) -> int:
        """How many replicas a backend starts with."""
        return self.min_replicas if self.initial_replicas is None else self.initial_replicas

    def within(self, replicas: int) -> int:
        """A number of replicas pulled into the bounds."""
        return max(self.min_replicas, min(self.max_replicas, replicas))


class Heard(Enum):
    """Whether replicas that run must hear of another value of a setting; each field of BackendConfig says it."""

    BY_REPLICAS = "by replicas"
    BY_CONTROLLER_ONLY = "by the controller only"


class BackendConfig(BaseModel):
    """The settings of one backend (Ray 0.8-1.7; field names and defaults of 1.2 and 1.4).

    Args:
        num_replicas: how many processes serve the backend, at least 1.
        max_batch_size: the longest list an `accept_batch` handler gets; None means lists of one.
        batch_wait_timeout: seconds to wait for a full batch before a partial one runs.
        max_concurrent_queries: how many queries each router has in flight per replica. Where none is given, it reads as
            in Ray 1.2 or in the program's era, and the generation of the backend's API decides.
        user_config: anything serialisable; handed to the class's `reconfigure`.
        experimental_graceful_shutdown_wait_loop_s: seconds between two looks at a stopping replica in the originals.
            Here a replica stops as soon as it is idle; the field is kept so that old programs run.
        experimental_graceful_shutdown_timeout_s: seconds after which a stopping replica is killed at the latest.
        health_check_period_s, health_check_timeout_s: seconds between two health checks, and for one (Ray 1.10+). Where
            they are given, they hold also for the question whether the replica's process answers at all.
        autoscaling_config: lets the load choose the number of replicas (Ray 1.8+); `num_replicas` is then not used.

    Raises:
        pydantic.ValidationError: (a ValueError) an unknown field or a value out of range.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    num_replicas: Annotated[PositiveInt, Heard.BY_CONTROLLER_ONLY] = 1
    max_batch_size: Annotated[PositiveInt | None, Heard.BY_REPLICAS] = None
    batch_wait_timeout: Annotated[NonNegativeFloat, Heard.BY_REPLICAS] = 0.0
    max_concurrent_queries: Annotated[PositiveInt | None, Heard.BY_REPLICAS] = None
    user_config: Annotated[Any, Heard.BY_REPLICAS] = None
    experimental_graceful_shutdown_wait_loop_s: Annotated[NonNegativeFloat, Heard.BY_CONTROLLER_ONLY] = 2.0
    experimental_graceful_shutdown_timeout_s: Annotated[NonNegativeFloat, Heard.BY_CONTROLLER_ONLY] = 20.0
    health_check_period_s: Annotated[PositiveFloat, Heard.BY_CONTROLLER_ONLY] = 10.0
    health_check_timeout_s: Annotated[PositiveFloat, Heard.BY_CONTROLLER_ONLY] = 30.0
    autoscaling_config: Annotated[AutoscalingConfig | None, Heard.BY_CONTROLLER_ONLY] = None
    internal_metadata: Annotated[BackendMetadata, Heard.BY_CONTROLLER_ONLY] = Field(default_factory=BackendMetadata)

    @model_validator(mode="after")
    def _limit_can_be_read(self) -> BackendConfig:
        if self.max_concurrent_queries is None:
            self.model_fields_set.discard("max_concurrent_queries")
            default = eras.chosen().client.default_concurrency
            limit = resolved_concurrency(self, default, is_async=not self.internal_metadata.is_blocking)
            self.__dict__["max_concurrent_queries"] = limit
        return self

    def updated(self, changes: Mapping[str, Any] | BackendConfig) -> BackendConfig:
        """This config with the fields in `changes` that were set explicitly; computed defaults do not count as set.

        Raises:
            pydantic.ValidationError: the merged values are not valid; this config is unchanged.
        """
        given = changes.given() if isinstance(changes, BackendConfig) else changes
        return BackendConfig(**{**self.given(), **given})

    def answer_limits(self) -> tuple[float, float]:
        """Seconds between two questions whether a replica's process answers at all, and for one answer."""
        given = self.given()
        period_s, timeout_s = given.get("health_check_period_s"), given.get("health_check_timeout_s")
        return (ALIVE_PERIOD_S if period_s is None else period_s), (ALIVE_TIMEOUT_S if timeout_s is None else timeout_s)

    def check_batch_size(self, tag: str) -> None:
        """Refuse a batch size for a handler that takes single requests, with a ValueError that names the backend."""
        if self.max_batch_size is not None and self.max_batch_size > 1 and not self.internal_metadata.accepts_batches:
            raise ValueError(
                f"backend {tag!r} got max_batch_size={self.max_batch_size}, but its handler takes single requests; "
                "decorate it with @serve.accept_batch and let it take a list, or leave max_batch_size out"
            )

    def given(self) -> dict[str, Any]:
        """The fields that were set explicitly, by reference: user_config may hold models that a dump would change."""
        return {name: getattr(self, name) for name in self.model_fields_set}


@cache
def heard_by_replicas() -> tuple[str, ...]:
    """The settings of which running replicas must hear."""
    fields = BackendConfig.model_fields.items()
    return tuple(name for name, field in fields if Heard.BY_REPLICAS in field.metadata)


def resolved_concurrency(config: BackendConfig, default: int | None, is_async: bool) -> int:
    """The `max_concurrent_queries` in force when the user gave none.

    Args:
        config: the backend's config; `max_concurrent_queries` wins when it was given.
        default: the generation's; None computes it from the handler and the batch settings, as Ray 0.8-1.2.
        is_async: whether the handler is a coroutine function.
    """
    given: int | None = config.given().get("max_concurrent_queries")
    if given is not None:
        return given
    if default is not None:
        return default
    if config.max_batch_size and (config.batch_wait_timeout > 0 or not is_async):
        return 2 * config.max_batch_size
    return ASYNC_CONCURRENCY_1_2 if is_async else SYNC_CONCURRENCY_1_2


class DeploymentMode(str, Enum):
    """On which nodes an HTTP proxy runs."""

    NoServer = "NoServer"
    HeadOnly = "HeadOnly"
    EveryNode = "EveryNode"
    FixedNumber = "FixedNumber"


class HTTPOptions(BaseModel):
    """Where and how HTTP is served (Ray 1.2-2.3; the fields from queue_timeout_s on are this project's).

    Args:
        host, port: the address every proxy listens on; `host=None` means no server.
        middlewares: Starlette `Middleware` objects, applied in list order: the last one is outermost.
        location: a DeploymentMode; None means NoServer.
        num_cpus: CPUs reserved by each proxy.
        root_url, root_path: the public URL, and the path prefix in front of every route (Ray 1.8+).
        fixed_number_replicas, fixed_number_selection_seed: for location FixedNumber (Ray 1.5+).
        queue_timeout_s: seconds a request may wait for a free replica; then 503.
        request_timeout_s: seconds a replica may take to begin its answer; then 504.
        max_queued_requests: how many requests may wait per backend and proxy; then 503 at once.
        max_buffered_bytes: bytes each proxy may hold of waiting requests, unread answers and shadow requests; then 503
            at once, slow readers keep their replica, and shadows are dropped. None is a tenth of the node's memory, or
            of the container's.
        max_url_bytes, max_head_bytes, max_headers: of one request, about what the originals took; then 414 or 431.
        head_timeout_s, body_idle_timeout_s: seconds a client may take for the head of a request, and between two pieces
            of its body; then 408.
        min_upload_rate: bytes per second of a body that keeps a replica while others wait for one; then 408. 0: none.
        answer_idle_timeout_s: seconds a client may go on without reading a byte of its answer; then it is cut.
        debug: send tracebacks of handler errors to the client.
        trusted_proxies: addresses and networks of proxies that are believed when they say for whom they ask
            (X-Forwarded-For, X-Forwarded-Proto), or "*" for everybody; what others claim is replaced by what is true.
            None is FORWARDED_ALLOW_IPS of the proxy's process, as in the originals, and this machine without it.
        standby_after_s: when a node has been served for so long, it gets a second proxy process, which takes the port
            over at once when the first one dies; None for never. There is none for port 0.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, arbitrary_types_allowed=True)

    host: str | None = DEFAULT_HTTP_HOST
    port: int = Field(default=DEFAULT_HTTP_PORT, ge=0, le=65535)
    middlewares: list[Any] = Field(default_factory=list)
    location: DeploymentMode = DeploymentMode.HeadOnly
    num_cpus: float = Field(default=0, ge=0)
    root_url: str = ""
    root_path: str = ""
    fixed_number_replicas: PositiveInt | None = None
    fixed_number_selection_seed: int = 0
    queue_timeout_s: PositiveFloat = QUEUE_TIMEOUT_S
    request_timeout_s: PositiveFloat = 3600.0
    max_queued_requests: PositiveInt = 10_000
    max_buffered_bytes: int | None = Field(default=None, ge=SMALLEST_BUFFER)
    max_url_bytes: PositiveInt = 64 * 1024
    max_head_bytes: PositiveInt = 128 * 1024
    max_headers: PositiveInt = 1000
    head_timeout_s: PositiveFloat = 9.0
    body_idle_timeout_s: PositiveFloat = 3600.0
    min_upload_rate: NonNegativeInt = 10 * 1024
    answer_idle_timeout_s: PositiveFloat = 60.0
    debug: bool = False
    trusted_proxies: Annotated[tuple[str, ...] | None, BeforeValidator(trusted.checked)] = None
    standby_after_s: NonNegativeFloat | None = 10.0  # a script that is over sooner does not pay for it

    @field_validator("location", mode="before")
    @classmethod
    def _none_means_no_server(cls, value: Any) -> Any:
        return DeploymentMode.NoServer if value is None else value

    @model_validator(mode="before")
    @classmethod
    def _no_host_means_no_server(cls, values: Any) -> Any:
        if isinstance(values, dict) and "host" in values and values["host"] is None:
            return {**values, "location": DeploymentMode.NoServer}
        return values

    @model_validator(mode="after")
    def _options_fit_together(self) -> HTTPOptions:
        if self.max_url_bytes > self.max_head_bytes:
            raise ValueError(
                f"max_url_bytes={self.max_url_bytes} is more than max_head_bytes={self.max_head_bytes}, which is for "
                "the URL and all header lines; raise that too"
            )
        if self.location is DeploymentMode.FixedNumber and self.fixed_number_replicas is None:
            raise ValueError("location='FixedNumber' needs fixed_number_replicas: how many nodes run a proxy")
        return self
