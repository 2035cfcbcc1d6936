"""The judges of the long runs can say no: each is given a run in which one promise was broken."""

import pytest

from bench.endurance import overload, shadow, slow_clients, update
from bench.endurance.figures import at_most
from bench.endurance.report import HEAD, section, with_section
from bench.endurance.wire import Answer
from tests.fault.faults import Entry
from tests.fault.ledger import Ledger

SECONDS = 10
GOOD = [Answer(200, 0.5)] * int(overload.CAPACITY * SECONDS)
REFUSED = [Answer(503, 0.01, retry_after=True)] * (9 * len(GOOD))


def held(figures):
    return all(figure.held for figure in figures)


@pytest.mark.parametrize(
    ("answers", "holds"),
    [
        (GOOD + REFUSED, True),
        (GOOD[: len(GOOD) * 88 // 100] + REFUSED, False),
        (GOOD + REFUSED[200:] + [Answer(503, 0.06, retry_after=True)] * 200, False),
        (GOOD + REFUSED[1:] + [Answer(503, 0.01)], False),
        (GOOD + REFUSED[1:] + [Answer(0, 0.01)], False),
        ([Answer(200, 5.0)] * len(GOOD) + REFUSED, False),
        ([], False),
    ],
)
def test_an_overload_holds_only_with_enough_good_answers_and_quick_refusals(answers, holds):
    assert held(overload.judge(answers, SECONDS, "overload")) == holds


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path / "started")
    made.entries = [Entry(f"update-{number}", 0, 1, 200, f"update-{number}") for number in range(100)]
    made.path.write_text("".join(f"{entry.id} 1\n" for entry in made.entries))
    return made


def test_an_update_holds_only_if_nothing_failed_and_nothing_ran_twice(ledger):
    assert held(update.judge("update", ledger))
    ledger.entries[3].status = None
    assert not held(update.judge("update", ledger))
    ledger.entries[3].status = 200
    ledger.path.write_text(ledger.path.read_text() + "update-3 2\n")
    assert not held(update.judge("update", ledger))


@pytest.mark.parametrize(
    ("beside", "holds"),
    [
        ([Answer(200, 0.0205)], True),
        ([Answer(200, 0.022)], False),
        ([Answer(200, 0.02)] * 9 + [Answer(503, 0.02)], False),
    ],
)
def test_a_shadow_holds_only_if_the_primary_is_as_quick_and_fails_nothing(beside, holds):
    assert held(shadow.judge("slow", [[Answer(200, 0.02)] * 10] * 3, [beside * 10] * 3)) == holds


@pytest.mark.parametrize(
    ("stayed", "answered", "holds"),
    [([9.5, 9.9], 2, True), ([9.5], 1, False), ([9.5, 20.0], 2, False), ([9, 9], 1, False)],
)
def test_slow_clients_hold_only_if_all_were_told_and_closed_in_time(stayed, answered, holds):
    slow = slow_clients.Slow("half heads", b"", 2, 10.0, stayed=stayed, answered=answered)
    assert held(slow_clients.judge(slow)) == holds


def test_a_report_keeps_what_other_runs_found():
    def text(name, value):
        return section(name, "command", [("load", "1")], [at_most("what", value, 5)])

    report = with_section(with_section("", text("soak", 1), ["slow", "soak"]), text("slow", 2), ["slow", "soak"])
    assert report == with_section(report, text("slow", 2), ["slow", "soak"])
    changed = with_section(report, text("soak", 9), ["slow", "soak"])
    assert changed.startswith(HEAD)
    assert [row for row in changed.splitlines() if row.startswith("| what |")][1::2] == [
        "| what | 2 | <= 5 | yes |",
        "| what | 9 | <= 5 | NO |",
    ]
