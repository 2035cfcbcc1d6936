"""DATA: functions and methods, from Ray 0.7 to 2.6. All of them work on serve_compat as they are."""

from __future__ import annotations

from serve_compat.explain.entry import Entry

_KEEP = "the same"
_ROUTER = "no counterpart: a router deployment whose weights are its user_config (`migrate --generate-router`)"
_STATUS = "serve.status().applications, which is shaped differently"

INSTANCE = (
    Entry("init", "0.7", "0.8", "serve.start()", "serve.start(), or nothing: serve.run() starts what it needs"),
    Entry("start", "1.0", "", _KEEP, "serve.start(http_options={...}), only where there are HTTP options"),
    Entry("connect", "1.0", "1.7", "serve.start(detached=True), or nothing", "nothing: every call finds the instance"),
    Entry("shutdown", "0.8", "", _KEEP, _KEEP),
    Entry("Client", "1.0", "1.7", "the module itself: serve.x instead of client.x", "the module itself"),
    Entry("stat", "0.8", "0.8", "ray.util.metrics", "ray.util.metrics; Ray's metrics port exports those of Serve"),
    Entry(
        "RoutePolicy",
        "0.8",
        "0.8",
        "nothing: requests are split at random by weight",
        "the same as there",
        "serve.init(queueing_policy=...) warns here: requests are always spread at random",
    ),
    Entry("get_replica_context", "1.3", "", _KEEP, _KEEP, "backend_tag is called deployment today"),
    Entry("get_current_backend_tag", "1.2", "1.2", "serve.get_replica_context().deployment", "the same as there"),
    Entry("get_current_replica_tag", "1.2", "1.2", "serve.get_replica_context().replica_tag", "the same as there"),
)

BACKENDS = (
    Entry(
        "create_backend", "0.7", "1.7",
        '@serve.deployment(name="tag") on the class or function, and .deploy(*arguments)',
        'serve.run(X.bind(*arguments), name="endpoint", route_prefix="/route")',
        "a replica takes 1 CPU (Ray 0.8: 0); a replica runs 5 requests at once, not 8 or 100; both are pinned",
    ),
    Entry("delete_backend", "0.8", "1.7", 'serve.get_deployment("tag").delete()', 'serve.delete("application")'),
    Entry("list_backends", "0.8", "1.7", "serve.list_deployments()", _STATUS),
    Entry("get_backend_config", "0.8", "1.7", 'the properties of serve.get_deployment("tag")', _STATUS),
    Entry(
        "update_backend_config", "0.8", "1.7",
        'serve.get_deployment("tag").options(...).deploy(), with a version where replicas shall live on',
        "serve.run() again with X.options(...).bind(...) under the same application name",
        "a changed user_config reaches the running replicas; another changed option may replace them",
    ),
    Entry("set_backend_config", "0.7", "0.8", "as update_backend_config", "as update_backend_config"),
    Entry("scale", "0.7", "0.8", ".options(num_replicas=n).deploy()", "as update_backend_config"),
    Entry("accept_batch", "0.8", "1.3", "@serve.batch on an async method that takes a list", "the same @serve.batch"),
    Entry("batch", "1.3", "", _KEEP, _KEEP),
    Entry("ImportedBackend", "1.2", "1.2", 'a class that is imported, or the text "module.Name"', "import the class"),
)  # fmt: skip

ENDPOINTS = (
    Entry(
        "create_endpoint", "0.7", "1.7",
        'route_prefix="/route" of the deployment',
        'serve.run(..., name="endpoint", route_prefix="/route")',
        "an endpoint answered one exact path, a prefix answers everything below it; GET alone was allowed by default,"
        " every method is allowed today: a guard keeps the filter",
    ),
    Entry("delete_endpoint", "0.8", "1.7", "the deployment's .delete()", 'serve.delete("endpoint")'),
    Entry("list_endpoints", "0.8", "1.7", "serve.list_deployments()", _STATUS),
    Entry("set_traffic", "0.8", "1.7", "the same: it splits between deployments too", _ROUTER),
    Entry("split", "0.7", "0.8", "serve.set_traffic(endpoint, {...})", _ROUTER),
    Entry("link", "0.7", "0.8", "route_prefix of the deployment", "route_prefix of serve.run()"),
    Entry("shadow_traffic", "0.8", "1.7", "the same: it copies to deployments too", "no counterpart"),
    Entry("get_handle", "0.7", "1.7", 'serve.get_deployment("tag").get_handle()', 'serve.get_app_handle("endpoint")'),
)  # fmt: skip

DEPLOYMENTS = (
    Entry("deployment", "1.3", "", _KEEP, _KEEP, "route_prefix and version are no options of it any more"),
    Entry(
        "Deployment.deploy", "1.3", "2.7", _KEEP, "serve.run(X.bind(*arguments), name=..., route_prefix=...)",
        "two serve.run() calls without a name replace each other: each deployment becomes an application of its own",
    ),
    Entry("Deployment.delete", "1.3", "2.7", _KEEP, 'serve.delete("application")'),
    Entry(
        "Deployment.get_handle", "1.3", "2.7", _KEEP,
        'what serve.run() returns, or serve.get_app_handle("name"); in a constructor, a bind argument',
    ),
    Entry("Deployment.options", "1.3", "", _KEEP, _KEEP),
    Entry("Deployment.set_options", "1.12", "2.7", ".options(...)", ".options(...)"),
    Entry("Deployment.url", "1.5", "2.x", _KEEP, "the address of http_options and the route_prefix"),
    Entry("Deployment.bind", "1.12", "", _KEEP, _KEEP),
    Entry("get_deployment", "1.4", "2.7", _KEEP, 'serve.get_app_handle("name") for calls, serve.delete() to delete'),
    Entry("list_deployments", "1.4", "2.7", _KEEP, _STATUS),
    Entry("ingress", "1.3", "", _KEEP, _KEEP),
)  # fmt: skip

GRAPHS = (
    Entry("run", "1.12", "", _KEEP, _KEEP, "host= and port= went to serve.start(http_options=...)"),
    Entry("build", "1.13", "2.7", _KEEP, "serve.run() itself, or `serve build` for a config file"),
    Entry("delete", "2.3", "", _KEEP, _KEEP),
    Entry(
        "dag.InputNode", "1.12", "2.8", _KEEP, "the parameters of an ingress class that calls its parts by handle",
        "calls that the graph ran by itself are written out with await",
    ),
    Entry("drivers.DAGDriver", "1.12", "2.8", _KEEP, "an ingress class of your own; FastAPI for several routes"),
    Entry("http_adapters", "1.12", "2.8", _KEEP, "the same function of your own, called with the request"),
)  # fmt: skip

HANDLES = (
    Entry(
        "handle.remote", "0.7", "", _KEEP, "the same; it returns a DeploymentResponse, no ObjectRef",
        "arguments reach the handler as they are; backends saw a request object with .body(), .json(), .query_params",
    ),
    Entry(
        "ray.get(handle.remote())", "0.7", "2.9", _KEEP, "handle.remote().result()",
        "errors arrive as RayTaskError of the user's type in both",
    ),
    Entry("await (await handle.remote())", "1.2", "2.9", _KEEP, "await handle.remote()"),
    Entry("handle.options", "0.8", "", _KEEP, "method_name and stream are left; http_method, shard_key are gone"),
    Entry("RayServeHandle", "0.7", "2.9", "handle.RayServeHandle", "serve.handle.DeploymentHandle"),
    Entry("RayServeSyncHandle", "1.2", "2.9", "handle.RayServeSyncHandle", "serve.handle.DeploymentHandle"),
    Entry("RayServeException", "0.7", "", "exceptions.RayServeException", "serve.exceptions.RayServeException"),
    Entry("shard_key", "0.8", "1.7", _KEEP, "no counterpart"),
)  # fmt: skip
