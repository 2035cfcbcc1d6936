"""`ray.serve.http_adapters` of Ray 1.12-2.6: functions that make a graph's input of an HTTP request."""

from __future__ import annotations

import io
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from serve_compat.graph.driver import starlette_request
from serve_compat.graph.extra import fastapi
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = [
    "NdArray",
    "image_to_ndarray",
    "json_request",
    "json_to_multi_ndarray",
    "json_to_ndarray",
    "pandas_read_json",
    "starlette_request",
]

_Row = list[float]


class NdArray(BaseModel):
    """An array in JSON.

    Attributes:
        array: nested lists of numbers, up to four levels.
        shape: what to reshape it to; None leaves it.
        dtype: numpy's name of the element type; None leaves it to numpy.
    """

    array: _Row | list[_Row] | list[list[_Row]] | list[list[list[_Row]]]
    shape: list[int] | None = None
    dtype: str | None = None


async def json_request(request: Request) -> Any:
    """The body, which is JSON."""
    return await request.json()


def json_to_ndarray(payload: NdArray) -> Any:
    """A numpy array from an `NdArray` in the body."""
    import numpy

    array = numpy.array(payload.array)
    if payload.shape is not None:
        array = array.reshape(*payload.shape)
    return array if payload.dtype is None else array.astype(payload.dtype)


def json_to_multi_ndarray(payload: dict[str, NdArray]) -> dict[str, Any]:
    """Several numpy arrays from a JSON object of `NdArray`s (Ray 2.x)."""
    return {name: json_to_ndarray(each) for name, each in payload.items()}


def image_to_ndarray(img: bytes = fastapi().File()) -> Any:
    """A numpy array of the pixels of an uploaded image, the form's field `img`. Needs Pillow."""
    import numpy
    from PIL import Image  # type: ignore[import-not-found, unused-ignore]

    return numpy.array(Image.open(io.BytesIO(img)))


async def pandas_read_json(raw_request: Request) -> Any:
    """A data frame of the body; query parameters are arguments of `pandas.read_json` (Ray 2.x)."""
    import pandas  # type: ignore[import-untyped, unused-ignore]

    text = (await raw_request.body()).decode("utf-8")
    return pandas.read_json(io.StringIO(text), **raw_request.query_params)
