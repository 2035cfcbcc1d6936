"""DATA: starting, connecting, stopping, HTTP options, and what a replica knows of itself; Ray 0.7 to 2.6."""

from __future__ import annotations

from serve_compat.explain.entry import AS_THERE, HERE, KEEP, NOTHING, Entry

_STAYS = "no counterpart that does the same: the file stays on serve_compat"
_START = ("SC102", "SC202", "SC203")

INSTANCE = (
    Entry(
        "ray.experimental.serve", "0.7", "0.7", "from ray.experimental import serve",
        "`import serve_compat as serve`", "`from ray import serve`", rules=("SC001", "SC201"),
    ),
    Entry(
        "init", "0.7", "0.8", "serve.init(http_port=8001)",
        '`serve.start(http_options={"port": 8001})`', AS_THERE + ", or nothing: `serve.run()` starts what it needs",
        rules=("SC102",),
    ),
    Entry(
        "start", "1.0", "", "client = serve.start()", "`serve.start()`, without keeping the client",
        '`serve.start(http_options={...})`, only where there are HTTP options',
        "it returns nothing today, and misspelt keywords are swallowed", _START,
    ),
    Entry(
        "connect", "1.0", "1.7", "client = serve.connect()", "`serve.start(detached=True)`, or nothing",
        "nothing: every call finds the instance",
        "without an instance it was an error; now one is started, or the first call fails", ("SC102",),
    ),
    Entry(
        "shutdown", "0.8", "", "serve.shutdown()", KEEP, KEEP,
        "an instance that was not detached also ended with its driver; today it lives as long as its Ray cluster",
    ),
    Entry(
        "Client", "1.0", "1.7", "def create(client: serve.api.Client): ...", "the module's functions: `serve.x()`",
        "the module's functions", rules=("SC102",),
    ),
    Entry(
        "client.ServeControllerClient", "1.8", "", "client: serve.client.ServeControllerClient = serve.start()",
        "no client is needed", "`serve.start()` returns nothing", rules=("SC102", "SC202"),
    ),
    Entry(
        "stat", "0.8", "0.8", "serve.stat()", "`ray.util.metrics`",
        "`ray.util.metrics`; Ray's metrics port exports those of Serve", rules=("SC125",),
    ),
    Entry(
        "RoutePolicy", "0.7", "0.8", "serve.init(queueing_policy=serve.RoutePolicy.PowerOfTwo)",
        "nothing: requests are split at random by weight", AS_THERE,
        here="is accepted and warns: requests are always spread at random",
    ),
    Entry(
        "get_replica_context", "1.3", "", "serve.get_replica_context().replica_tag", KEEP, KEEP,
        "tags look different",
    ),
    Entry("context.ReplicaContext", "1.3", "", "serve.context.ReplicaContext", KEEP, KEEP),
    Entry(
        "ReplicaContext.backend_tag", "1.3", "1.7", "serve.get_replica_context().backend_tag",
        "`serve.get_replica_context().deployment`", AS_THERE,
    ),
    Entry("ReplicaContext.deployment", "1.8", "", "serve.get_replica_context().deployment", KEEP, KEEP),
    Entry(
        "ReplicaContext.replica_tag", "1.3", "", "serve.get_replica_context().replica_tag", KEEP, KEEP,
        "`name#AbCdEf` was its form; today it has no `#`",
    ),
    Entry("ReplicaContext.servable_object", "1.4", "", "serve.get_replica_context().servable_object", KEEP, KEEP),
    Entry(
        "get_current_backend_tag", "1.2", "1.2", "serve.get_current_backend_tag()",
        "`serve.get_replica_context().deployment`", AS_THERE,
    ),
    Entry(
        "get_current_replica_tag", "1.2", "1.2", "serve.get_current_replica_tag()",
        "`serve.get_replica_context().replica_tag`", AS_THERE,
    ),
    Entry(
        "api.get_deployment_statuses", "1.10", "1.13", "serve.api.get_deployment_statuses()", KEEP,
        "`serve.status()`, which is shaped differently", rules=("SC215",),
    ),
    Entry(
        "context.get_global_client", "1.13", "2.x", "serve.context.get_global_client()", "the module's functions",
        "the module's functions", rules=("SC215",),
    ),
)  # fmt: skip

START_OPTIONS = (
    Entry(
        "detached", "1.0", "2.x", "serve.start(detached=True)", KEEP, "nothing: every instance is detached today",
        "an instance that was not detached ended with its driver; today it lives as long as its Ray cluster",
        ("SC202",), f"{HERE}; `--era` decides in which Ray namespace, see \"Who finds which instance\" in the guide",
    ),
    Entry(
        "http_host", "0.7", "1.4", 'serve.start(http_host="0.0.0.0")',
        '`http_options={"host": "0.0.0.0"}` of `serve.start()`', AS_THERE, rules=("SC102", "SC203"),
    ),
    Entry(
        "http_port", "0.7", "1.4", "serve.start(http_port=8001)", '`http_options={"port": 8001}` of `serve.start()`',
        AS_THERE, rules=("SC102", "SC203"),
    ),
    Entry(
        "http_middlewares", "1.0", "1.4", "serve.start(http_middlewares=[Middleware(CORSMiddleware)])",
        '`http_options={"middlewares": [...]}` of `serve.start()`', _STAYS, rules=("SC102", "SC202"),
    ),
    Entry("http_options", "1.2", "", 'serve.start(http_options={"port": 8001})', KEEP, KEEP, rules=("SC203",)),
    Entry("HTTPOptions", "1.2", "", "serve.start(http_options=serve.HTTPOptions(port=8001))", KEEP,
          "the same, from `ray.serve.config`", rules=("SC203",)),
    Entry("dedicated_cpu", "1.4", "2.x", "serve.start(dedicated_cpu=True)", KEEP, NOTHING,
          "the controller reserves no CPU", ("SC202",)),
    Entry(
        "init.name", "0.8", "0.8", 'serve.init(name="second")', "a Ray namespace: `ray.init(namespace=...)`",
        "one instance per cluster; applications have names", rules=("SC215",),
    ),
    Entry("queueing_policy", "0.7", "0.8", "serve.init(queueing_policy=policy)", NOTHING, NOTHING,
          here="is accepted and warns: requests are always spread at random"),
    Entry("metric_exporter", "0.8", "0.8", "serve.init(metric_exporter=exporter)", NOTHING,
          "nothing: Ray's metrics port exports the metrics", rules=("SC102",)),
    Entry(
        "_checkpoint_path", "1.5", "1.13", 'serve.start(_checkpoint_path="file:///state")', NOTHING,
        "nothing: the cluster keeps the state", rules=("SC202",), here="is accepted and warns: the cluster keeps it",
    ),
    Entry(
        "_override_controller_namespace", "1.9", "1.13", 'serve.start(_override_controller_namespace="team")',
        "`ray.init(namespace=...)`", NOTHING, rules=("SC202",), here="is accepted and warns",
    ),
)  # fmt: skip

HTTP_OPTIONS = (
    Entry("host", "1.2", "", 'serve.start(http_options={"host": "0.0.0.0"})', KEEP,
          'the same; `None` for no server is `proxy_location="Disabled"`', rules=("SC203",)),
    Entry("port", "1.2", "", 'serve.start(http_options={"port": 8001})', KEEP, KEEP, rules=("SC203",)),
    Entry(
        "middlewares", "1.2", "", 'serve.start(http_options={"middlewares": [Middleware(CORSMiddleware)]})', KEEP,
        "a middleware of the FastAPI application of an ingress", rules=("SC203",),
    ),
    Entry(
        "location", "1.2", "2.x", 'serve.start(http_options={"location": "EveryNode"})', KEEP,
        '`serve.start(proxy_location="EveryNode")`',
        "a proxy runs only on nodes that have a replica", ("SC203",),
    ),
    Entry(
        "config.DeploymentMode", "1.2", "2.x", "serve.config.DeploymentMode.EveryNode", KEEP,
        '`proxy_location="EveryNode"`; `NoServer` is `"Disabled"`; `FixedNumber` is gone', rules=("SC203", "SC215"),
    ),
    Entry("num_cpus", "1.4", "2.x", 'serve.start(http_options={"num_cpus": 1})', KEEP, NOTHING,
          "proxies reserve no CPU today", ("SC203",)),
    Entry("root_url", "1.8", "", 'serve.start(http_options={"root_url": "https://host"})', KEEP,
          "nothing: no call tells a URL any more", rules=("SC203",)),
    Entry("root_path", "1.8", "", 'serve.start(http_options={"root_path": "/serve"})', KEEP,
          "no counterpart that does the same: put the prefix into `route_prefix`", rules=("SC203",)),
    Entry("fixed_number_replicas", "1.5", "2.x", 'serve.start(http_options={"fixed_number_replicas": 2})', KEEP,
          'no counterpart: `proxy_location="EveryNode"`', rules=("SC203",)),
    Entry("fixed_number_selection_seed", "1.5", "2.x", 'serve.start(http_options={"fixed_number_selection_seed": 1})',
          KEEP, "no counterpart", rules=("SC203",)),
)  # fmt: skip

ENVIRONMENT = (
    Entry("RAY_SERVE_ROOT_URL", "1.8", "", "RAY_SERVE_ROOT_URL=https://host", KEEP,
          "accepted, and not used by programs: `Deployment.url` is gone"),
    Entry("SERVE_LOG_DEBUG", "0.8", "1.x", "SERVE_LOG_DEBUG=1", '`logging.getLogger("ray.serve").setLevel("DEBUG")`',
          '`logging_config={"log_level": "DEBUG"}` of `serve.start()`'),
    Entry("SERVE_DEBUG_LOG", "1.12", "2.x", "SERVE_DEBUG_LOG=1", '`logging.getLogger("ray.serve").setLevel("DEBUG")`',
          '`logging_config={"log_level": "DEBUG"}` of `serve.start()`', here="is not read: say `SERVE_LOG_DEBUG=1`"),
    Entry("SERVE_REQUEST_PROCESSING_TIMEOUT_S", "2.1", "2.x", "SERVE_REQUEST_PROCESSING_TIMEOUT_S=10",
          '`serve.start(http_options={"request_timeout_s": 10})`', AS_THERE,
          here="is not read: say `request_timeout_s` in `http_options`"),
    Entry("SERVE_DEPLOYMENT_HANDLE_IS_SYNC", "2.0", "2.x", "SERVE_DEPLOYMENT_HANDLE_IS_SYNC=1",
          "`serve-compat run --era 1.13`", "`await handle.remote()` inside deployments"),
    Entry("X-SERVE-SHARD-KEY", "0.8", "1.7", 'requests.get(url, headers={"X-SERVE-SHARD-KEY": "Ada"})',
          "the same; at a deployment's own URL with `--era 1.4` only",
          "no counterpart: nothing sticks to one deployment"),
    Entry("X-SERVE-CALL-METHOD", "0.8", "1.7", 'requests.get(url, headers={"X-SERVE-CALL-METHOD": "predict"})',
          "the same for backends; for deployments with `--era 1.4` only; never past the routes of a FastAPI ingress",
          "a route of a FastAPI ingress"),
    Entry("/-/routes", "0.8", "", 'requests.get("http://127.0.0.1:8000/-/routes")', KEEP, KEEP,
          "values were `[endpoint, methods]` up to 1.4, and are names of applications today"),
    Entry("/-/healthz", "1.12", "", 'requests.get("http://127.0.0.1:8000/-/healthz")', KEEP, KEEP),
    Entry("/-/metrics", "0.8", "0.8", 'requests.get("http://127.0.0.1:8000/-/metrics")', "Ray's metrics port",
          "Ray's metrics port", here="is answered with 404"),
)  # fmt: skip
