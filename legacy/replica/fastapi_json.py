"""What FastAPI makes JSON of in replicas beyond what it knows itself: numpy's values, and what Ray 2.0-2.6 taught it.

It makes JSON with `jsonable_encoder`, which can be taught, and where models are involved with pydantic, which cannot:
there the values are replaced once pydantic has failed.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from operator import methodcaller
from typing import Any

from pydantic import BaseModel

from legacy.replica.foreign import Frame, Numpy

Known = dict[type, Callable[[Any], Any]]

_ALWAYS: Known = {Numpy: methodcaller("tolist")}
_RAY_2: Known = {Frame: methodcaller("to_dict", orient="records"), Exception: str}


def teach(todays_json: bool) -> None:
    """Teach FastAPI, if this process has imported it.

    Args:
        todays_json: data frames become their records and exceptions their texts, too.
    """
    encoders, routing = sys.modules.get("fastapi.encoders"), sys.modules.get("fastapi.routing")
    if encoders is None or routing is None:
        return
    known = {**_ALWAYS, **_RAY_2} if todays_json else _ALWAYS
    encode = functools.partial(_encoded, encoders.jsonable_encoder, known)
    encoders.encoders_by_class_tuples[encode] = tuple(known)
    routing.serialize_response = functools.partial(_serialized, routing.serialize_response, known)  # type: ignore[attr-defined]


def jsonable(result: Any) -> Any:
    """What FastAPI, which must have been imported, makes of a result; it raises whatever that raises."""
    encode = sys.modules["fastapi.encoders"].jsonable_encoder
    try:
        return encode(result)
    except Exception:  # pydantic's, or what a serializer of the user's raises
        made = plain(result, _ALWAYS)
        if made is result:
            raise
        return encode(made)


def _encoded(encode: Callable[[Any], Any], known: Known, value: Any) -> Any:
    made = plain(value, known)
    if made is value:
        raise TypeError(f"{value!r} of type {type(value).__name__} cannot be made JSON")
    return encode(made)


async def _serialized(serialize: Callable[..., Awaitable[Any]], known: Known, **given: Any) -> Any:
    try:
        return await serialize(**given)
    except Exception:  # pydantic's, or what a validator of the user's raises
        content = given["response_content"]
        made = plain(content, known)
        if made is content:
            raise
        return await serialize(**{**given, "response_content": made})


def plain(value: Any, known: Known) -> Any:
    """The value with the known ones in it made plain; itself where there are none."""
    for kind, function in known.items():
        if isinstance(value, kind):
            made = function(value)
            # numpy has numbers that no others are equal to
            return value if isinstance(made, kind) else plain(made, known)
    if isinstance(value, BaseModel):
        changed = {name: made for name, old in value if (made := plain(old, known)) is not old}
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, dict):
        items = [(plain(key, known), plain(one, known)) for key, one in value.items()]
        same = all(key is old and one is value[old] for (key, one), old in zip(items, value, strict=True))
        return value if same else dict(items)
    if isinstance(value, (list, tuple, set, frozenset)):
        old = list(value)
        new = [plain(one, known) for one in old]
        return value if all(one is other for one, other in zip(new, old, strict=True)) else new
    return value
