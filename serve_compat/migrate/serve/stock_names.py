"""DATA: what `ray.serve` of today, Ray 2.60, has. What is not here went with an old release, or never was."""

from __future__ import annotations

_STOCK = """
    Application ControllerOptions Deployment HTTPOptions RunTarget TracingConfig batch delete deployment get_app_handle
    get_deployment_actor get_deployment_actor_context get_deployment_handle get_multiplexed_model_id
    get_replica_context get_trace_context ingress multiplexed run run_many shutdown shutdown_async start status
"""
STOCK = frozenset(_STOCK.split())
"""Names of the package itself."""

_NAMES = {
    "batching": "batch",
    "config": """
        AggregationFunction AutoscalingConfig AutoscalingContext AutoscalingPolicy BackpressureConfig ControllerOptions
        DeploymentActorConfig GangPlacementStrategy GangRuntimeFailurePolicy GangSchedulingConfig HTTPOptions
        ProxyLocation RequestRouterConfig gRPCOptions
    """,
    "context": "DeploymentActorContext GangContext RayServegRPCContext ReplicaContext",
    "deployment": "Application Deployment deployment_to_schema schema_to_deployment",
    "exceptions": """
        BackPressureError DeploymentUnavailableError RayServeException ReplicaUnavailableError RequestCancelledError
        gRPCStatusError
    """,
    "handle": """
        DeploymentBroadcastResponse DeploymentHandle DeploymentResponse DeploymentResponseGenerator ReplicaSelection
    """,
    "utils": "get_trace_context",
}
# Modules that hold nothing of old releases: whatever is asked of them is theirs.
_WHOLE = """
    _private async_inference_autoscaling_policy autoscaling_policy experimental gang generated gradio_integrations
    grpc_util llm metrics multiplex request_router schema scripts task_consumer task_processor taskiq_task_processor
"""
_MODULES: dict[str, frozenset[str] | None] = {
    "api": STOCK,
    **{module: frozenset(names.split()) for module, names in _NAMES.items()},
    **dict.fromkeys(_WHOLE.split()),
}


def is_todays(name: str) -> bool:
    """Whether today's Ray Serve has a name.

    Args:
        name: "run", "handle", "handle.DeploymentHandle", "_private.common.DeploymentID". Of names with an underscore in
            front nobody keeps account: they count as today's.
    """
    first, _, rest = name.partition(".")
    if first.startswith("_") or (first in STOCK and first not in _MODULES):
        return True
    if first not in _MODULES:
        return False
    known = _MODULES[first]
    second = rest.partition(".")[0]
    return not second or known is None or second.startswith("_") or second in known or first in STOCK
