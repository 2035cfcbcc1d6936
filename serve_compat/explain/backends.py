"""DATA: backends, endpoints, traffic, their settings; Ray 0.7 to 1.7."""

from __future__ import annotations

from serve_compat.explain.entry import AS_THERE, KEEP, NO_SPLIT, STATUS, Entry

_CONDA = '`ray_actor_options={"runtime_env": {"conda": "name"}}`'
_BATCH = "`@serve.batch` on an async method that takes a list"

BACKENDS = (
    Entry(
        "create_backend", "0.7", "1.7", 'client.create_backend("tag", Model, 2, config={"num_replicas": 3})',
        '`@serve.deployment(name="endpoint", num_replicas=3)` on the class or function, and `Model.deploy(2)`',
        'the same decorator, and `serve.run(Model.bind(2), name="endpoint", route_prefix="/route")`',
        "its old defaults are pinned: 8 requests at once per replica (100 from Ray 1.3 on), and no CPU per replica in"
        " Ray 0.8",
        ("SC101", "SC103", "SC104"),
    ),
    Entry(
        "delete_backend", "0.8", "1.7", 'client.delete_backend("tag")', '`serve.get_deployment("endpoint").delete()`',
        '`serve.delete("endpoint")`', "a deployment goes together with its route", ("SC108",),
    ),
    Entry("force", "1.2", "1.7", 'client.delete_backend("tag", force=True)',
          "`.delete()`; with `graceful_shutdown_timeout_s=0` it kills at once", AS_THERE,
          "requests that run are waited for, up to that time", ("SC108",)),
    Entry("list_backends", "0.8", "1.7", "client.list_backends()", "`serve.list_deployments()`", STATUS,
          rules=("SC109", "SC113", "SC125", "SC214")),
    Entry("get_backend_config", "0.8", "1.7", 'client.get_backend_config("tag").num_replicas',
          '`serve.get_deployment("endpoint").num_replicas`', STATUS, rules=("SC107", "SC125")),
    Entry(
        "update_backend_config", "0.8", "1.7", 'client.update_backend_config("tag", {"num_replicas": 2})',
        '`serve.get_deployment("endpoint").options(num_replicas=2).deploy()`; a deployment with a version keeps its'
        " replicas",
        '`serve.run(Model.options(num_replicas=2).bind(), name="endpoint", route_prefix="/route")`',
        "on stock Ray Serve each run replaces the replicas, with what they kept in memory",
        ("SC107", "SC217"),
    ),
    Entry("set_backend_config", "0.7", "0.8", 'serve.set_backend_config("tag", {"num_replicas": 2})',
          "as `update_backend_config`", AS_THERE, rules=("SC107",)),
    Entry("scale", "0.7", "0.8", 'serve.scale("tag", 2)', "`.options(num_replicas=2).deploy()`",
          "as `update_backend_config`", rules=("SC107",)),
    Entry(
        "accept_batch", "0.8", "1.3", "@serve.accept_batch", _BATCH, "the same `@serve.batch`",
        "the waiting time counts from the first request of a batch", ("SC112",),
    ),
    Entry("batch", "1.3", "", "@serve.batch(max_batch_size=8)", KEEP, KEEP),
    Entry("backends.ImportedBackend", "1.2", "1.2",
          'client.create_backend("tag", serve.backends.ImportedBackend("module.Model"))',
          'the class, imported: `serve.deployment(name="endpoint")(Model)`', AS_THERE, rules=("SC127",)),
)  # fmt: skip

ENDPOINTS = (
    Entry(
        "create_endpoint", "0.7", "1.7", 'client.create_endpoint("endpoint", backend="tag", route="/route")',
        '`route_prefix="/route"` of the deployment', '`serve.run(..., name="endpoint", route_prefix="/route")`',
        "an endpoint answered one exact path, a prefix answers everything below it; it answered GET alone, and a guard"
        " keeps that",
        ("SC101", "SC105", "SC122"),
    ),
    Entry("backend", "0.8", "1.7", 'client.create_endpoint("endpoint", backend="tag")',
          "the deployment is both", AS_THERE, rules=("SC101",)),
    Entry("route", "0.7", "1.7", 'client.create_endpoint("endpoint", backend="tag", route="/route")',
          '`route_prefix="/route"` of the deployment; without a route `route_prefix=None`',
          '`route_prefix="/route"` of `serve.run()`', "a prefix answers everything below it", ("SC101", "SC126")),
    Entry(
        "methods", "0.8", "1.7", 'client.create_endpoint("endpoint", backend="tag", methods=["GET", "POST"])',
        "a guard at the top of the handler", "the same guard, or the routes of a FastAPI ingress",
        "the answer to other methods is still 405; its text is that of Ray 1.4", ("SC105",),
    ),
    Entry("delete_endpoint", "0.8", "1.7", 'client.delete_endpoint("endpoint")', "`.delete()` of the deployment",
          '`serve.delete("endpoint")`', "the backend of the endpoint lived on", ("SC108",)),
    Entry("list_endpoints", "0.8", "1.7", "client.list_endpoints()", "`serve.list_deployments()`", STATUS,
          rules=("SC109", "SC113", "SC125", "SC214")),
    Entry("set_traffic", "0.8", "1.7", 'client.set_traffic("endpoint", {"old": 0.9, "new": 0.1})',
          "the same: it splits between deployments too; to one backend alone it goes", NO_SPLIT,
          rules=("SC110", "SC121", "SC222")),
    Entry("split", "0.7", "0.7", 'serve.split("endpoint", {"old": 0.9, "new": 0.1})',
          '`serve.set_traffic("endpoint", {...})`', NO_SPLIT, rules=("SC121", "SC222")),
    Entry("link", "0.7", "0.7", 'serve.link("endpoint", "tag")', "`route_prefix` of the deployment",
          "`route_prefix` of `serve.run()`", rules=("SC110",)),
    Entry("shadow_traffic", "0.8", "1.7", 'client.shadow_traffic("endpoint", "new", 0.1)',
          "the same: it copies to deployments too", "no counterpart", rules=("SC121", "SC215")),
    Entry("get_handle", "0.7", "1.7", 'client.get_handle("endpoint")',
          '`serve.get_deployment("endpoint").get_handle()`', '`serve.get_app_handle("endpoint")`',
          "an unknown name was a `KeyError` and is a `RayServeException`", ("SC106", "SC208")),
    Entry("missing_ok", "0.8", "1.7", 'client.get_handle("endpoint", missing_ok=True)',
          "nothing: the handle of a deployment may come first",
          "nothing: take the handle after `serve.run()`", rules=("SC106", "SC208")),
    Entry("relative_slo_ms", "0.7", "0.8", 'serve.get_handle("endpoint", relative_slo_ms=100)',
          "a deadline of your own", AS_THERE, here="is checked and has no effect"),
    Entry("absolute_slo_ms", "0.7", "0.8", 'serve.get_handle("endpoint", absolute_slo_ms=100)',
          "a deadline of your own", AS_THERE, here="is checked and has no effect"),
)  # fmt: skip

BACKEND_CONFIG = (
    Entry("config", "0.7", "1.7", 'client.create_backend("tag", Model, config={"num_replicas": 3})',
          "keywords of `@serve.deployment`", "the same keywords", rules=("SC103", "SC120")),
    Entry("BackendConfig", "0.7", "1.7", 'client.create_backend("tag", Model, config=BackendConfig(num_replicas=3))',
          "keywords of `@serve.deployment`", "the same keywords", rules=("SC103",)),
    Entry("num_replicas", "0.7", "", "BackendConfig(num_replicas=3)", "`@serve.deployment(num_replicas=3)`",
          "the same keyword", rules=("SC103",)),
    Entry("max_batch_size", "0.7", "1.3", "BackendConfig(max_batch_size=8)",
          "`@serve.batch(max_batch_size=8)` on an async method that takes a list", "the same `@serve.batch`",
          rules=("SC112",)),
    Entry("batch_wait_timeout", "0.8", "1.3", "BackendConfig(batch_wait_timeout=0.1)",
          "`@serve.batch(batch_wait_timeout_s=0.1)`", "the same `@serve.batch`",
          "it counts from the first request of a batch", ("SC112",)),
    Entry(
        "max_concurrent_queries", "0.8", "2.9", "BackendConfig(max_concurrent_queries=10)",
        "`@serve.deployment(max_concurrent_queries=10)`", "`@serve.deployment(max_ongoing_requests=10)`",
        "the default was 8 for sync backends and unlimited for async ones up to 1.2, then 100, and is 5 today: pinned"
        " unless `--no-pin`; sync handlers never overlapped in one replica, and run in threads today",
        ("SC103", "SC104", "SC205", "SC218"),
    ),
    Entry(
        "user_config", "1.1", "", 'BackendConfig(user_config={"threshold": 0.5})',
        '`@serve.deployment(user_config={"threshold": 0.5})`', "the same keyword",
        "`{}` or 0 called no `reconfigure` up to 1.7; today only `None` does not", ("SC103",),
    ),
    Entry("reconfigure", "1.1", "", "def reconfigure(self, config): ...", KEEP, KEEP,
          "up to 1.7 it was called more often than needed; it may be async now"),
    Entry("experimental_graceful_shutdown_wait_loop_s", "1.2", "1.7",
          "BackendConfig(experimental_graceful_shutdown_wait_loop_s=1)",
          "`@serve.deployment(graceful_shutdown_wait_loop_s=1)`", "the same keyword", rules=("SC103",)),
    Entry("experimental_graceful_shutdown_timeout_s", "1.2", "1.7",
          "BackendConfig(experimental_graceful_shutdown_timeout_s=5)",
          "`@serve.deployment(graceful_shutdown_timeout_s=5)`", "the same keyword", rules=("SC103",)),
    Entry("internal_metadata", "1.0", "1.3", "BackendConfig().internal_metadata", "nothing: it was internal", AS_THERE),
    Entry("config.BackendMetadata", "1.0", "1.3", "serve.config.BackendMetadata()", "nothing: it was internal",
          AS_THERE, rules=("SC215",)),
    Entry("config.ReplicaConfig", "1.0", "", "serve.config.ReplicaConfig(Model)", "nothing: it was internal", AS_THERE,
          rules=("SC215",)),
    Entry("env", "1.0", "1.2", 'client.create_backend("tag", Model, env=serve.CondaEnv("tf1"))', _CONDA, AS_THERE,
          rules=("SC103",)),
    Entry("CondaEnv", "1.0", "1.2", 'client.create_backend("tag", Model, env=serve.CondaEnv("tf1"))', _CONDA, AS_THERE,
          "a backend without an environment of its own ran in that of its caller", ("SC103",)),
    Entry("ray_actor_options", "0.7", "", 'client.create_backend("tag", Model, ray_actor_options={"num_gpus": 1})',
          '`@serve.deployment(ray_actor_options={"num_gpus": 1})`', "the same keyword",
          "a replica took no CPU in Ray 0.8, and takes one since; pinned unless `--no-pin`", ("SC103", "SC104")),
)  # fmt: skip
