"""What a handler's result becomes: the headers and the body of an HTTP answer.

Up to Ray 1.13 results became indented JSON and only a few kinds of object were known; from 2.0 on it is in one line,
and dates, numbers, sets, dataclasses and whatever else is made of plain values have a form of their own.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from operator import attrgetter, methodcaller
from pathlib import PurePath
from types import GeneratorType
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic import AnyUrl, BaseModel, SecretBytes, SecretStr

from legacy.http.head import PLAIN_TEXT
from legacy.replica.foreign import FirstModel, Frame, Numpy

_BYTES = (b"content-type", b"text/plain")
_JSON = (b"content-type", b"application/json")

_BYTES_LIKE = (bytes, bytearray, memoryview)
_NOBODYS_RESULTS = ("legacy", "serve_compat", "ray")  # what handles and requests are made of is not for clients
_SQLALCHEMYS = "_sa_"  # how the attributes begin in which it keeps the state of a row
_UNKNOWN = object()


def to_http(result: Any, todays_json: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of the 200 answer for a handler's result that is not a Starlette response.

    Args:
        todays_json: whether JSON is that of Ray 2.x.

    Raises:
        TypeError: the result is not JSON; the message names its type.
        ValueError: it contains itself, or an iterator.
    """
    if isinstance(result, str):
        kind, body = PLAIN_TEXT, result.encode("utf-8")
    elif isinstance(result, _BYTES_LIKE):
        kind, body = _BYTES, bytes(result)
    elif result is None:
        kind, body = _BYTES, b""
    else:
        text = _in_one_line(result) if todays_json else json.dumps(result, cls=ServeEncoder, indent=2)
        kind, body = _JSON, text.encode("utf-8")
    return [kind, (b"content-length", b"%d" % len(body))], body


class ServeEncoder(json.JSONEncoder):
    """JSON for results: bytes, pydantic models, exceptions, numpy arrays and scalars become what users mean.

    As in Ray 0.8-1.13; numpy scalars, pydantic 2 models and the other kinds of bytes are this project's.
    """

    def default(self, o: Any) -> Any:
        """The JSON value for an object `json` does not know."""
        known = _known_in_all(o, by_alias=False)
        return super().default(o) if known is _UNKNOWN else known


def _in_one_line(result: Any) -> str:
    try:
        return _TODAYS.encode(result)
    except TypeError:  # a key that is no text; anything else comes again
        return _TODAYS.encode(_with_plain_keys(result))


def _known_in_all(o: Any, by_alias: bool) -> Any:
    """The value for what every generation knows; _UNKNOWN for others."""
    if isinstance(o, _BYTES_LIKE):
        return bytes(o).decode("utf-8")
    if isinstance(o, BaseModel):
        return o.model_dump(by_alias=by_alias)
    if isinstance(o, Exception):
        return str(o)
    if isinstance(o, Numpy):
        return o.tolist()
    if isinstance(o, FirstModel):
        return o.dict(by_alias=by_alias)
    return _UNKNOWN


def _known_today(o: Any) -> Any:
    known = _known_in_all(o, by_alias=True)
    if known is _UNKNOWN:
        forms = (form for kinds, form in _FORMS if isinstance(o, kinds))
        known = next(forms, _members)(o)
    return _with_plain_keys(known)


def _members(o: Any) -> dict[Any, Any]:
    if dataclasses.is_dataclass(o) and not isinstance(o, type):
        return {each.name: getattr(o, each.name) for each in dataclasses.fields(o)}
    ours = type(o).__module__.partition(".")[0] in _NOBODYS_RESULTS
    for taken in () if isinstance(o, type) else (dict,) if ours else (dict, vars):
        try:
            return {key: each for key, each in dict(taken(o)).items() if not str(key).startswith(_SQLALCHEMYS)}
        except Exception:  # user classes may fail in any way to be a mapping
            continue
    # an iterator has been read by now: tried again, as after a TypeError, it would seem to be empty
    kind = ValueError if isinstance(o, Iterator) else TypeError
    raise kind(f"Object of type {type(o).__name__} is not JSON serializable")


def _all_of(generator: Generator[Any, Any, Any]) -> list[Any]:
    """What a generator gives, also when it is asked for again."""
    if generator not in _READ:
        _READ[generator] = list(generator)
    return _READ[generator]


def _with_plain_keys(value: Any) -> Any:
    """The value, where keys of dicts that are no text, number or None are what they would be as values."""
    if isinstance(value, dict):
        return {_plain_key(key): _with_plain_keys(each) for key, each in value.items()}
    return [_with_plain_keys(each) for each in value] if isinstance(value, (list, tuple)) else value


def _plain_key(key: Any) -> Any:
    return key if key is None or isinstance(key, (str, int, float)) else _known_today(key)


def _number(decimal: Decimal) -> int | float:
    exponent = decimal.as_tuple().exponent
    return int(decimal) if isinstance(exponent, int) and exponent >= 0 else float(decimal)


_ADDRESSES = (IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network)
_FORMS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Frame, methodcaller("to_dict", orient="records")),
    (Enum, attrgetter("value")),
    ((datetime.date, datetime.time), methodcaller("isoformat")),
    (datetime.timedelta, methodcaller("total_seconds")),
    (Decimal, _number),
    ((UUID, PurePath, *_ADDRESSES, SecretStr, SecretBytes, AnyUrl), str),
    (re.Pattern, attrgetter("pattern")),
    ((set, frozenset, deque), list),
    (GeneratorType, _all_of),
)
_READ: WeakKeyDictionary[Generator[Any, Any, Any], list[Any]] = WeakKeyDictionary()
_TODAYS = json.JSONEncoder(default=_known_today)
