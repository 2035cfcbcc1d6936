"""The text of the small deployment that `--generate-router` writes for weighted traffic, which stock Ray Serve lacks.

It is written for old deployments, so that it runs on serve_compat; the serve stage takes it on to stock Ray Serve.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

import libcst as cst

from serve_compat.migrate.rule import Rule

SC222 = Rule(
    "SC222",
    "with --generate-router, set_traffic between deployments becomes a router deployment",
    "deployment",
    "Stock Ray Serve splits no traffic by weights. A small deployment takes over the route and the handles, and"
    " sends each request on to one of the others; its user_config holds the weights: redeploying it changes them.",
    differs="A request passes one replica more; routed deployments must return what can be pickled, so no streams."
    " A shard key does not stick to one deployment, there is no shadow traffic, and weights are not checked. On"
    " stock Ray Serve new weights replace the router's replica; the routed deployments keep running.",
)

IMPORTS = ("import random", "from starlette.requests import Request")
"""Import lines that the text of `router_class` needs, beside the file's own import of serve."""

_PURPOSE = "Sends each request to one of the deployments by the weights of its user_config, which may change any time."

# num_cpus=0: a router that takes a CPU would not start in a cluster which the program itself fills.
_CLASS = '''\
@{serve}.deployment(
    name={name},
    version="1",
    route_prefix={route},
    max_concurrent_queries=100,
    ray_actor_options={{"num_cpus": 0}},
)
class {title}:
    """{purpose}"""

    def __init__(self):
        self.handles = {{}}
        self.weights = {{}}

    def reconfigure(self, weights):
        self.handles = {{name: {serve}.get_deployment(name).get_handle(sync=False) for name in weights}}
        self.weights = weights

    async def send(self, method, args, kwargs):
        name = random.choices(list(self.weights), list(self.weights.values()))[0]
        ref = await self.handles[name].options(method_name=method).remote(*args, **kwargs)
        return await ref

    async def __call__(self, *args, **kwargs):
        if args and isinstance(args[0], Request):
            scope = args[0].scope
            parts = ("type", "method", "path", "root_path", "query_string", "headers", "scheme", "server", "client")
            request = Request({{part: scope[part] for part in parts if part in scope}})
            request._body = await args[0].body()  # a request without its connection, which cannot be sent on
            request._url = args[0].url
            args = (request, *args[1:])
        return await self.send("__call__", args, kwargs)
'''
_METHOD = """
    async def {method}(self, *args, **kwargs):
        return await self.send("{method}", args, kwargs)
"""


def router_title(name: str) -> str:
    """A class name for the router of an endpoint: "price-v1" gives "PriceV1Router"."""
    words = [word for word in re.split(r"[^0-9A-Za-z]+", name) if word]
    title = "".join(word[:1].upper() + word[1:] for word in words) + "Router"
    return title if title.isidentifier() and not keyword.iskeyword(title) else f"Endpoint{title}"


def is_router(definition: cst.CSTNode | None) -> bool:
    """Whether a class is one that `router_class` wrote."""
    return isinstance(definition, cst.ClassDef) and definition.get_docstring() == _PURPOSE


def router_class(name: str, title: str, route: str, serve: str = "serve", methods: Sequence[str] = ()) -> str:
    """The source of the router class, four spaces deep.

    Args:
        name: source of the router's own deployment name: `"price-router"` with its quotes.
        title: the class's name, see router_title.
        route: source of its route_prefix, `None` where HTTP does not reach it.
        serve: how the file calls the module.
        methods: names of the methods, beside `__call__`, that handles of the endpoint call.
    """
    text = _CLASS.format(serve=serve, name=name, title=title, route=route, purpose=_PURPOSE)
    return text + "".join(_METHOD.format(method=method) for method in methods)


def router_deploy(title: str, weights: str) -> str:
    """The source of the statement that deploys the router, or changes its weights.

    Args:
        title: the class's name.
        weights: source of an expression that gives the dict of weights by deployment name.
    """
    return f"{title}.options(user_config={weights}).deploy()"
