"""Names, defaults and limits that several packages share; those of the originals have the originals' values."""

from __future__ import annotations

CONTROLLER_NAME = "SERVE_CONTROLLER_ACTOR"  # a detached instance's; others have random letters and a colon in front
BESIDE_STOCK_NAME = "SERVE_COMPAT_CONTROLLER"  # a detached instance's where stock Ray Serve has that name
SHARED_NAMESPACE = "serve"  # the Ray namespace of instances of drivers without one, and of all of Ray 2.x
PROXY_NAME = "SERVE_PROXY_ACTOR"

DEFAULT_HTTP_HOST = "127.0.0.1"
DEFAULT_HTTP_PORT = 8000
HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
OWN_PAGES = frozenset(("/-/routes", "/-/healthz", "*"))  # paths that proxies answer themselves
PROXY_READY_S = 60  # Ray 1.2-1.7: start() gives up after a minute
CONCURRENCY_1_4 = 100  # max_concurrent_queries of Ray 1.3-2.6
QUEUE_TIMEOUT_S = 60.0  # for a free slot: the originals wait without end, here every wait has a deadline

LATENCY_BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]

WHOLE_BYTES = 8 * 1024 * 1024  # a request's body up to this is read before its handler runs; a longer one streams

SMALL = 4 * 1024  # bytes of a body, or of a head, that are not worth counting for themselves
FEW = 50  # header lines of which the same holds

MAX_SHADOWS = 1000  # shadow requests that wait or are being answered, per backend

ROUTER_THREAD = "serve-router"  # of a process with handles; whoever waits for it has a deadline
