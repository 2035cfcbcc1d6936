"""`ray.serve.constants` of Ray 0.8-1.7: the values programs used."""

from serve_compat.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

SERVE_CONTROLLER_NAME = "SERVE_CONTROLLER_ACTOR"
SERVE_PROXY_NAME = "SERVE_PROXY_ACTOR"
DEFAULT_HTTP_HOST = "127.0.0.1"
DEFAULT_HTTP_PORT = 8000
DEFAULT_HTTP_ADDRESS = "http://127.0.0.1:8000"
DEFAULT_LATENCY_BUCKET_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
HTTP_PROXY_TIMEOUT = 60
CONTROL_PERIOD_S = 0.1
