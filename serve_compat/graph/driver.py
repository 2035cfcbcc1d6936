"""DAGDriver: answers HTTP requests with the results of graphs (Ray 1.12-2.6)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from legacy.errors import RayServeException
from legacy.replica.code import import_path
from legacy.replica.fastapi_json import jsonable
from legacy.replica.messages import HTTPRequest
from serve_compat.graph.extra import fastapi
from serve_compat.graph.handles import value_of

ANY_PATH = "/{path:path}"
_METHODS = ("GET", "POST")


class DAGDriver:
    """A deployment class that runs one graph for all paths, or one per route.

    Args:
        dags: a node of a graph, or a dict of route to node (Ray 2.x).
        http_adapter: makes a graph's input of an HTTP request: a function whose parameters FastAPI fills in, its import
            path, or a pydantic model class; None hands over the request itself.
        dag_handle: the name of `dags` in Ray 1.12-1.13.
        input_schema: the name of `http_adapter` in Ray 1.12.

    Raises:
        TypeError: no graph was given, or one argument under both of its names.
        ValueError: `http_adapter` is of another kind, or a parameter of it has no annotation.
    """

    def __init__(
        self, dags: Any = None, http_adapter: Any = None, *, dag_handle: Any = None, input_schema: Any = None
    ) -> None:
        given = _one_of(dags=dags, dag_handle=dag_handle)
        if given is None:
            raise TypeError("DAGDriver needs a graph: DAGDriver.bind(node), or DAGDriver.bind({'/route': node})")
        self._only = None if isinstance(given, Mapping) else given
        self._dags: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {ANY_PATH: given}
        self._app = fastapi().FastAPI()
        adapter = load_http_adapter(_one_of(http_adapter=http_adapter, input_schema=input_schema))
        for route in self._dags:
            for method in _METHODS:
                self._app.add_api_route(route, self._endpoint(route, adapter), methods=[method], name=method.lower())

    async def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Run the only graph, without HTTP; RayServeException when there are several."""
        if self._only is None:
            raise RayServeException(f"this DAGDriver has the routes {sorted(self._dags)}; use predict_with_route")
        return await value_of(self._only, args, kwargs)

    async def predict_with_route(self, route_path: str, *args: Any, **kwargs: Any) -> Any:
        """Run the graph of a route, without HTTP; RayServeException when there is no such route."""
        dag = self._dags.get(route_path)
        if dag is None:
            raise RayServeException(f"DAGDriver has no route {route_path!r}; it has {sorted(self._dags)}")
        return await value_of(dag, args, kwargs)

    async def __serve_startup__(self) -> None:
        """Called by the replica after the constructor."""

    async def __serve_asgi__(self, scope: Any, receive: Any, send: Any) -> None:
        """Called by the replica for every request."""
        if scope["path"] == scope["root_path"]:
            scope["path"] += "/"  # the prefix itself: as below it, without a redirect
        held: list[Any] = []

        async def hold_errors(message: Any) -> None:
            if held or (message["type"] == "http.response.start" and message["status"] == 500):
                held.append(message)
            else:
                await send(message)

        # FastAPI answers what a graph raises with a text that says nothing, and raises it again: the replica's answer
        # names the error. A graph's own answer of that status is sent as it is.
        await self._app(scope, receive, hold_errors)
        for message in held:
            await send(message)

    async def __serve_shutdown__(self) -> None:
        """Called by the replica before it stops."""

    def _endpoint(self, route: str, adapter: Callable[..., Any]) -> Callable[..., Any]:
        dag, depends = self._dags[route], fastapi().Depends(adapter)

        async def answer(inp: Any = depends) -> Response:
            if isinstance(inp, Request):
                inp = await _portable(inp)
            return _response(await value_of(dag, (inp,), {}))

        return answer


def starlette_request(request: Request) -> Request:
    """The request itself."""
    return request


def load_http_adapter(adapter: Any) -> Callable[..., Any]:
    """The function that makes a graph's input.

    Args:
        adapter: see `DAGDriver`.

    Raises:
        ImportError: there is nothing at that path.
        ValueError: it is of another kind, or a parameter has no annotation.
    """
    if adapter is None:
        return starlette_request
    if isinstance(adapter, str):
        adapter = _imported(adapter)
    if inspect.isclass(adapter) and issubclass(adapter, BaseModel):
        return _body_as(adapter)
    if not inspect.isfunction(adapter):
        raise ValueError(
            f"http_adapter must be a callable function, its import path or a pydantic model class, not {adapter!r}"
        )
    for name, parameter in inspect.signature(adapter).parameters.items():
        if parameter.annotation is parameter.empty:
            raise ValueError(
                f"parameter {name!r} of the http_adapter {adapter.__name__} is not type annotated; annotate it, such "
                "as `request: starlette.requests.Request` or `x: int`, so that FastAPI knows what to fill in"
            )
    return adapter


def _imported(path: str) -> Any:
    try:
        return import_path(_our_path(path))
    except ImportError as error:
        raise type(error)(
            f"http_adapter {path!r} cannot be imported: {error}; give the function itself, or the path of one that can "
            "be imported here and in replicas, such as 'package.module.function'"
        ) from error


def _our_path(path: str) -> str:
    path = path.replace(":", ".")
    return path.replace("ray.serve.", "serve_compat.", 1) if path.startswith("ray.serve.") else path


def _body_as(model: type[BaseModel]) -> Callable[..., Any]:
    def adapter(inp: Any) -> Any:
        return inp

    adapter.__annotations__["inp"] = model  # known only now
    return adapter


def _one_of(**spellings: Any) -> Any:
    given = {name: value for name, value in spellings.items() if value is not None}
    if len(given) > 1:
        raise TypeError(f"{' and '.join(given)} of DAGDriver are the same argument; give one of them")
    return next(iter(given.values()), None)


async def _portable(request: Request) -> Request:
    """The request as one that can be sent to the replicas of a graph."""
    portable = HTTPRequest(request.scope)
    portable._body = await request.body()
    return portable


def _response(result: Any) -> Response:
    if isinstance(result, Response):
        return result
    return JSONResponse(jsonable(result))
