"""The small deployment that `--generate-router` writes for weighted traffic, which stock Ray Serve does not have.

It is written for old deployments, so that it runs on serve_compat; the serve stage takes it on to stock Ray Serve.
"""

from __future__ import annotations

import keyword
import re

IMPORTS = ("import random", "from starlette.requests import Request")
"""Import lines that the text of `router_class` needs, beside the file's own import of serve."""

_CLASS = '''\
@{serve}.deployment(name={name}, version="1", max_concurrent_queries=100{route})
class {title}:
    """Sends each request to one of the deployments; user_config holds their weights and may change at any time."""

    def __init__(self, *names):
        self.handles = {{name: {serve}.get_deployment(name).get_handle(sync=False) for name in names}}
        self.weights = {{}}

    def reconfigure(self, weights):
        self.weights = weights

    async def __call__(self, request):
        if isinstance(request, Request):
            body = await request.body()
            parts = ("type", "method", "path", "root_path", "query_string", "headers", "scheme", "server", "client")
            request = Request({{part: request.scope[part] for part in parts if part in request.scope}})
            request._body = body  # a request that can be sent on: nothing of the connection is in it
        name = random.choices(list(self.weights), list(self.weights.values()))[0]
        ref = await self.handles[name].remote(request)
        return await ref
'''


def router_title(name: str) -> str:
    """A class name for the router of an endpoint: "price-v1" gives "PriceV1Router"."""
    words = [word for word in re.split(r"[^0-9A-Za-z]+", name) if word]
    title = "".join(word[:1].upper() + word[1:] for word in words) + "Router"
    return title if title.isidentifier() and not keyword.iskeyword(title) else f"Endpoint{title}"


def router_class(name: str, title: str, route: str | None, serve: str = "serve") -> str:
    """The source of the router class, four spaces deep.

    Args:
        name: source of the endpoint's name, which becomes the deployment's: `"price"` with its quotes.
        title: the class's name, see router_title.
        route: source of its route_prefix; None where "/" and the name is meant.
        serve: how the file calls the module.
    """
    given = "" if route is None else f", route_prefix={route}"
    return _CLASS.format(serve=serve, name=name, title=title, route=given)


def router_deploy(title: str, weights: str, tags: list[str]) -> str:
    """The source of the statement that deploys the router, or changes its weights.

    Args:
        title: the class's name.
        weights: source of the dict of weights by tag.
        tags: sources of the names of all deployments it may send requests to, those of later weights included.
    """
    return f"{title}.options(user_config={weights}).deploy({', '.join(tags)})"
