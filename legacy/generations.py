"""What differs between the generations of programs: one row for each, one attribute for everything that differs.

Backends, endpoints and handles carry the row of the API through which they were made. Code that depends on the
generation reads an attribute of the row and never asks which row it is. Which row an API means in a program, the table
of `legacy.eras` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from legacy.constants import CONCURRENCY_1_4

Matching = Literal["exact", "template", "prefix"]

_RESERVED = {
    "name": "serve names its replicas itself",
    "lifetime": "replicas live as long as their backend",
    "max_restarts": "serve replaces dead replicas itself",
}
_PLACED = "serve places replicas itself"


@dataclass(frozen=True, eq=False)
class Generation:
    """The rules of one generation. It is pickled as its name, so that stored state does not hold the rules themselves.

    Beside each attribute stand its meaning and the value of the oldest generation, Ray 0.7-0.8.
    """

    name: str = "0.8"  # of this row, unlike any other
    style: str = "0.8"  # what `status` calls it
    era: str = "0.8"  # the era that serve calls of its replicas follow; "" leaves it open
    begins_with_init: bool = True  # its programs call `serve.init()`, and `serve.start()` is not theirs
    one_namespace: bool = False  # its detached instances live in the namespace "serve", whatever that of their job
    # what `serve.start()` does in a program that has used an instance this way
    second_start: Literal["attach", "new"] = "attach"

    flask_requests: bool = True  # handlers get Flask requests
    strips_prefix: bool = False  # the path of HTTP requests is what comes below the route
    # what handlers get from handle calls: the keyword arguments; one request made of the arguments; those as they are
    call_style: Literal["keywords", "serve_request", "raw"] = "keywords"
    json_user_config: bool = False  # a deployment's user_config is JSON or bytes; otherwise anything that is pickled
    todays_json: bool = False  # results become JSON in one line, dates, sets and objects too; otherwise indented JSON
    data_argument: str | None = None  # the name of the positional argument of a handle call, if it has one
    several_arguments: bool = False  # handle calls may have several positional arguments; the handler gets them as such
    methods_as_attributes: bool = False  # `handle.method.remote()` calls a method, whether or not it is known to exist
    options_change_handle: bool = False  # `handle.options` changes the handle itself
    missing_endpoint_s: float | None = None  # a handle call's wait for a missing endpoint; None: as for a replica
    awaited_once: Literal["", "0", "1"] = ""  # SERVE_DEPLOYMENT_HANDLE_IS_SYNC where nobody set it; "" leaves it open

    default_concurrency: int | None = None  # `max_concurrent_queries`; None computes it from the handler
    default_cpus: int = 0  # of a replica
    reserved_actor_options: Mapping[str, str] = field(  # what may not stand in `ray_actor_options`, and why
        default_factory=lambda: {
            **_RESERVED,
            "detached": _RESERVED["lifetime"],
            "max_reconstructions": _RESERVED["max_restarts"],
        }
    )
    waits_for_resources: bool = False  # replicas wait for room in the cluster; otherwise there is a ResourcesError
    refuses_batch_size: bool = True  # an update may not set a batch size for a handler that takes single requests
    reconfigures_with_falsy: bool = False  # `reconfigure` is called with any user_config but None, not only a true one
    reconfigures_alone: bool = False  # no request runs meanwhile
    start_tries: int = 1  # how often replicas may fail to start before the command fails
    has_versions: bool = False  # its backends have versions that users see

    noun: Literal["endpoint", "deployment"] = "endpoint"  # what users call an endpoint
    endpoint_before_backend: bool = True  # an endpoint may be created without a backend
    owns_endpoint: bool = False  # a backend has an endpoint of the same name, which ends with it
    # how routes match: the decoded path; a template such as /t/{x}, with redirects for slashes at the end; whole
    # segments at the beginning of the path
    matching: Matching = "exact"
    run_replaces_all: bool = False  # `serve.run` without a name leaves no other deployment; otherwise of its kind only
    newest_has_route: bool = False  # a route may be given twice, and the newest has it; otherwise that is an error
    answers_head: bool = False  # HEAD is allowed where GET is
    names_allowed_methods: bool = True  # the text of a 405 names the methods
    lists_without_route: bool = True  # /-/routes lists endpoints without a route, under their name
    lists_methods: bool = True  # /-/routes lists the HTTP methods of an endpoint too
    no_prefix_is_default: bool = False  # `route_prefix` None is one that was not given; otherwise it means no HTTP
    lists_python_methods: bool = False  # `list_endpoints` tells the methods of the endpoint's class
    # X-Serve-Call-Method of an HTTP request names the handler, of a backend that answers no HTTP by itself, and
    # X-Serve-Shard-Key fixes the side of an endpoint's split
    headers_steer: bool = True

    @property
    def backend_noun(self) -> str:
        """What users call a backend."""
        return "deployment" if self.owns_endpoint else "backend"

    def __repr__(self) -> str:
        return f"Generation({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return named, (self.name,)


# From one row to the next stands what changed. Ray 0.7-0.8: serve.init() and module functions.
V0_8 = Generation()

# Ray 1.0-1.1: methods of a Client
V1_0 = replace(
    V0_8,
    name="1.0",
    style="1.0",
    era="1.0",
    begins_with_init=False,
    second_start="new",
    call_style="serve_request",
    data_argument="request_data",
    options_change_handle=True,
    default_cpus=1,
    reserved_actor_options=_RESERVED,
    endpoint_before_backend=False,
)

# Ray 1.2: methods of a Client
V1_2 = replace(V1_0, name="1.2", style="client", era="", flask_requests=False, options_change_handle=False)

# Ray 1.3-1.7: module functions
V1_4 = replace(
    V1_2,
    name="1.4",
    style="module",
    second_start="attach",
    data_argument=None,
    several_arguments=True,
    missing_endpoint_s=5.0,
    default_concurrency=CONCURRENCY_1_4,
    reserved_actor_options={**_RESERVED, "placement_group": _PLACED},
    waits_for_resources=True,
    refuses_batch_size=False,
    matching="template",
    answers_head=True,
    names_allowed_methods=False,
    lists_without_route=False,
    lists_python_methods=True,
)

# Ray 1.3-2.6: @serve.deployment
DEPLOYMENT = replace(
    V1_4,
    name="deployment",
    style="deployment",
    strips_prefix=True,
    call_style="raw",
    methods_as_attributes=True,
    missing_endpoint_s=None,
    reserved_actor_options={
        **V1_4.reserved_actor_options,
        "args": "use init_args or deploy(...)",
        "kwargs": "use init_kwargs or deploy(...)",
        "namespace": "replicas live in the namespace of their instance",
        "max_concurrency": "use max_concurrent_queries",
        "max_task_retries": "serve never runs a call twice",
        "max_pending_calls": "use max_concurrent_queries",
        "placement_group_bundle_index": _PLACED,
        "placement_group_capture_child_tasks": _PLACED,
        "scheduling_strategy": _PLACED,
    },
    reconfigures_with_falsy=True,
    reconfigures_alone=True,
    start_tries=3,
    has_versions=True,
    noun="deployment",
    owns_endpoint=True,
    matching="prefix",
    headers_steer=False,
    lists_methods=False,
    json_user_config=True,
    todays_json=True,
)  # fmt: skip

# The same where the user says which release, since only that tells what HTTP clients may choose, how graphs await
# handles, what results look like and where instances are.
DEPLOYMENT_1_4 = replace(
    DEPLOYMENT,
    name="deployment 1.4",
    headers_steer=True,
    lists_methods=True,
    no_prefix_is_default=True,
    json_user_config=False,
    todays_json=False,
)
V1_13 = replace(DEPLOYMENT, name="1.13", era="1.13", awaited_once="1", json_user_config=False, todays_json=False)
V2_3 = replace(
    DEPLOYMENT,
    name="2.3",
    era="2.3",
    awaited_once="0",
    one_namespace=True,
    newest_has_route=True,
    run_replaces_all=True,
)

_ROWS = {row.name: row for row in (V0_8, V1_0, V1_2, V1_4, DEPLOYMENT, DEPLOYMENT_1_4, V1_13, V2_3)}


def named(name: str) -> Generation:
    """The row of that name; KeyError when there is none, since another version of this package wrote it."""
    return _ROWS[name]
