"""What the runs of both programs say together: the same, different, or not to be compared. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serve_compat.verify.compare import FROM_WORKER, Row, Rules, differences, rows
from serve_compat.verify.exchange import Answer, Request, answer_of, request_of
from serve_compat.verify.stage import SKIPPED, Result

SAME, DIFFERENT, NOT_RUN = 0, 1, 2
_NO_SERVER = Answer(0, error="the program started no HTTP server that could be found")
_NOWHERE = "OLD serves no HTTP that was found at its end (its port may have to be named with --port)"
_FAILED = {
    "raised": "ended with an error",
    "died": "ended before its last line",
    "timeout": "did not come to an end, or to rest, in time",
}
_HINTS = (
    ("If the program was written for Ray 1.0 or 1.1", "its handlers read Flask requests: say --era 1.0"),
    ("Could not find any running Ray instance", "it connects to a running cluster: say --cluster to start one for it"),
    ("No module named 'serve_compat'", "the interpreter of --new-python does not have serve-compat"),
    ('pip install "ray[serve]"', "that interpreter lacks stock Ray Serve: name one that has it with --new-python"),
    ("module 'ray.serve' has no attribute", "the old API is gone there: `import serve_compat as serve`, or migrate it"),
    ("ModuleNotFoundError", "install what is missing, or name another interpreter with --new-python or --old-python"),
    ("address already in use", "stop what listens on that port, or run where network namespaces are allowed"),
)


@dataclass(frozen=True)
class Asked:
    """One request with the answers of both sides and in what they differ."""

    request: Request
    old: list[Answer]
    new: list[Answer]
    differences: list[str]


@dataclass(frozen=True)
class Verdict:
    """The whole comparison.

    Attributes:
        troubles: why one of the programs could not be run to its end, or why there was nothing to compare; then nothing
            was proved.
        statuses: exit statuses that differ, in words; "" when they do not.
        notes: what was not compared, and why.
    """

    old: Result
    new: Result
    asked: list[Asked]
    rows: list[Row]
    troubles: list[str]
    statuses: str
    notes: list[str]

    @property
    def exit_code(self) -> int:
        """0 the same, 1 different, 2 could not be compared."""
        if self.troubles:
            return NOT_RUN
        return DIFFERENT if self.statuses or not self.answers_agree or not self.lines_agree else SAME

    @property
    def answers_agree(self) -> bool:
        """Whether no answer differs."""
        return not any(each.differences for each in self.asked)

    @property
    def lines_agree(self) -> bool:
        """Whether both printed the same."""
        return all(row.same for row in self.rows)


def failed(result: Result) -> bool:
    """Whether a program was not run to its end."""
    return result.outcome in _FAILED


def judge(old: Result, new: Result, rules: Rules, server_expected: bool = False) -> Verdict:
    """Compare two runs.

    Args:
        new: must have been asked what `old` was asked.
        server_expected: whether there were requests to send, or a port was named; without a server that proves nothing.
    """
    troubles = [_trouble(name, side) for name, side in (("OLD", old), ("NEW", new)) if failed(side)]
    asked = []
    for number, given in enumerate(old.asked):
        left = [answer_of(answer) for answer in old.answers[number]]
        has_right = number < len(new.answers)
        right = [answer_of(answer) for answer in new.answers[number]] if has_right else [_NO_SERVER] * len(left)
        asked.append(Asked(request_of(given), left, right, differences(left, right, rules)))
    printed = [] if new.outcome == SKIPPED else rows(old.out, new.out, rules)
    if not troubles and old.routes is None and (server_expected or not printed):
        troubles.append(f"{_NOWHERE}, so {'no request was sent' if server_expected else 'there is nothing to compare'}")
    elif not troubles and not asked and not printed:
        troubles.append("OLD announces no route without parameters and prints nothing: give requests with --requests")
    ended = old.outcome == new.outcome == "ended"
    differ = f"OLD ended with status {old.status}, NEW with {new.status}"
    return Verdict(
        old=old,
        new=new,
        asked=[] if failed(new) else asked,
        rows=printed,
        troubles=troubles,
        statuses=differ if ended and old.status != new.status else "",
        notes=[*_notes(old, new), *_notes_on_answers([] if failed(new) else asked), *_notes_on_lines(printed)],
    )


def _trouble(name: str, result: Result) -> str:
    text = "\n".join(result.err)
    hints = [hint for mark, hint in _HINTS if mark in text]
    own = [line for line in result.err if line.strip() and not FROM_WORKER.match(line)]
    last = (own or [line for line in result.err if line.strip()] or [""])[-1]
    parts = [f"{name} {_FAILED[result.outcome]}", *([last.strip()] if last else []), *hints[:1]]
    return ": ".join(parts)


def _notes(old: Result, new: Result) -> list[str]:
    notes = []
    if old.routes is None and not failed(old):
        notes.append("OLD serves no HTTP at its end, so only what both printed was compared")
    elif not old.asked and not failed(old):
        notes.append("OLD announces no route without parameters, and no requests were given: give some with --requests")
    gone = sorted(set(_plain(old.routes)) - set(_plain(new.routes)))
    if gone and new.routes is not None:
        notes.append("NEW does not announce the routes " + ", ".join(gone))
    more = sorted(set(_plain(new.routes)) - set(_plain(old.routes)))
    if more and old.routes is not None:
        notes.append("only NEW announces the routes " + ", ".join(more))
    return notes


def _notes_on_answers(asked: Sequence[Asked]) -> list[str]:
    notes = []
    errors = [each for each in asked if not each.differences and all(answer.status >= 500 for answer in each.old)]
    if errors:
        number = "1 request" if len(errors) == 1 else f"{len(errors)} requests"
        notes.append(f"{number} got an error from both, which proves little: give some that work with --requests")
    if any(each.differences == ["body"] for each in asked):
        notes.append("where bodies differ in times, process numbers or the like only, take these out: --ignore REGEX")
    return notes


def _notes_on_lines(printed: Sequence[Row]) -> list[str]:
    if not any(row.old is not None and row.new is not None and not row.same for row in printed):
        return []
    return [
        "printed lines that differ in times or numbers only: --ignore REGEX, or --lines REGEX for those that matter"
    ]


def _plain(table: Mapping[str, Any] | None) -> list[str]:
    # 0.8 and 1.2 list an endpoint without a route under its name, 1.4 under "null"
    return [route for route in table or {} if route.startswith("/")]
