import ray.serve
from ray.serve._private.common import DeploymentID
from ray.serve.batching import batch
from ray.serve.config import AutoscalingContext, GangSchedulingConfig, ProxyLocation, RequestRouterConfig
from ray.serve.context import _get_internal_replica_context
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, gRPCStatusError
from ray.serve.handle import DeploymentBroadcastResponse, DeploymentHandle, DeploymentResponseGenerator
from ray.serve.request_router import LocalityMixin, RequestRouter
from ray.serve.schema import ApplicationStatus, LoggingConfig
from ray.serve.task_consumer import task_consumer


class Router(LocalityMixin, RequestRouter):
    def choose(self, context: AutoscalingContext) -> DeploymentID:
        return _get_internal_replica_context().replica_id.deployment_id


def ask(handle: DeploymentHandle) -> DeploymentResponseGenerator:
    try:
        return handle.options(stream=True).remote()
    except (BackPressureError, DeploymentUnavailableError, gRPCStatusError):
        raise ray.serve.exceptions.RayServeException("busy") from None
