"""DATA: names of `ray.serve` that are no part of this package, the releases that had them, and what to write here.

One line per name: name, first release, last release ("" while today's Ray has it), what to use. A first release of ""
means that no Ray ever had it: people guess such names, and generated code is full of them. A dotted name belongs to a
submodule ("handle.DeploymentHandle") or to a class ("Deployment.remote"). Releases known only roughly are "2.x".
"""

from __future__ import annotations

from typing import NamedTuple


class Name(NamedTuple):
    """One name of some Ray Serve.

    Attributes:
        first, last: releases, see the module's docstring.
        instead: what to use here, a phrase that follows "here: ".
    """

    name: str
    first: str
    last: str
    instead: str


_SPLIT = "serve.set_traffic(endpoint, {backend: weight, ...}), which works for deployments too"
_HANDLE = "serve.get_deployment(name).get_handle(), or the handle that serve.run() returns"
_OPTIONS = "the same keywords in http_options={...} of serve.start()"
_MIXED = "; a program of Ray 2.7 to 2.9 runs on today's Ray after `serve-compat migrate`, with its route_prefix= too"
_RAY_SERVE_HANDLE = f"RayServeHandle or RayServeSyncHandle, whose remote() returns a ray.ObjectRef{_MIXED}"
_STATUS = "serve-compat status in a shell, or serve.api.get_deployment_statuses()"
_METRICS = "ray.util.metrics for your own metrics; those of serve are exported without any call"

_ROWS = (
    # never in any Ray
    ("router", "", "", _SPLIT),
    ("split_traffic", "", "", _SPLIT),
    ("traffic_split", "", "", _SPLIT),
    ("update_traffic", "", "", _SPLIT),
    ("set_traffic_policy", "", "", _SPLIT),
    ("get_traffic", "", "", "serve.list_endpoints()[endpoint]['traffic']"),
    ("canary", "", "", _SPLIT),
    ("mirror_traffic", "", "", "serve.shadow_traffic(endpoint, backend, share)"),
    ("set_shadow_traffic", "", "", "serve.shadow_traffic(endpoint, backend, share)"),
    ("deploy", "", "", "@serve.deployment and then .deploy() of what it makes, or serve.run(deployment.bind())"),
    ("deploy_group", "", "", "deployment.deploy() of each of them, or serve.run() of a graph"),
    ("deploy_backend", "", "", "serve.create_backend(tag, function_or_class)"),
    ("update_backend", "", "", "serve.update_backend_config(tag, {...})"),
    ("update_endpoint", "", "", "serve.set_traffic(endpoint, {...}), or delete_endpoint and create_endpoint"),
    ("get_endpoint", "", "", "serve.list_endpoints()[name]"),
    ("get_backend", "", "", "serve.list_backends()[tag], or serve.get_backend_config(tag)"),
    ("delete_deployment", "", "", "serve.get_deployment(name).delete()"),
    ("update_deployment", "", "", "serve.get_deployment(name).options(...).deploy()"),
    ("scale_deployment", "", "", "serve.get_deployment(name).options(num_replicas=n).deploy()"),
    ("stop", "", "", "serve.shutdown()"),
    ("get_client", "", "", "serve.connect(), or what serve.start() returns"),
    ("InputNode", "", "", "serve.dag.InputNode (from ray.serve.dag import InputNode)"),
    ("DAGDriver", "", "", "serve.drivers.DAGDriver (from ray.serve.drivers import DAGDriver)"),
    ("RayServeHandle", "", "", "serve.handle.RayServeHandle"),
    ("RayServeException", "", "", "serve.exceptions.RayServeException"),
    ("AutoscalingConfig", "", "", "serve.config.AutoscalingConfig, or a dict as autoscaling_config"),
    ("DeploymentHandle", "", "", _HANDLE + _MIXED),
    ("get_deployment_statuses", "", "", "serve.api.get_deployment_statuses()"),
    # old
    ("metric", "0.8", "0.8", _METRICS),
    ("pipeline", "1.x", "1.x", "serve.dag.InputNode and .bind() of deployments"),
    ("route", "0.7", "0.7", "serve.create_endpoint(name, backend=tag, route='/path')"),
    ("http_util", "0.8", "1.x", "the request that every handler gets, and any Starlette response as its result"),
    ("PredictorDeployment", "2.0", "2.x", "a deployment class of your own that calls the predictor"),
    ("model_wrappers", "1.13", "1.13", "a deployment class of your own that calls the predictor"),
    ("air_integrations", "2.0", "2.x", "a deployment class of your own that calls the predictor"),
    ("application", "1.13", "2.x", "serve.api.Application, which serve.build() makes"),
    ("schema", "1.12", "", "options of @serve.deployment; there are no config files here"),
    ("gradio_integrations", "2.0", "", "@serve.ingress(app) with the ASGI app of the Gradio blocks"),
    # new
    ("Application", "2.x", "", "serve.api.Application; nodes of .bind() are what serve.run() takes"),
    ("BuiltApplication", "2.x", "2.x", "serve.api.Application"),
    ("Deployment", "2.x", "", "serve.api.Deployment"),
    ("multiplexed", "2.5", "", "one backend or deployment per model, or a dict of models in its constructor"),
    ("get_multiplexed_model_id", "2.5", "", "a query parameter or header of your own for the model"),
    ("multiplex", "2.5", "", "one backend or deployment per model, or a dict of models in its constructor"),
    ("status", "2.7", "", _STATUS),
    ("get_app_handle", "2.7", "", _HANDLE + _MIXED),
    ("get_deployment_handle", "2.7", "", _HANDLE + _MIXED),
    ("metrics", "2.x", "", _METRICS),
    ("grpc_util", "2.x", "", "HTTP or handles; there is no gRPC here"),
    ("llm", "2.44", "", "stock Ray Serve for it; it needs today's ray.serve"),
    ("run_many", "2.x", "", "serve.run() for each application"),
    ("RunTarget", "2.x", "", "serve.run() for each application"),
    ("shutdown_async", "2.x", "", "serve.shutdown() in a thread"),
    ("get_trace_context", "2.x", "", "the request's traceparent header"),
    ("get_deployment_actor", "2.x", "", "a named Ray actor of your own"),
    ("get_deployment_actor_context", "2.x", "", "serve.get_replica_context()"),
    ("ControllerOptions", "2.x", "", _OPTIONS),
    ("TracingConfig", "2.x", "", "a middleware in http_options"),
    # submodules
    ("handle.DeploymentHandle", "2.7", "", _RAY_SERVE_HANDLE),
    ("handle.DeploymentResponse", "2.7", "", f"the ray.ObjectRef of handle.remote(); ray.get() or await it{_MIXED}"),
    ("handle.DeploymentResponseGenerator", "2.7", "", "a streaming answer over HTTP"),
    ("config.ProxyLocation", "2.7", "", "DeploymentMode; location='EveryNode' in http_options"),
    ("config.gRPCOptions", "2.7", "", "HTTP or handles; there is no gRPC here"),
    ("config.RequestRouterConfig", "2.x", "", "set_traffic; requests go round the free replicas"),
    ("drivers.SimpleSchemaIngress", "1.12", "2.x", "serve.drivers.DAGDriver with http_adapter="),
    ("drivers.DefaultgRPCDriver", "2.2", "2.6", "HTTP or handles; there is no gRPC here"),
    ("drivers.gRPCIngress", "2.2", "2.6", "HTTP or handles; there is no gRPC here"),
    ("utils.MockImportedBackend", "1.0", "1.7", "serve.ImportedBackend('package.module.Name') of a class of your own"),
    ("dag.DAGNode", "2.x", "", "serve.deployment_graph.DAGNode"),
    ("exceptions.BackPressureError", "2.x", "", "RayServeException; its status attribute is 503 when queues are full"),
    ("exceptions.RequestCancelledError", "2.x", "", "asyncio.CancelledError in async handlers"),
    ("exceptions.DeploymentUnavailableError", "2.x", "", "RayServeException"),
    # classes
    ("Deployment.remote", "", "", "deployment.deploy(), and then deployment.get_handle().remote(...)"),
    ("Deployment.run", "", "", "deployment.deploy(), or serve.run(deployment.bind())"),
    ("Deployment.set_traffic", "", "", "serve.set_traffic(deployment.name, {backend: weight, ...})"),
    ("Deployment.scale", "", "", "deployment.options(num_replicas=n).deploy()"),
    ("Deployment.update", "", "", "deployment.options(...).deploy()"),
    ("Deployment.max_ongoing_requests", "2.10", "", "deployment.max_concurrent_queries, its name until Ray 2.9"),
    ("Deployment.max_queued_requests", "2.x", "", "nothing: queues are bounded by themselves"),
    ("Deployment.logging_config", "2.x", "", "Python's logging in the deployment's own code"),
)

NAMES = {row[0]: Name(*row) for row in _ROWS}
