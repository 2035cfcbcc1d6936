"""The verdict for people, side by side, and for programs, as JSON. Pure: values in, text out."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from serve_compat.verify.compare import HEADERS_DIFFER, Row
from serve_compat.verify.exchange import Answer, answer_json, request_json
from serve_compat.verify.stage import SKIPPED, Result
from serve_compat.verify.verdict import Asked, Verdict

SCHEMA = 1
_CONTEXT = 2  # equal lines shown before and after one that differs
_BODY = 600  # characters of a body that are shown
_WORDS = {0: "same", 1: "different", 2: "not run"}


def as_text(verdict: Verdict, names: tuple[str, str], width: int) -> str:
    """The report.

    Args:
        names: of the programs.
        width: of the terminal, in characters.
    """
    column = max(20, (width - 5) // 2)
    parts = [f"OLD  {names[0]}: {_side(verdict.old)}\nNEW  {names[1]}: {_side(verdict.new)}"]
    if verdict.asked:
        parts.append(_requests(verdict.asked, column))
    if verdict.rows:
        parts.append(_printed(verdict.rows, column))
    parts += [f"Note: {note}." for note in verdict.notes]
    parts += [f"Different: {verdict.statuses}."] if verdict.statuses else []
    parts += [f"Could not compare: {trouble}" for trouble in verdict.troubles]
    parts += [_stderr(name, side) for name, side in (("OLD", verdict.old), ("NEW", verdict.new)) if _is_wanted(side)]
    return "\n\n".join([*parts, _last_line(verdict)])


def as_json(verdict: Verdict, names: tuple[str, str]) -> str:
    """Everything, for programs; `schema` changes when the meaning of a key does."""
    report = {
        "schema": SCHEMA,
        "result": _WORDS[verdict.exit_code],
        "old": _side_json(names[0], verdict.old),
        "new": _side_json(names[1], verdict.new),
        "requests": [_asked_json(each) for each in verdict.asked],
        "lines": [{"same": row.same, "old": row.old, "new": row.new} for row in verdict.rows],
        "statuses": verdict.statuses,
        "troubles": verdict.troubles,
        "notes": verdict.notes,
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


def beside(left: str, right: str, mark: str, column: int) -> str:
    """Two texts in two columns with a mark between them; long lines are folded."""
    olds, news = _folded(left, column), _folded(right, column)
    size = max(len(olds), len(news))
    pairs = zip(olds + [""] * (size - len(olds)), news + [""] * (size - len(news)), strict=True)
    return "\n".join(
        f"{old:<{column}}  {mark if not number else ' '}  {new}" for number, (old, new) in enumerate(pairs)
    )


def _requests(asked: Sequence[Asked], column: int) -> str:
    good = sum(not each.differences for each in asked)
    lines = [f"Requests: {good} of {len(asked)} answered alike"]
    for each in asked:
        lines.append(f"{'=' if not each.differences else '!'} {each.request.label}: {_line(each)}")
        if any(not difference.startswith(HEADERS_DIFFER) for difference in each.differences):
            lines.append(textwrap.indent(beside(_kinds(each.old), _kinds(each.new), "|", column - 2), "    "))
    return "\n".join(lines)


def _line(asked: Asked) -> str:
    return "; ".join(asked.differences) if asked.differences else _summary(asked.old[0])


def _summary(answer: Answer) -> str:
    if answer.error:
        return answer.error
    text = answer.body[:200].decode(errors="replace").replace("\n", " ")
    return f"{answer.status} {textwrap.shorten(text, 60, placeholder='…')}".rstrip()


def _kinds(answers: Sequence[Answer]) -> str:
    shown = list(dict.fromkeys(_whole(answer) for answer in answers))
    return "\n\n".join(shown[:5]) + (f"\n\n… {len(shown) - 5} more kinds" if len(shown) > 5 else "")


def _whole(answer: Answer) -> str:
    if answer.error:
        return answer.error
    body = answer.body[:_BODY].decode(errors="backslashreplace") + ("…" if len(answer.body) > _BODY else "")
    kind = answer.header("content-type") or ""
    return f"{answer.status} {kind}\n{body}".strip()


def _printed(rows: Sequence[Row], column: int) -> str:
    differing = [number for number, row in enumerate(rows) if not row.same]
    shown = [n for n in range(len(rows)) if any(abs(n - each) <= _CONTEXT for each in differing)]
    lines = [f"Printed lines: {len(rows) - len(differing)} of {len(rows)} alike"]
    before = -1
    for number in shown:
        lines += ["  ..."] if number > before + 1 else []
        lines.append(textwrap.indent(_row(rows[number], column), "  "))
        before = number
    return "\n".join(lines)


def _row(row: Row, column: int) -> str:
    mark = " " if row.same else "<" if row.new is None else ">" if row.old is None else "|"
    return beside(row.old or "", row.new or "", mark, column - 1)


def _folded(text: str, column: int) -> list[str]:
    lines = [textwrap.wrap(line, column, drop_whitespace=False) or [""] for line in text.expandtabs().splitlines()]
    return [part for line in lines for part in line]


def _side(result: Result) -> str:
    if result.outcome == SKIPPED:
        return "was not run"
    ends = {"waits": "goes on until Ctrl-C", "ended": f"ended with status {result.status}"}
    server = f", serves port {result.port}" if result.port else ""
    return f"{ends.get(result.outcome, 'failed')} after {result.seconds:.1f} s{server}"


def _is_wanted(result: Result) -> bool:
    return result.outcome not in ("ended", "waits", SKIPPED) and bool(result.err)


def _stderr(name: str, result: Result) -> str:
    return f"The last lines of {name}'s standard error:\n" + textwrap.indent("\n".join(result.err[-20:]), "  ")


def _last_line(verdict: Verdict) -> str:
    if verdict.exit_code == 2:
        return "Nothing is proved."
    if verdict.exit_code == 0:
        return f"The same: {len(verdict.asked)} requests, {len(verdict.rows)} printed lines."
    return "They differ."


def _side_json(name: str, result: Result) -> dict[str, Any]:
    keys = ("outcome", "status", "seconds", "port", "routes", "err")
    return {"program": name, **{key: getattr(result, key) for key in keys}}


def _asked_json(asked: Asked) -> dict[str, Any]:
    sides = {"old": list(map(answer_json, asked.old)), "new": list(map(answer_json, asked.new))}
    return {"request": request_json(asked.request), "differences": asked.differences, **sides}
