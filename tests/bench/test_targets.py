from __future__ import annotations

from bench.targets import Limit, Side, Target, judge
from bench.values import Sample, Samples

OURS = Side("hello", "req/s", ("ours",))
PEERS = Side("hello", "req/s", ("slow", "fast"))


def samples(**by_system: list[float]) -> Samples:
    return Samples(
        Sample(number, "hello", "req/s", system, value)
        for system, values in by_system.items()
        for number, value in enumerate(values)
    )


def test_ratios_are_formed_inside_each_round():
    verdict = judge(Target("t", OURS, PEERS, ">=", 2), samples(ours=[20, 200, 40], fast=[10, 100, 10]))
    assert (verdict.measured.median, verdict.measured.low, verdict.measured.high) == (2, 2, 4)
    assert verdict.met


def test_the_best_of_several_peers_counts():
    verdict = judge(Target("t", OURS, PEERS, ">=", 2), samples(ours=[20], slow=[5], fast=[16]))
    assert verdict.measured.median == 1.25
    assert not verdict.met


def test_a_missed_target_says_by_how_much():
    assert judge(Target("t", OURS, PEERS, ">=", 2), samples(ours=[15], fast=[10])).gap == 0.25
    assert judge(Target("t", OURS, PEERS, "<=", 2), samples(ours=[30], fast=[10])).gap == 0.5


def test_a_constant_allowance_is_taken_off_before_comparing():
    target = Target("t", OURS, PEERS, "<=", 1.5, plus=3)
    assert judge(target, samples(ours=[18], fast=[10])).met
    assert not judge(target, samples(ours=[19], fast=[10])).met


def test_a_round_that_lacks_one_side_does_not_count():
    assert judge(Target("t", OURS, PEERS, ">=", 2), samples(ours=[20, 1], fast=[10])).measured.rounds == 1


def test_nothing_measured_is_no_verdict():
    assert judge(Target("t", OURS, PEERS, ">=", 2), samples(ours=[20])) is None


def test_a_limit_compares_our_own_figure():
    limit = Limit("t", OURS, 100, "ms")
    assert judge(limit, samples(ours=[60, 99, 500])).met
    assert judge(limit, samples(ours=[150])).gap == 0.5
