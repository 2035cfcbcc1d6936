"""DATA: deployment graphs, their drivers and adapters; Ray 1.12 to 2.6."""

from __future__ import annotations

from serve_compat.explain.entry import KEEP, Entry

_INGRESS = "an ingress class of your own that calls its parts by handle"
_NODE = ("SC220", "SC215")
_OWN = ("SC220",)

GRAPHS = (
    Entry("run", "1.12", "", 'serve.run(Model.bind(2), port=8001)', KEEP,
          '`serve.start(http_options={"port": 8001})` and `serve.run(Model.bind(2))`',
          "a run without a name replaces the application that runs without one", ("SC203",)),
    Entry("build", "1.13", "2.7", "serve.build(Model.bind(2))", KEEP,
          "`serve.run()` itself, or `serve build` in a shell for a config file", rules=("SC215",)),
    Entry("api.Application", "1.13", "2.x", "serve.api.Application", KEEP, "what `X.bind()` returns",
          rules=("SC215",)),
    Entry("delete", "2.3", "", 'serve.delete("application")', KEEP, KEEP),
    Entry("dag.InputNode", "1.12", "2.8", "with InputNode() as request: ...", KEEP,
          f"the parameters of {_INGRESS}", "calls that the graph made by itself are written out with `await`", _OWN),
    Entry("InputNode.attribute", "1.12", "2.8", "request.name, request[0]", KEEP,
          "attributes and items of the parameters", rules=_OWN),
    Entry("class_node.method.bind", "1.12", "2.8", "model.predict.bind(request)", KEEP,
          "`await self.model.predict.remote(request)` in the ingress", rules=_OWN),
    Entry("drivers.DAGDriver", "1.12", "2.8", "serve.run(DAGDriver.bind(graph))", KEEP,
          f"{_INGRESS}; FastAPI for several routes", "it answers every HTTP method", _OWN),
    Entry("ray.experimental.dag", "1.12", "1.13", "from ray.experimental.dag.input_node import InputNode",
          "`from serve_compat.deployment_graph import InputNode`",
          "as `dag.InputNode`; for graphs of Ray tasks, `ray.dag`", rules=("SC001", "SC220")),
    Entry("node.execute", "1.12", "2.8", "ray.get(graph.execute(1))", KEEP,
          "no counterpart: call the functions and classes themselves",
          "it runs the graph with Ray tasks and actors, without replicas", ("SC215",)),
    Entry("input_schema", "1.12", "1.12", "DAGDriver.bind(graph, input_schema=json_request)", KEEP,
          "as `http_adapter`", rules=_OWN),
    Entry("http_adapter", "1.13", "2.8", "DAGDriver.bind(graph, http_adapter=json_request)", KEEP,
          "the ingress calls the same function with the request", rules=_OWN),
    Entry("DAGDriver.predict", "1.12", "2.8", "handle.predict.remote(1)", KEEP,
          "the ingress' own method", rules=_OWN),
    Entry("DAGDriver.predict_with_route", "2.0", "2.8", 'handle.predict_with_route.remote("/path", 1)', KEEP,
          "methods of the ingress, one per route", rules=_NODE),
    Entry("drivers.load_http_adapter", "1.13", "2.8", "load_http_adapter(json_request)", KEEP,
          "nothing: call the function", rules=("SC215",)),
    Entry("drivers.load_input_schema", "1.12", "1.12", "load_input_schema(json_request)", KEEP,
          "nothing: call the function", rules=("SC215",)),
    Entry("api.RayServeDAGHandle", "1.12", "1.12", "from ray.serve.api import RayServeDAGHandle", KEEP,
          "`serve.handle.DeploymentHandle`", rules=("SC215",)),
    Entry("http_adapters", "1.12", "2.8", "from ray.serve.http_adapters import json_request", KEEP,
          "the same as a few lines of your own", rules=_NODE),
    Entry("http_adapters.starlette_request", "1.12", "2.8", "http_adapter=starlette_request", KEEP,
          "the request itself", rules=_NODE),
    Entry("http_adapters.json_request", "1.12", "2.8", "http_adapter=json_request", KEEP, "`await request.json()`",
          rules=_NODE),
    Entry("http_adapters.json_to_ndarray", "1.12", "2.8", "http_adapter=json_to_ndarray", KEEP,
          '`numpy.array((await request.json())["array"])`', rules=_NODE),
    Entry("http_adapters.json_to_multi_ndarray", "2.0", "2.8", "http_adapter=json_to_multi_ndarray", KEEP,
          '`{name: numpy.array(each["array"]) for name, each in (await request.json()).items()}`', rules=_NODE),
    Entry("http_adapters.image_to_ndarray", "1.12", "2.8", "http_adapter=image_to_ndarray", KEEP,
          '`numpy.array(PIL.Image.open((await request.form())["img"].file))`', rules=_NODE),
    Entry("http_adapters.pandas_read_json", "2.0", "2.8", "http_adapter=pandas_read_json", KEEP,
          "`pandas.read_json(io.BytesIO(await request.body()))`", rules=_NODE),
    Entry("http_adapters.NdArray", "1.12", "2.8", "def adapter(payload: NdArray): ...", KEEP,
          "a pydantic model of your own", rules=_NODE),
    *(
        Entry(f"deployment_graph.{name}", "1.12", "2.8", f"from ray.serve.deployment_graph import {name}", KEEP, today,
              rules=rules)
        for name, today, rules in (
            ("InputNode", "as `dag.InputNode`", _OWN),
            ("InputAttributeNode", "as `dag.InputNode`", ("SC215",)),
            ("ClassNode", "`serve.Application`: what `X.bind()` returns", ("SC215",)),
            ("ClassMethodNode", "no counterpart", ("SC215",)),
            ("FunctionNode", "`serve.Application`: what `f.bind()` returns", ("SC215",)),
            ("DAGNode", "`serve.Application`", ("SC215",)),
            ("RayServeDAGHandle", "`serve.handle.DeploymentHandle`", ("SC215",)),
        )
    ),
)  # fmt: skip
