from ray.serve.config import AutoscalingConfig, HTTPOptions
from ray.serve.schema import ServeDeploySchema

print(AutoscalingConfig(min_replicas=1, target_ongoing_requests=2), HTTPOptions(port=1), ServeDeploySchema)
