"""What must not be read by others: passwords and tokens, told by the names they go under and by their place in URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"
SHORTEST = 4  # a shorter password is found in URLs only: elsewhere it could be any word

# "token" and no "max_tokens", which a language model is asked with
_PARTS = re.compile(
    "authorization|cookie|token(?!s|iz)|secret|passw|passphrase|api-?key|access-?key|private-?key|signature"
    "|credential|session|[cx]srf"
)
_WORDS = frozenset({"auth", "jwt", "otp", "pwd", "sid", "sig"})
_USER = re.compile(r"(\w://)([^/\s@'\"]+)@")
_CONDA_TOKEN = re.compile(r"(/t/)([^/\s'\"]+)(?=/)")
_PARAMETER = re.compile(r"([?&;])([^=&;#\s'\"]+)=([^&;#\s'\"]+)")


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


def json_without_secrets(text: str, more: Sequence[str] = ()) -> str:
    """JSON with the values of hidden keys replaced; the same text when there are none, or when it is no JSON."""
    try:
        value = json.loads(text)
        cleaned = _cleaned(value, more)
    except (ValueError, RecursionError):
        return text
    return text if cleaned == value else json.dumps(cleaned)


def redacted(text: str, secrets: Iterable[str] = (), more: Sequence[str] = ()) -> str:
    """A text with the secrets in its URLs replaced, and with others that are known."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _USER.sub(rf"\1{HIDDEN}@", text)
    text = _CONDA_TOKEN.sub(rf"\1{HIDDEN}", text)
    return _PARAMETER.sub(lambda found: found[1] + _parameter(found[0][1:], more), text)


def secrets_in(texts: Iterable[str]) -> set[str]:
    """The passwords and tokens in the URLs of these texts, as they stand there and decoded."""
    found = set()
    for text in texts:
        found |= {given[2].rpartition(":")[2] for given in _USER.finditer(text)}
        found |= {given[2] for given in _CONDA_TOKEN.finditer(text)}
        found |= {given[3] for given in _PARAMETER.finditer(text) if is_hidden(unquote_plus(given[2]))}
    return {each for one in found for each in (one, unquote(one)) if len(each) >= SHORTEST}


def _parameter(text: str, more: Sequence[str]) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={HIDDEN}" if equals and is_hidden(unquote_plus(name), more) else text


def _cleaned(value: Any, more: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: HIDDEN if isinstance(one, str) and is_hidden(name, more) else _cleaned(one, more)
            for name, one in value.items()
        }
    return [_cleaned(one, more) for one in value] if isinstance(value, list) else value
