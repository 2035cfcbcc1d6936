"""The soak's own oracle: it fails when something fails that no fault touched, and when something grows."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest

from bench.endurance.killer import since
from bench.endurance.schedule import CALM, EVERY_S, STORM, blow, storm_s, warm_up_s
from bench.endurance.slopes import Usage, growth
from bench.endurance.soak import _of_blows, _of_commands, judge
from tests.fault.faults import Entry, Fault
from tests.fault.ledger import Ledger

PIDS = (11, 12, 13)
SECONDS = 60


@pytest.fixture
def ledger(tmp_path):
    """A minute, one request each 10 ms, answered in 5 by three replicas in turn; one of them is killed each 5 s."""
    made = Ledger(tmp_path / "started")
    lines = []
    for number in range(100 * SECONDS):
        sent = number / 100
        made.entries.append(Entry(f"id-{number}", sent, sent + 0.005, 200, f"id-{number}"))
        lines.append(f"id-{number} {PIDS[number % 3]}\n")
    made.path.write_text("".join(lines))
    made.faults = [Fault("replica", 11, at, at + 0.01) for at in range(0, SECONDS, 5)]
    return made


def fail(entry, status=500, text="broken"):
    entry.status, entry.text = status, text


def held(figures):
    return all(figure.held for figure in figures)


def test_a_run_without_a_failure_holds(ledger):
    assert held(judge(ledger))


def test_a_run_in_which_every_other_request_fails_is_not_explained_by_kills(ledger):
    for entry in ledger.entries[::2]:
        fail(entry)
    touched = sum(
        fault.begun <= entry.ended and entry.sent <= fault.over for entry in ledger.failed() for fault in ledger.faults
    )
    assert len(ledger.unexplained()) >= len(ledger.failed()) - touched
    assert not held(judge(ledger))


def test_one_failure_in_another_replica_than_the_killed_one_is_not_explained(ledger):
    lost, other = (next(e for e in ledger.entries if e.sent >= 5 and int(e.id[3:]) % 3 == turn) for turn in (0, 1))
    fail(lost)
    assert held(judge(ledger))
    fail(other)
    assert ledger.unexplained() == [other]
    assert not held(judge(ledger))


@pytest.mark.parametrize(("status", "text"), [(200, "id-1"), (200, ""), (404, "no route"), (413, "too long")])
def test_a_wrong_answer_is_explained_by_no_kill(ledger, status, text):
    lost = next(entry for entry in ledger.entries if entry.sent >= 5 and int(entry.id[3:]) % 3 == 0)
    fail(lost, status, text)
    assert ledger.unexplained() == [lost]


@pytest.mark.parametrize(("took", "explained"), [(4.0, True), (6.0, False)])
def test_who_waits_long_for_a_replica_that_is_gone_was_not_told_because_of_its_kill(ledger, took, explained):
    lost = next(entry for entry in ledger.entries if entry.sent >= 15 and int(entry.id[3:]) % 3 == 0)
    fail(lost, None)
    lost.ended = lost.sent + took
    ledger.faults = [Fault("replica", PIDS[0], lost.sent - 0.01, lost.sent + 0.01)]
    assert (ledger.unexplained() == []) == explained


def test_one_failure_between_two_kills_is_not_explained(ledger):
    entry = ledger.entries[252]
    fail(entry)
    assert ledger.unexplained() == [entry]


def test_a_request_that_died_before_it_began_is_explained_by_the_replica_its_answer_names(ledger):
    (ledger.path.parent / "started.replicas").write_text("a#abcdef 11 0.0\nb#abcdef 12 0.0\n")
    ledger.path.write_text("")
    for entry, replica in zip(ledger.entries[500:502], ("a#abcdef", "b#abcdef"), strict=True):
        fail(entry, text=f"ReplicaLostError: replica '{replica}' of backend 'a' died")
    assert ledger.unexplained() == [ledger.entries[501]]


@pytest.mark.parametrize(
    ("text", "struck", "back", "explained"),
    [
        ("no replica of backend 'c' was free for 20 s", {21: 9.8, 22: 14.0}, 26.0, True),
        ("no replica of backend 'c' was free for 20 s", {21: 9.8}, 26.0, False),
        ("no replica of backend 'c' was free for 20 s", {21: 9.8, 22: 16.0}, 26.0, False),
        ("no replica of backend 'c' was free for 20 s", {21: 9.8, 22: 14.0}, 24.0, False),
        ("no replica of backend 'a' was free for 20 s", {21: 9.8, 22: 9.9}, 40.0, False),
        ("broken", {21: 9.8, 22: 9.9}, 40.0, False),
    ],
)
def test_who_waited_in_vain_is_explained_by_the_loss_of_all_it_could_wait_for(ledger, text, struck, back, explained):
    lines = ["a#abcdef 19 0.0", "c#aaaaaa 21 0.0", "c#bbbbbb 22 1.0", f"c#cccccc 23 {back}"]
    (ledger.path.parent / "started.replicas").write_text("\n".join(lines))
    entry = Entry("id-c", 10.0, 30.0, 503, f"DeadlineError: {text}; try again later")
    ledger.entries.append(entry)
    ledger.faults += [Fault("replica", pid, at, at + 0.2) for pid, at in struck.items()]
    assert (ledger.unexplained() == []) == explained


def test_a_killed_controller_explains_nothing(ledger):
    ledger.faults = [Fault("controller", 1, 0, 1000)]
    fail(ledger.entries[7])
    assert ledger.unexplained() == [ledger.entries[7]]


def test_a_killed_proxy_explains_broken_connections_until_its_port_answers_but_no_answer(ledger):
    ledger.faults = [Fault("proxy", 1, 10.0, 12.0)]
    during, after, told = ledger.entries[1100], ledger.entries[1330], ledger.entries[1110]
    for entry in ledger.entries[1100:]:
        entry.opened = 12.5
    fail(during, None, "refused")
    fail(after, None, "refused")
    fail(told, 404, "no route")
    assert ledger.unexplained() == [told, after]


def test_a_kept_connection_to_a_proxy_that_is_gone_fails_once_and_soon(ledger):
    ledger.faults = [Fault("proxy", 1, 10.0, 10.1)]
    soon, late = ledger.entries[1050], ledger.entries[1300]
    for entry in (soon, late):
        entry.opened = 9.0
        fail(entry, None, "reset")
    assert ledger.unexplained() == [late]


def test_what_nobody_sent_and_what_ran_twice_does_not_hold(ledger):
    before = ledger.path.read_text()
    for more in ("id-3 12\n", "smuggled 12\n"):
        ledger.path.write_text(before + more)
        assert not held(judge(ledger))


def test_an_answer_without_anything_that_ran_does_not_hold(ledger):
    ledger.path.write_text("".join(ledger.path.read_text().splitlines(keepends=True)[1:]))
    assert not held(judge(ledger))


@pytest.mark.parametrize(
    ("outages", "found", "holds"),
    [([0.9], [14.9], True), ([0.2, 1.1], [], False), ([], [3.0, 15.1], False), ([], [], True)],
)
def test_how_long_a_port_is_away_and_who_is_stopped_stays_are_bound_as_promised(outages, found, holds):
    killer = SimpleNamespace(blows=Counter(replica=1), outages=outages, found=found)
    assert held(_of_blows(killer)) == holds


@pytest.mark.parametrize(("died", "seconds"), [([], 20.0), ([95.0, 112.0], 8.0), ([90.0, 121.0], 20.0)])
def test_a_stopped_replica_is_counted_from_the_controllers_last_end_before_it_is_gone(died, seconds):
    assert since(100.0, died, 120.0) == seconds


@pytest.mark.parametrize(
    ("lost", "failed", "settled", "holds"),
    [([], [], 9.9, True), (["create a"], [], 1.0, False), ([], ["create a"], 1.0, False), ([], [], 10.1, False)],
)
def test_a_lost_command_an_unexplained_one_and_what_does_not_settle_do_not_hold(lost, failed, settled, holds):
    commands = SimpleNamespace(done=7, lost=lost, failed=failed)
    assert held(_of_commands(commands, settled)) == holds


def usage(hours=0.75, mib_per_hour=0.0, files_per_hour=0.0, tasks_per_hour=0.0):
    rng = random.Random(0)
    for at in range(0, int(3600 * hours), 10):
        hour = at / 3600
        memory = int((150 + mib_per_hour * hour + rng.choice((0, 0.1, 0.3))) * 2**20)
        yield Usage(at, memory, 40 + int(files_per_hour * hour), 20 + int(tasks_per_hour * hour))


def test_what_stays_as_it_is_holds_and_a_leak_does_not():
    assert held(growth("proxy", list(usage())))
    for leak in ({"mib_per_hour": 2}, {"files_per_hour": 60}, {"tasks_per_hour": 60}):
        assert not held(growth("proxy", list(usage(**leak))))


def test_a_short_run_binds_no_memory_but_still_counts():
    assert held(growth("proxy", list(usage(0.05, mib_per_hour=30))))
    assert not held(growth("proxy", list(usage(0.05, tasks_per_hour=600))))


def test_a_process_that_was_hardly_sampled_does_not_hold():
    assert not held(growth("proxy", list(usage(0.01))))


@pytest.mark.parametrize("seconds", [300.0, 3600.0])
def test_everything_is_struck_and_what_is_watched_lives_long_enough(seconds):
    times = [EVERY_S * number for number in range(int(seconds / EVERY_S))]
    struck = [blow(number, at, seconds) for number, at in enumerate(times)]
    assert set(struck) == {"replica", "stop", "node", "proxy", "controller"} == set(STORM)
    spared = [kind for kind, at in zip(struck, times, strict=True) if at >= storm_s(seconds)]
    assert set(spared) == set(CALM)
    assert set(struck[-6:]) == {"replica"}
    assert seconds - storm_s(seconds) - warm_up_s(seconds) >= (1800 if seconds == 3600 else 120)
