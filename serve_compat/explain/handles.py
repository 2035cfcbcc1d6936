"""DATA: handles and what handlers get, helpers of `serve.utils`, metrics; Ray 0.7 to 2.6."""

from __future__ import annotations

from serve_compat.explain.entry import AS_THERE, KEEP, Entry

_ASYNC = "in a handler that is `async def`"
_GONE = "no counterpart: pass it as an argument"
_TYPES = ("SC201", "SC209")
_FLASK = ("SC111",)

HANDLES = (
    Entry(
        "handle.remote", "0.7", "", 'handle.remote(name="Ada")', KEEP,
        "the same; it returns a `DeploymentResponse`, no `ObjectRef`",
        "arguments reach the handler as they are; backends saw a request with `.body()`, `.json()`, `.query_params`;"
        " the call no longer blocks while all replicas are busy",
        ("SC106", "SC209"),
    ),
    Entry(
        "ray.get(handle.remote())", "0.7", "2.9", "ray.get(handle.remote())", KEEP, "`handle.remote().result()`",
        "errors arrive as `RayTaskError` of the user's type in both; `.result()` is refused inside an event loop",
        ("SC209",),
    ),
    Entry("await (await handle.remote())", "1.2", "2.9", "await (await handle.remote())", KEEP,
          "`await handle.remote()`", rules=("SC210",)),
    Entry("ray.wait([handle.remote()])", "0.7", "2.9", "ray.wait([handle.remote()], timeout=1)", KEEP,
          "`ray.wait([response._to_object_ref_sync()])`, or `.result(timeout_s=1)`", rules=("SC209",)),
    Entry("sync", "1.2", "2.9", 'client.get_handle("endpoint", sync=False)',
          '`serve.get_deployment("endpoint").get_handle(sync=False)`',
          "nothing: one handle is for both, `await` or `.result()`", rules=("SC106", "SC208", "SC210")),
    Entry("handle.options", "0.8", "", 'handle.options(method_name="predict").remote()', KEEP,
          "`method_name` and `stream` are left", rules=("SC106", "SC219")),
    Entry("method_name", "0.8", "", 'handle.options(method_name="predict").remote()',
          "the same, or `handle.predict.remote()`", AS_THERE, rules=("SC106",)),
    Entry("shard_key", "0.8", "1.7", 'handle.options(shard_key="Ada").remote()',
          "the same where traffic is split, nothing elsewhere", "no counterpart: nothing sticks to one deployment",
          rules=("SC106", "SC219")),
    Entry("http_method", "0.8", "1.7", 'handle.options(http_method="POST").remote()', _GONE, _GONE,
          "the tool passes a small object that answers like a request", ("SC106",)),
    Entry("http_headers", "0.8", "1.7", 'handle.options(http_headers={"by": "Ada"}).remote()', _GONE, _GONE,
          "the tool passes a small object that answers like a request", ("SC106",)),
    Entry("handle.method.remote", "1.4", "", "handle.predict.remote(1)", KEEP, KEEP,
          "it returns a `DeploymentResponse`", ("SC209",)),
    Entry("handle.RayServeHandle", "0.7", "2.9", "from ray.serve.handle import RayServeHandle", KEEP,
          "`serve.handle.DeploymentHandle`", rules=("SC201",)),
    Entry("handle.RayServeSyncHandle", "1.2", "2.9", "from ray.serve.handle import RayServeSyncHandle", KEEP,
          "`serve.handle.DeploymentHandle`", rules=("SC201",)),
    Entry("handle.RayServeDeploymentHandle", "2.0", "2.9", "from ray.serve.handle import RayServeDeploymentHandle",
          KEEP, "`serve.handle.DeploymentHandle`", rules=("SC201",)),
    Entry("handle.RayServeLazySyncHandle", "1.12", "1.13", "from ray.serve.handle import RayServeLazySyncHandle", KEEP,
          "`serve.handle.DeploymentHandle`", rules=("SC201",)),
    Entry("handle.HandleOptions", "1.2", "2.x", "serve.handle.HandleOptions()", "nothing: it was internal", AS_THERE,
          rules=("SC215",)),
    Entry("exceptions.RayServeException", "0.7", "", "except RayServeException:", KEEP, KEEP,
          "errors that were a `KeyError` or a `ValueError` may be one today", ("SC216",)),
)  # fmt: skip

REQUESTS = (
    Entry("request.args", "0.7", "1.1", 'request.args.get("name")', '`request.query_params.get("name")`', AS_THERE,
          rules=_FLASK),
    Entry("request.json", "0.7", "1.1", 'request.json["name"]', f'`(await request.json())["name"]` {_ASYNC}', AS_THERE,
          "handlers that wait for their request overlap there; from Ray 1.2 on it was this call already", _FLASK),
    Entry("request.get_json", "0.7", "1.1", "request.get_json()", f"`await request.json()` {_ASYNC}", AS_THERE,
          rules=_FLASK),
    Entry("request.data", "0.7", "1.1", "request.data", f"`await request.body()` {_ASYNC}", AS_THERE, rules=_FLASK),
    Entry("request.get_data", "0.7", "1.1", "request.get_data()", f"`await request.body()` {_ASYNC}", AS_THERE,
          rules=_FLASK),
    Entry("request.form", "0.7", "1.1", 'request.form["name"]', f'`(await request.form())["name"]` {_ASYNC}', AS_THERE,
          "it needs the package python-multipart", _FLASK),
    Entry("request.files", "0.7", "1.1", 'request.files["image"]', f'`(await request.form())["image"]` {_ASYNC}',
          AS_THERE, "it needs the package python-multipart", ("SC127",)),
    Entry("request.values", "0.7", "1.1", 'request.values["name"]', "`request.query_params`, or the form", AS_THERE,
          rules=("SC127",)),
    Entry("request.method", "0.7", "", 'request.method == "POST"', KEEP, KEEP),
    Entry("request.headers", "0.7", "", 'request.headers["accept"]', KEEP, KEEP),
    Entry("request.query_params", "1.2", "", 'request.query_params["name"]', KEEP, KEEP,
          "through a handle it held the keyword arguments of the call", ("SC106",)),
    Entry("request.body", "1.2", "", "await request.body()", KEEP, KEEP,
          "through a handle it was the argument of the call, of any type", ("SC106",)),
    Entry("request.path_params", "1.3", "", 'request.path_params["id"]',
          "no counterpart: a route prefix has no parameters", "a route of a FastAPI ingress", rules=("SC126",)),
    Entry("ServeRequest", "1.0", "1.7", "async def __call__(self, request: serve.ServeRequest): ...",
          "the arguments of the call themselves", AS_THERE, rules=("SC106",)),
    Entry("utils.ServeMultiDict", "1.0", "1.7", "from ray.serve.utils import ServeMultiDict",
          "the arguments of the call themselves", AS_THERE, rules=("SC106", "SC215")),
    Entry("context.web", "0.7", "0.8", "if serve.context.web: ...", "`isinstance(request, starlette.requests.Request)`",
          AS_THERE, rules=_FLASK),
    Entry("context.batch_size", "0.8", "0.8", "serve.context.batch_size", "the length of the list", AS_THERE,
          rules=("SC127",)),
    Entry("context.TaskContext", "0.7", "0.8", "serve.context.TaskContext.Web", "nothing: it was internal", AS_THERE,
          rules=("SC215",)),
)  # fmt: skip

HELPERS = (
    Entry("utils.ServeEncoder", "0.8", "1.13", "json.dumps(value, cls=ServeEncoder)", KEEP,
          "`fastapi.encoders.jsonable_encoder(value)`", rules=("SC215",)),
    Entry("utils.logger", "0.8", "1.2", "from ray.serve.utils import logger", KEEP, '`logging.getLogger("ray.serve")`',
          rules=("SC215",)),
    Entry("utils.get_random_letters", "0.8", "", "serve.utils.get_random_letters()", KEEP, '`uuid.uuid4().hex`',
          rules=("SC215",)),
    Entry("utils.block_until_http_ready", "0.7", "1.x", 'block_until_http_ready("http://127.0.0.1:8000/-/routes")',
          KEEP, "nothing: `serve.run()` waits until the application is ready", rules=("SC215",)),
    Entry("utils.pformat_color_json", "0.7", "0.8", "pformat_color_json(value)", KEEP, "`json.dumps(value, indent=4)`",
          rules=("SC215",)),
    Entry("constants.DEFAULT_HTTP_HOST", "0.8", "", "serve.constants.DEFAULT_HTTP_HOST", KEEP, '`"127.0.0.1"`',
          rules=("SC215",)),
    Entry("constants.DEFAULT_HTTP_PORT", "0.8", "", "serve.constants.DEFAULT_HTTP_PORT", KEEP, "`8000`",
          rules=("SC215",)),
    Entry("constants.DEFAULT_HTTP_ADDRESS", "0.8", "1.x", "serve.constants.DEFAULT_HTTP_ADDRESS", KEEP,
          '`"http://127.0.0.1:8000"`', rules=("SC215",)),
    Entry("constants.SERVE_CONTROLLER_NAME", "0.8", "", "ray.get_actor(SERVE_CONTROLLER_NAME)", KEEP,
          "no counterpart: `serve.status()` tells what runs", rules=("SC215",)),
    Entry("constants.ALL_HTTP_METHODS", "1.4", "2.x", "methods=serve.constants.ALL_HTTP_METHODS", KEEP,
          "nothing: a deployment answers every method", rules=("SC215",)),
    *(
        Entry(f"constants.{name}", "0.8", "", f"from ray.serve.constants import {name}", KEEP, today, rules=("SC215",))
        for name, today in (
            ("SERVE_PROXY_NAME", "no counterpart: proxies are internal"),
            ("SERVE_LOGGER_NAME", '`"ray.serve"`'),
            ("DEBUG_LOG_ENV_VAR", '`logging_config={"log_level": "DEBUG"}` of `serve.start()`'),
            ("SERVE_ROOT_URL_ENV_KEY", "nothing: no call tells a URL any more"),
            ("DEFAULT_LATENCY_BUCKET_MS", "a list of your own"),
            ("HTTP_PROXY_TIMEOUT", "`60`"),
            ("BACKEND_RECONFIGURE_METHOD", '`"reconfigure"`'),
            ("RECONFIGURE_METHOD", '`"reconfigure"`'),
            ("HEALTH_CHECK_METHOD", '`"check_health"`'),
            ("CONTROL_PERIOD_S", "nothing: it was internal"),
            ("CONTROL_LOOP_PERIOD_S", "nothing: it was internal"),
        )
    ),
)  # fmt: skip


def _metric(old: str, first: str, last: str, today: str) -> Entry:
    return Entry(old, first, last, f"ray_{old}", KEEP, today)


METRICS = (
    _metric("serve_backend_request_counter", "1.1", "1.7", "`ray_serve_deployment_request_counter`"),
    _metric("serve_backend_error_counter", "1.1", "1.7", "`ray_serve_deployment_error_counter`"),
    _metric("serve_backend_replica_starts", "1.1", "1.7", "`ray_serve_deployment_replica_starts`"),
    _metric("serve_backend_processing_latency_ms", "1.1", "1.7", "`ray_serve_deployment_processing_latency_ms`"),
    _metric("serve_backend_queued_queries", "1.4", "1.7", "`ray_serve_deployment_queued_queries`"),
    _metric("serve_replica_queued_queries", "1.1", "1.3", "no counterpart: handlers do not queue in replicas"),
    _metric("serve_replica_processing_queries", "1.1", "", "the same"),
    _metric("serve_num_http_requests", "1.1", "", "the same"),
    _metric("serve_num_router_requests", "1.1", "", "the same"),
    _metric("serve_handle_request_counter", "1.3", "2.x", "`ray_serve_num_router_requests`"),
)
