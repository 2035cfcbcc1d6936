"""`ray.serve.drivers` of Ray 1.12-2.6."""

from serve_compat.deployments.deployment import Deployment, deployment
from serve_compat.graph import driver
from serve_compat.graph.driver import load_http_adapter
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["DAGDriver", "load_http_adapter", "load_input_schema"]

DAGDriver: Deployment = deployment(driver.DAGDriver, route_prefix="/")
load_input_schema = load_http_adapter
"""Its name in Ray 1.12."""
