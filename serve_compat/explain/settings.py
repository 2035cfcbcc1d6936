"""DATA: options, config fields, keywords, request attributes, from Ray 0.7 to 2.6. All of them work here."""

from __future__ import annotations

from serve_compat.explain.entry import Entry

_KEEP = "the same"
_HTTP = "http_options={...} of serve.start()"

BACKEND_CONFIG = (
    Entry("BackendConfig", "0.8", "1.7", "keywords of @serve.deployment", "the same keywords"),
    Entry("num_replicas", "0.7", "", _KEEP, _KEEP),
    Entry("max_batch_size", "0.7", "1.3", "@serve.batch(max_batch_size=n)", "the same @serve.batch"),
    Entry("batch_wait_timeout", "0.8", "1.3", "@serve.batch(batch_wait_timeout_s=s)", "the same @serve.batch"),
    Entry(
        "max_concurrent_queries", "0.8", "2.9", _KEEP, "max_ongoing_requests",
        "the default was 8 for sync backends (up to 1.3), then 100, and is 5 today: pinned unless --no-pin",
    ),
    Entry("user_config", "1.1", "", _KEEP, _KEEP, "{} or 0 called no reconfigure up to 1.7; today only None does not"),
    Entry(
        "experimental_graceful_shutdown_wait_loop_s", "1.2", "1.7", "graceful_shutdown_wait_loop_s", "the same as there"
    ),
    Entry("experimental_graceful_shutdown_timeout_s", "1.2", "1.7", "graceful_shutdown_timeout_s", "the same as there"),
    Entry("env", "1.0", "1.2", 'ray_actor_options={"runtime_env": {"conda": "name"}}', "the same as there"),
    Entry("CondaEnv", "1.0", "1.2", 'ray_actor_options={"runtime_env": {"conda": "name"}}', "the same as there"),
    Entry("methods", "0.8", "1.7", "a guard at the top of the handler", "the same guard, or a FastAPI ingress"),
)  # fmt: skip

DEPLOYMENT_OPTIONS = (
    Entry("name", "1.3", "", _KEEP, "the same, and name= of serve.run() for the application"),
    Entry("version", "1.3", "2.x", _KEEP, "nothing: it is an error today", "every serve.run() compares code, options"),
    Entry("prev_version", "1.3", "1.13", _KEEP, "nothing: it is an error today"),
    Entry("init_args", "1.3", "2.7", ".deploy(*arguments)", ".bind(*arguments)"),
    Entry("init_kwargs", "1.5", "2.7", ".deploy(**arguments)", ".bind(**arguments)"),
    Entry("route_prefix", "1.4", "", _KEEP, "route_prefix= of serve.run(); it belongs to the application"),
    Entry("ray_actor_options", "0.8", "", _KEEP, _KEEP),
    Entry("_autoscaling_config", "1.8", "2.0", "autoscaling_config", "autoscaling_config"),
    Entry("autoscaling_config", "2.0", "", _KEEP, "the same, some keys renamed"),
    Entry(
        "target_num_ongoing_requests_per_replica", "1.8", "2.9", _KEEP, "target_ongoing_requests",
        "its default went from 1 to 2",
    ),
    Entry("smoothing_factor", "1.8", "2.9", _KEEP, "upscaling_factor and downscaling_factor"),
    Entry("_graceful_shutdown_wait_loop_s", "1.8", "1.13", "graceful_shutdown_wait_loop_s", "the same as there"),
    Entry("_graceful_shutdown_timeout_s", "1.8", "1.13", "graceful_shutdown_timeout_s", "the same as there"),
    Entry("_health_check_period_s", "1.10", "1.13", "health_check_period_s", "the same as there"),
    Entry("_health_check_timeout_s", "1.10", "1.13", "health_check_timeout_s", "the same as there"),
    Entry("is_driver_deployment", "2.0", "2.x", "not offered", "location of the proxies: EveryNode"),
)  # fmt: skip

START_OPTIONS = (
    Entry("detached", "1.0", "2.x", _KEEP, "nothing: every instance is detached today", "it outlives its driver"),
    Entry("http_host", "0.8", "1.4", _HTTP, _HTTP),
    Entry("http_port", "0.8", "1.4", _HTTP, _HTTP),
    Entry("http_middlewares", "1.0", "1.4", _HTTP, _HTTP),
    Entry("http_options", "1.2", "", _KEEP, _KEEP),
    Entry("HTTPOptions", "1.2", "", _KEEP, _KEEP),
    Entry("dedicated_cpu", "1.4", "2.x", _KEEP, "nothing"),
)

REQUESTS = (
    Entry("request.args", "0.7", "1.1", "request.query_params", "request.query_params"),
    Entry("request.json", "0.7", "1.1", "await request.json(), in an async handler", "the same as there"),
    Entry("request.get_json", "0.7", "1.1", "await request.json(), in an async handler", "the same as there"),
    Entry("request.data", "0.7", "1.1", "await request.body(), in an async handler", "the same as there"),
    Entry("request.form", "0.7", "1.1", "await request.form(), in an async handler", "the same as there"),
    Entry("request.files", "0.7", "1.1", "await request.form(), in an async handler", "the same as there"),
    Entry("request.query_params", "1.2", "", _KEEP, _KEEP),
    Entry("ServeRequest", "1.0", "1.7", "the arguments of the handler themselves", "the same as there"),
    Entry("context.web", "0.7", "0.8", "the type of the argument", "the type of the argument"),
)
