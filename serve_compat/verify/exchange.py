"""A request that both programs get, the answer one of them gave, and their form as lines of JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_LABEL = 40  # characters of a body that tell a request apart
KEYS = ("method", "path", "headers", "body", "body_base64", "json", "repeat")


class RequestLineError(ValueError):
    """A line of a requests file that says no request; the text names the line and what is wrong with it."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: upper case.
        path: with the query, as it goes over the wire.
        headers: pairs, in order.
        repeat: how often it is sent. From 2 on the SETS of answers are compared, as for a traffic split.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    repeat: int = 1

    @property
    def label(self) -> str:
        """How a report names it: with the beginning of its body, by which requests to one path are told apart."""
        text = _text(self.body)
        words = f"{len(self.body)} bytes" if text is None or not text.isprintable() else text
        shown = words if len(words) <= _LABEL else f"{words[:_LABEL]}…"
        return " ".join(
            [self.method, self.path, *([shown] * bool(self.body)), *([f"x {self.repeat}"] * (self.repeat > 1))]
        )


@dataclass(frozen=True)
class Answer:
    """What came back: a response, or, with status 0, the error that came instead of one.

    Attributes:
        headers: pairs, names in lower case.
        milliseconds: from the first byte sent to the last one received.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""
    milliseconds: float = 0.0

    def header(self, name: str) -> str | None:
        """All values of a header, joined; None when it is not there."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


def requests_of(lines: Iterable[str]) -> list[Request]:
    """The requests of a file with one JSON object in each line; empty lines and lines that begin with # are left out.

    Raises:
        RequestLineError: with the number of the line.
    """
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                found.append(request_of(json.loads(text)))
            except ValueError as error:
                raise RequestLineError(f"line {number}: {error}") from None
    return found


def request_of(given: Any) -> Request:
    """A request from its JSON object: `path`, and optionally `method`, `headers`, `repeat`, and one of `body` (text),
    `body_base64` and `json` (sent with its content type). Other keys that begin with an underscore are ignored.

    Raises:
        ValueError: something is missing, of a wrong type, or unknown.
    """
    if not isinstance(given, dict):
        raise ValueError(f'a request is an object like {{"path": "/greet"}}, not {json.dumps(given)[:60]}')
    unknown = sorted(key for key in given if key not in KEYS and not key.startswith("_"))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; known are {', '.join(KEYS)}")
    path, repeat = given.get("path"), given.get("repeat", 1)
    if not isinstance(path, str) or not path.startswith("/") or not path.isascii() or " " in path:
        raise ValueError(f"path must be text that begins with / and is percent-encoded, not {path!r}")
    if not isinstance(repeat, int) or repeat < 1:
        raise ValueError(f"repeat must be a whole number from 1 on, not {repeat!r}")
    body, kind = _body_of(given)
    headers = _pairs_of(given.get("headers", {}))
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("content-type", kind))
    method = str(given.get("method", "POST" if body else "GET")).upper()
    return Request(method, path, headers, body, repeat)


def request_json(request: Request) -> dict[str, Any]:
    """The object that `request_of` reads."""
    body = _text(request.body)
    sent = {} if not request.body else {"body_base64": _base64(request.body)} if body is None else {"body": body}
    repeated = {"repeat": request.repeat} if request.repeat > 1 else {}
    headers = {"headers": [list(pair) for pair in request.headers]} if request.headers else {}
    return {"method": request.method, "path": request.path, **headers, **sent, **repeated}


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as a JSON object."""
    body = _text(answer.body)
    return {
        "status": answer.status,
        "headers": [list(pair) for pair in answer.headers],
        **({"body_base64": _base64(answer.body)} if body is None else {"body": body}),
        **({"error": answer.error} if answer.error else {}),
        "milliseconds": round(answer.milliseconds, 2),
    }


def answer_of(given: Mapping[str, Any]) -> Answer:
    """The answer that `answer_json` wrote."""
    body = base64.b64decode(given["body_base64"]) if "body_base64" in given else given["body"].encode()
    headers = _pairs_of(given["headers"])
    return Answer(given["status"], headers, body, given.get("error", ""), given["milliseconds"])


def _body_of(given: Mapping[str, Any]) -> tuple[bytes, str]:
    bodies = [key for key in ("body", "body_base64", "json") if key in given]
    if len(bodies) > 1:
        raise ValueError(f"give one of {' and '.join(bodies)}, not both")
    if "json" in given:
        return json.dumps(given["json"]).encode(), "application/json"
    text = given.get(bodies[0], "") if bodies else ""
    if not isinstance(text, str):
        raise ValueError(f"{bodies[0]} must be text, not {text!r}")
    return (base64.b64decode(text, validate=True) if "body_base64" in given else text.encode()), ""


def _pairs_of(given: Any) -> tuple[tuple[str, str], ...]:
    pairs = list(given.items()) if isinstance(given, dict) else given
    if not isinstance(pairs, list) or not all(len(pair) == 2 and all(map(_is_text, pair)) for pair in pairs):
        raise ValueError(f"headers must be an object of texts, not {given!r}")
    return tuple((name, value) for name, value in pairs)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _base64(body: bytes) -> str:
    return base64.b64encode(body).decode("ascii")
