"""What counts as the same answer and the same printed lines. Pure: values in, differences out."""

from __future__ import annotations

import contextlib
import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serve_compat.verify.exchange import Answer

# What a client acts on. Others (date, server, content-length, request ids) differ from run to run, or say nothing.
HEADERS = (
    "content-type",
    "location",
    "set-cookie",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "www-authenticate",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
)
# What a worker printed, which Ray repeats on the driver at a time of its own.
FROM_WORKER = re.compile(r"^(\x1b\[\d+m)?\([^()]*\bpid=\d+[^()]*\)")
MASK = "…"
HEADERS_DIFFER = "header "
"""How a difference in a header begins."""


@dataclass(frozen=True)
class Rules:
    """What to compare, and how strictly.

    Attributes:
        headers: their names, in lower case.
        ignored: what matches one of these is taken out of bodies and lines before they are compared, for process
            numbers, dates and the like.
        lines: printed lines without a match are left out; None compares all.
        exact: compare JSON byte for byte instead of by value, and the texts of errors that the server itself writes
            (5xx, 405, unknown route) too.
    """

    headers: tuple[str, ...] = HEADERS
    ignored: tuple[re.Pattern[str], ...] = ()
    lines: re.Pattern[str] | None = None
    exact: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the comparison of what both printed; None where a side has no such line."""

    old: str | None
    new: str | None

    @property
    def same(self) -> bool:
        """Whether both sides have it."""
        return self.old == self.new


def differences(old: Sequence[Answer], new: Sequence[Answer], rules: Rules) -> list[str]:
    """In what the answers to one request differ, in words; empty when they are the same.

    Args:
        old, new: one answer each, or as many as the request was repeated. Then each kind of answer that one side gave
            must have been given by the other at least once, since a traffic split gives them in any order.
    """
    if len(old) == 1 and len(new) == 1:
        return _of_two(old[0], new[0], rules)
    kinds = [{_seen(answer, rules) for answer in side} for side in (old, new)]
    missing, extra = len(kinds[0] - kinds[1]), len(kinds[1] - kinds[0])
    found = [f"{missing} of {len(kinds[0])} kinds of answers were not given by the new program"] if missing else []
    return found + ([f"the new program gave {extra} kinds of answers that the old one did not give"] if extra else [])


def rows(old: Sequence[str], new: Sequence[str], rules: Rules) -> list[Row]:
    """What both programs printed, side by side; masked parts show as an ellipsis."""
    left, right = ([_masked(line, rules) for line in _counted(side, rules)] for side in (old, new))
    found = []
    for _, first, last, begin, end in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        size = max(last - first, end - begin)
        olds = [*left[first:last], *[None] * (size - (last - first))]
        news = [*right[begin:end], *[None] * (size - (end - begin))]
        found += [Row(*pair) for pair in zip(olds, news, strict=True)]
    return found


def _of_two(old: Answer, new: Answer, rules: Rules) -> list[str]:
    if old.error or new.error:
        return [] if bool(old.error) == bool(new.error) else [f"no answer: {old.error or new.error}"]
    found = [] if old.status == new.status else [f"status {old.status}, {new.status}"]
    pages = _is_page_of_server(old, rules) and _is_page_of_server(new, rules)
    for name in () if pages else rules.headers:
        pair = _header(old, name), _header(new, name)
        if pair[0] != pair[1]:
            found.append(f"{HEADERS_DIFFER}{name} {pair[0] or 'not there'}, {pair[1] or 'not there'}")
    return found if _body(old, rules) == _body(new, rules) else [*found, "body"]


def _seen(answer: Answer, rules: Rules) -> Any:
    return answer.status, bool(answer.error), _body(answer, rules)


def _body(answer: Answer, rules: Rules) -> str | bytes:
    if _is_page_of_server(answer, rules):
        return b""
    try:
        text = answer.body.decode()
    except UnicodeDecodeError:
        return answer.body
    if not rules.exact and (answer.header("content-type") or "").startswith("application/json"):
        with contextlib.suppress(ValueError):  # its content type is wrong, so its text is what there is to compare
            text = json.dumps(json.loads(text), sort_keys=True)
    return _masked(text, rules)


def _is_page_of_server(answer: Answer, rules: Rules) -> bool:
    """Whether its text is the server's, not the program's: each release words these differently."""
    unknown_route = answer.status == 404 and answer.body.startswith(b"Path ")
    return not rules.exact and (answer.status >= 500 or answer.status == 405 or unknown_route)


def _header(answer: Answer, name: str) -> str | None:
    value = answer.header(name)
    return None if value is None else re.sub(r"\s*([;,])\s*", r"\1 ", value).strip().lower()


def _masked(text: str, rules: Rules) -> str:
    for pattern in rules.ignored:
        text = pattern.sub(MASK, text)
    return text


def _counted(lines: Sequence[str], rules: Rules) -> list[str]:
    own = [line.rstrip() for line in lines if not FROM_WORKER.match(line)]
    return own if rules.lines is None else [line for line in own if rules.lines.search(line)]
