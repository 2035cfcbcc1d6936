"""HTTPOptions: declared once, validated."""

from __future__ import annotations

from enum import Enum
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

from legacy import trusted
from legacy.constants import DEFAULT_HTTP_HOST, DEFAULT_HTTP_PORT, QUEUE_TIMEOUT_S

SMALLEST_BUFFER = 1024 * 1024  # less would refuse single requests of a usual size


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
