"""BackendConfig: declared once, validated, merged by one rule.

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
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from legacy import eras

ASYNC_CONCURRENCY_1_2 = 1_000_000
SYNC_CONCURRENCY_1_2 = 8
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
