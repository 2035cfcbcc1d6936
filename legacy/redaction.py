"""What must not be read by others: passwords and tokens, told by the names they go under and by their place in URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"
_NO_PASSWORDS = ("", "x-oauth-basic")  # the user's name is the token
SHORTEST = 4  # a shorter password is found in URLs only: elsewhere it could be any word

# "token" and no "max_tokens", which a language model is asked with
_PARTS = re.compile(
    "authorization|cookie|token(?!s|iz)|secret|passw|passphrase|api-?key|access-?key|private-?key|signature"
    "|credential|session|[cx]srf|passcode|assertion|(?:account|auth|client|functions?|master|subscription)-?key"
)
_WORDS = frozenset({"auth", "bearer", "jwt", "oidc", "otp", "pin", "pwd", "sid", "sig"})
_USER = re.compile(r"(\w://)([^/\s'\"?#]+)@")
_BEARER = re.compile(r"(\bbearer\s+)([^\s'\",;]+)", re.IGNORECASE)
_CONDA_TOKEN = re.compile(r"(/t/)([^/\s'\"]+)(?=/)")
_PARAMETER = re.compile(r"([?&;#])([^=&;#\s'\"]+)=([^&;#\s'\"]+)")
_PART = re.compile(
    rb"""(\bname="?([^"\r\n;]*)"?[^\r\n]*(?:\r\n[^\r\n]+)*\r\n\r\n)((?:(?!\r\n--).)*)""", re.DOTALL | re.IGNORECASE
)


def is_hidden(name: str, more: Sequence[str] = ()) -> bool:
    """Whether what a header or parameter of this name says is a secret.

    Args:
        more: further names, in lower case.
    """
    lowered = name.strip().lower().replace("_", "-")
    words = re.split(r"[^a-z0-9]+", lowered)
    return (
        _PARTS.search(lowered) is not None
        or not _WORDS.isdisjoint(words)
        or any(one.replace("_", "-") == lowered for one in more)
    )


def without_secrets(query: str, more: Sequence[str] = ()) -> str:
    """A query string, or a form, with the values of hidden parameters replaced."""
    return re.sub(r"[^&;]+", lambda found: _parameter(found[0], more), query)


def json_without_secrets(text: str | bytes, more: Sequence[str] = ()) -> str | None:
    """JSON, or lines of it, with the values of hidden keys replaced; None when there are none, or it is no JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _lines_without_secrets(text, more)
    try:
        cleaned = _cleaned(value, more)
    except RecursionError:
        return None
    return None if cleaned == value else json.dumps(cleaned)


def multipart_without_secrets(body: bytes, more: Sequence[str] = ()) -> bytes:
    """A form of several parts with the content of hidden ones replaced."""

    def part(found: re.Match[bytes]) -> bytes:
        return found[1] + HIDDEN.encode() if is_hidden(found[2].decode("latin-1"), more) else found[0]

    return _PART.sub(part, body)


def redacted(text: str, secrets: Iterable[str] = (), more: Sequence[str] = ()) -> str:
    """A text with the secrets in its URLs replaced, and with others that are known."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _USER.sub(rf"\1{HIDDEN}@", text)
    text = _CONDA_TOKEN.sub(rf"\1{HIDDEN}", text)
    text = _BEARER.sub(rf"\1{HIDDEN}", text)
    return _PARAMETER.sub(lambda found: found[1] + _parameter(found[0][1:], more), text)


def secrets_in(texts: Iterable[str]) -> set[str]:
    """The passwords and tokens in the URLs of these texts, as they stand there and decoded."""
    found = set()
    for text in texts:
        for given in _USER.finditer(text):
            user, _, password = given[2].partition(":")
            found |= {password or user, user if password in _NO_PASSWORDS else password}
        found |= {given[2] for given in _CONDA_TOKEN.finditer(text)}
        found |= {given[3] for given in _PARAMETER.finditer(text) if is_hidden(unquote_plus(given[2]))}
    return {each for one in found for each in (one, unquote(one)) if len(each) >= SHORTEST}


def _parameter(text: str, more: Sequence[str]) -> str:
    name, equals, value = text.partition("=")
    hidden = equals and (is_hidden(unquote_plus(name), more) or _USER.search(unquote(value)))
    return f"{name}={HIDDEN}" if hidden else text


def _lines_without_secrets(text: str | bytes, more: Sequence[str]) -> str | None:
    lines = text.splitlines(keepends=True) if isinstance(text, str) else []
    if len(lines) < 2 or not all(line.lstrip()[:1] in ("", "{", "[") for line in lines):
        return None
    said = [json_without_secrets(line, more) if line.strip() else None for line in lines]
    if said == [None] * len(lines):
        return None
    return "".join(line if one is None else f"{one}\n" for line, one in zip(lines, said, strict=True))


def _cleaned(value: Any, more: Sequence[str], hidden: bool = False) -> Any:
    """Whatever stands under a hidden name, or beside one as `{"name": ..., "value": ...}`."""
    if isinstance(value, dict):
        named = value.get("name", value.get("key"))
        is_pair = isinstance(named, str) and is_hidden(named, more)
        return {
            name: _cleaned(one, more, hidden or is_hidden(name, more) or (is_pair and name == "value"))
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(one, more, hidden) for one in value]
    return HIDDEN if hidden and value is not None and not isinstance(value, bool) else value
