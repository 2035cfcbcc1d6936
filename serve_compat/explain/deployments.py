"""DATA: deployments, their options and attributes, autoscaling; Ray 1.3 to 2.6."""

from __future__ import annotations

from serve_compat.explain.entry import AS_THERE, HERE, KEEP, STATUS, Entry

_HANDLE = (
    'the handle that `serve.run()` returns, or `serve.get_app_handle("name")`; in a constructor, an argument of'
    " `bind()`"
)
_VALUE = "no counterpart: keep the value in a variable"

DEPLOYMENTS = (
    Entry("deployment", "1.3", "", '@serve.deployment(name="model", route_prefix="/model")', KEEP,
          '`@serve.deployment(name="model")`', "`route_prefix` and `version` are no options of it today",
          ("SC205", "SC206", "SC207", "SC218")),
    Entry(
        "Deployment.deploy", "1.3", "2.9", "Model.deploy(2)", KEEP,
        '`serve.run(Model.bind(2), name="model", route_prefix="/model")`',
        "two `serve.run()` calls without a name replace each other, so each deployment becomes an application of its"
        " own",
        ("SC204",),
    ),
    Entry("Deployment.delete", "1.3", "2.9", "Model.delete()", KEEP, '`serve.delete("model")`', rules=("SC212",)),
    Entry("Deployment.get_handle", "1.3", "2.9", "Model.get_handle()", KEEP, _HANDLE,
          "a handle could be taken before the deployment was there", ("SC208", "SC221")),
    Entry("Deployment.options", "1.3", "", "Model.options(num_replicas=2).deploy()", KEEP,
          '`serve.run(Model.options(num_replicas=2).bind(), ...)`', rules=("SC204", "SC205")),
    Entry("Deployment.set_options", "1.12", "2.x", "Model.set_options(num_replicas=2)",
          "`Model = Model.options(num_replicas=2)`", AS_THERE, rules=("SC219",)),
    Entry("Deployment.bind", "1.12", "", "Model.bind(2)", KEEP, KEEP),
    Entry("Deployment.url", "1.5", "2.x", "requests.get(Model.url)", KEEP,
          "the address of `http_options` and the route, written out", rules=("SC213",)),
    Entry("_blocking", "1.3", "2.x", "Model.deploy(2, _blocking=False)", KEEP,
          "`serve.run_many([serve.RunTarget(Model.bind(2), ...)], wait_for_applications_running=False)`",
          rules=("SC204",)),
    Entry("get_deployment", "1.4", "2.9", 'serve.get_deployment("model").get_handle()', KEEP,
          '`serve.get_app_handle("model")` for calls, `serve.delete("model")` to delete',
          "an unknown name was a `KeyError`", ("SC211", "SC208")),
    Entry("list_deployments", "1.4", "2.9", "serve.list_deployments()", KEEP, STATUS, rules=("SC214",)),
    Entry("ingress", "1.3", "", "@serve.ingress(app)", KEEP, KEEP),
    Entry("check_health", "1.10", "", "def check_health(self): ...", KEEP, KEEP),
    Entry("api.Deployment", "1.4", "", "serve.api.Deployment", KEEP, "`serve.Deployment`", rules=("SC201",)),
    Entry("config.DeploymentConfig", "1.9", "2.x", "serve.config.DeploymentConfig(num_replicas=2)",
          "keywords of `@serve.deployment`", "the same keywords", rules=("SC215",)),
    Entry("common.DeploymentStatusInfo", "1.10", "2.x", "serve.common.DeploymentStatusInfo", KEEP,
          "what `serve.status()` returns", rules=("SC215",)),
    Entry("common.DeploymentStatus", "1.10", "2.x", "serve.common.DeploymentStatus.HEALTHY", KEEP,
          'texts: `"HEALTHY"`', rules=("SC215",)),
)  # fmt: skip

DEPLOYMENT_OPTIONS = (
    Entry("func_or_class", "1.4", "", "Model.options(func_or_class=Other)", KEEP, KEEP),
    Entry("backend_def", "1.3", "1.4", "Model.options(backend_def=Other)", "`func_or_class`", "`func_or_class`",
          rules=("SC219",)),
    Entry("name", "1.3", "", '@serve.deployment(name="model")', KEEP,
          "the same, and `name=` of `serve.run()` for the application", rules=("SC204",)),
    Entry("version", "1.3", "2.x", '@serve.deployment(version="1")', KEEP, "nothing: it is an error today",
          "`serve.run()` compares code and options by itself; of the same version the code was not looked at",
          ("SC207", "SC217")),
    Entry("prev_version", "1.3", "1.13", '@serve.deployment(version="2", prev_version="1")', KEEP,
          "nothing: it is an error today", "nobody checks which version ran before", ("SC207",)),
    Entry("init_args", "1.3", "2.9", "@serve.deployment(init_args=(2,))", KEEP, "`Model.bind(2)`", rules=("SC206",)),
    Entry("init_kwargs", "1.5", "2.9", '@serve.deployment(init_kwargs={"factor": 2})', KEEP, "`Model.bind(factor=2)`",
          rules=("SC206",)),
    Entry("route_prefix", "1.4", "", '@serve.deployment(route_prefix="/model")', KEEP,
          '`serve.run(..., route_prefix="/model")`; without one it was `"/" + name`', rules=("SC204", "SC206"),
          here=f"{HERE}; None means no HTTP, and with `--era 1.4` the default route"),
    Entry("health_check_period_s", "1.10", "", "@serve.deployment(health_check_period_s=5)", KEEP, KEEP),
    Entry("health_check_timeout_s", "1.10", "", "@serve.deployment(health_check_timeout_s=5)", KEEP, KEEP),
    Entry("graceful_shutdown_wait_loop_s", "1.8", "", "@serve.deployment(graceful_shutdown_wait_loop_s=1)", KEEP, KEEP),
    Entry("graceful_shutdown_timeout_s", "1.8", "", "@serve.deployment(graceful_shutdown_timeout_s=5)", KEEP, KEEP),
    Entry("_graceful_shutdown_wait_loop_s", "1.8", "1.13", "@serve.deployment(_graceful_shutdown_wait_loop_s=1)",
          "`graceful_shutdown_wait_loop_s`", AS_THERE, rules=("SC205",)),
    Entry("_graceful_shutdown_timeout_s", "1.8", "1.13", "@serve.deployment(_graceful_shutdown_timeout_s=5)",
          "`graceful_shutdown_timeout_s`", AS_THERE, rules=("SC205",)),
    Entry("_health_check_period_s", "1.10", "1.13", "@serve.deployment(_health_check_period_s=5)",
          "`health_check_period_s`", AS_THERE, rules=("SC205",)),
    Entry("_health_check_timeout_s", "1.10", "1.13", "@serve.deployment(_health_check_timeout_s=5)",
          "`health_check_timeout_s`", AS_THERE, rules=("SC205",)),
    Entry("is_driver_deployment", "2.0", "2.x", "@serve.deployment(is_driver_deployment=True)", "not offered",
          '`serve.start(proxy_location="EveryNode")` and `num_replicas`', rules=("SC219",),
          here="is refused with an error that says what to write"),
)  # fmt: skip

ATTRIBUTES = (
    Entry("Deployment.name", "1.3", "", "Model.name", KEEP, KEEP),
    Entry("Deployment.version", "1.4", "", "Model.version", KEEP, _VALUE, rules=("SC219",)),
    Entry("Deployment.prev_version", "1.4", "1.13", "Model.prev_version", KEEP, "no counterpart", rules=("SC219",)),
    Entry("Deployment.func_or_class", "1.4", "", "Model.func_or_class", KEEP, KEEP),
    Entry("Deployment.num_replicas", "1.4", "", "Model.num_replicas", KEEP,
          "the same for what was written; how many run tells `serve.status()`"),
    Entry("Deployment.user_config", "1.4", "", "Model.user_config", KEEP, KEEP),
    Entry("Deployment.max_concurrent_queries", "1.4", "2.9", "Model.max_concurrent_queries", KEEP,
          "`Model.max_ongoing_requests`", rules=("SC205",)),
    Entry("Deployment.route_prefix", "1.4", "2.9", "Model.route_prefix", KEEP, _VALUE, rules=("SC219",)),
    Entry("Deployment.ray_actor_options", "1.4", "", "Model.ray_actor_options", KEEP, KEEP),
    Entry("Deployment.init_args", "1.4", "", "Model.init_args", KEEP, _VALUE, rules=("SC219",)),
    Entry("Deployment.init_kwargs", "1.5", "", "Model.init_kwargs", KEEP, _VALUE, rules=("SC219",)),
)  # fmt: skip

AUTOSCALING = (
    Entry("_autoscaling_config", "1.8", "2.0", '@serve.deployment(_autoscaling_config={"max_replicas": 4})',
          "`autoscaling_config`", "`autoscaling_config`", rules=("SC205",)),
    Entry("autoscaling_config", "2.0", "", '@serve.deployment(autoscaling_config={"max_replicas": 4})', KEEP,
          "the same, some keys renamed", rules=("SC205", "SC218")),
    Entry("config.AutoscalingConfig", "1.8", "", "serve.config.AutoscalingConfig(max_replicas=4)", KEEP,
          "the same, some keys renamed", rules=("SC205",)),
    Entry("min_replicas", "1.8", "", '@serve.deployment(autoscaling_config={"min_replicas": 1})', KEEP, KEEP),
    Entry("max_replicas", "1.8", "", '@serve.deployment(autoscaling_config={"max_replicas": 4})', KEEP, KEEP,
          "with `min_replicas` alone it is 1 today, and an error; it was at least `min_replicas`"),
    Entry("initial_replicas", "2.0", "", '@serve.deployment(autoscaling_config={"initial_replicas": 2})', KEEP, KEEP),
    Entry("target_num_ongoing_requests_per_replica", "1.8", "2.9",
          '@serve.deployment(autoscaling_config={"target_num_ongoing_requests_per_replica": 5})', KEEP,
          '`autoscaling_config={"target_ongoing_requests": 5}`',
          "its default went from 1 to 2: pinned unless `--no-pin`", ("SC205", "SC218")),
    Entry("metrics_interval_s", "1.8", "", '@serve.deployment(autoscaling_config={"metrics_interval_s": 5})', KEEP,
          "the same, deprecated: an environment variable sets it for all"),
    Entry("look_back_period_s", "1.8", "", '@serve.deployment(autoscaling_config={"look_back_period_s": 10})', KEEP,
          KEEP),
    Entry("smoothing_factor", "1.8", "2.9", '@serve.deployment(autoscaling_config={"smoothing_factor": 0.5})', KEEP,
          '`autoscaling_config={"upscaling_factor": 0.5, "downscaling_factor": 0.5}`', rules=("SC205",)),
    Entry("upscale_delay_s", "1.8", "", '@serve.deployment(autoscaling_config={"upscale_delay_s": 3})', KEEP, KEEP),
    Entry("downscale_delay_s", "1.8", "", '@serve.deployment(autoscaling_config={"downscale_delay_s": 60})', KEEP,
          KEEP),
)  # fmt: skip
