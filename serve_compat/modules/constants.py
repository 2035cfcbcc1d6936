"""`ray.serve.constants` of Ray 0.8-2.3: the values programs used."""

from legacy import constants as _ours
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

SERVE_CONTROLLER_NAME = _ours.CONTROLLER_NAME
SERVE_PROXY_NAME = _ours.PROXY_NAME
SERVE_LOGGER_NAME = "ray.serve"
DEBUG_LOG_ENV_VAR = "SERVE_DEBUG_LOG"
SERVE_ROOT_URL_ENV_KEY = "RAY_SERVE_ROOT_URL"
DEFAULT_HTTP_HOST = _ours.DEFAULT_HTTP_HOST
DEFAULT_HTTP_PORT = _ours.DEFAULT_HTTP_PORT
DEFAULT_HTTP_ADDRESS = f"http://{DEFAULT_HTTP_HOST}:{DEFAULT_HTTP_PORT}"
DEFAULT_LATENCY_BUCKET_MS = list(_ours.LATENCY_BOUNDS_MS)
HTTP_PROXY_TIMEOUT = _ours.PROXY_READY_S
ALL_HTTP_METHODS = list(_ours.HTTP_METHODS)
BACKEND_RECONFIGURE_METHOD = "reconfigure"
RECONFIGURE_METHOD = "reconfigure"
HEALTH_CHECK_METHOD = "check_health"
CONTROL_PERIOD_S = 0.1
CONTROL_LOOP_PERIOD_S = CONTROL_PERIOD_S
