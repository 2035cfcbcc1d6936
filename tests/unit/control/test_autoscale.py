import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.config import AutoscalingConfig
from legacy.control.autoscale import LoadWindow, Patience, decide, desired_replicas

loads = st.floats(0, 10_000)
counts = st.integers(0, 200)


def config(**given):
    return AutoscalingConfig(**{"min_replicas": 1, "max_replicas": 10, **given})


@pytest.mark.parametrize(
    ("replicas", "per_replica", "target", "smoothing", "expected"),
    [(1, 10, 10, 1, 1), (1, 25, 10, 1, 3), (2, 0, 10, 1, 1), (4, 15, 10, 0.5, 5), (3, 5, 10, 0.5, 3)],
)
def test_the_worked_examples_of_the_original(replicas, per_replica, target, smoothing, expected):
    scaling = config(target_num_ongoing_requests_per_replica=target, smoothing_factor=smoothing)
    assert desired_replicas(scaling, replicas, per_replica * replicas) == expected


@given(counts, loads, st.integers(0, 5), st.integers(5, 50))
def test_the_answer_is_always_within_the_bounds(current, load, low, high):
    scaling = config(min_replicas=low, max_replicas=high)
    assert low <= desired_replicas(scaling, current, load) <= high


@given(st.integers(1, 200), loads, loads)
def test_more_load_never_asks_for_fewer_replicas(current, one, other):
    scaling = config(max_replicas=1000)
    low, high = sorted((one, other))
    assert desired_replicas(scaling, current, low) <= desired_replicas(scaling, current, high)


@given(st.integers(1, 50), st.integers(1, 20))
def test_a_load_at_its_target_changes_nothing(current, target):
    scaling = config(max_replicas=50, target_num_ongoing_requests_per_replica=target)
    assert desired_replicas(scaling, current, current * target) == current


def test_a_backend_at_zero_wakes_up_for_one_waiting_request():
    scaling = config(min_replicas=0)
    assert desired_replicas(scaling, 0, 1) == 1
    assert desired_replicas(scaling, 0, 0) == 0
    assert decide(scaling, 0, 1, Patience(), now=5.0).target == 1


def test_a_change_waits_for_its_whole_delay():
    scaling = config(upscale_delay_s=30, downscale_delay_s=600)
    first = decide(scaling, 1, 3, Patience(), now=100)
    assert first.target == 1
    assert decide(scaling, 1, 3, first.patience, now=129).target == 1
    assert decide(scaling, 1, 3, first.patience, now=130).target == 3


def test_a_moment_at_the_target_or_in_the_other_direction_starts_the_delay_anew():
    scaling = config(upscale_delay_s=30)
    waiting = decide(scaling, 2, 3, Patience(), now=0).patience
    assert decide(scaling, 2, 2, waiting, now=20).patience == Patience()
    assert decide(scaling, 2, 1, waiting, now=20).patience == Patience(-1, 20)


@given(st.lists(st.integers(0, 20), max_size=200))
def test_flapping_load_never_scales_before_a_delay_is_over(wishes):
    scaling = config(max_replicas=20, upscale_delay_s=5, downscale_delay_s=5)
    target, patience, changes = 5, Patience(), []
    for now, wish in enumerate(wishes):
        decision = decide(scaling, target, scaling.within(wish), patience, now)
        if decision.target != target:
            changes.append(now)
        target, patience = decision.target, decision.patience
    assert all(later - earlier >= 5 for earlier, later in zip([0, *changes], changes, strict=False))


def simulate(load_at, seconds, **given):
    """The number of replicas over time when replicas appear at once; one look a second."""
    scaling = config(**{"upscale_delay_s": 3, "downscale_delay_s": 20, "look_back_period_s": 5, **given})
    window, target, patience, history = LoadWindow(scaling.look_back_period_s), 1, Patience(), []
    for now in range(seconds):
        window.add(now, load_at(now))
        decision = decide(scaling, target, desired_replicas(scaling, target, window.mean()), patience, now)
        target, patience = decision.target, decision.patience
        history.append(target)
    return history


def test_a_spike_is_met_within_the_delay_and_the_look_back():
    history = simulate(lambda now: 80 if now >= 10 else 1, 60, target_num_ongoing_requests_per_replica=10)
    assert history[9] == 1
    assert max(history) == history[-1] == 8
    assert history.index(8) <= 10 + 3 + 5 + 4


def test_a_slow_decay_goes_down_to_min_replicas_and_never_up():
    history = simulate(lambda now: max(0, 100 - now), 200, target_num_ongoing_requests_per_replica=10)
    top = history.index(max(history))
    assert all(after <= before for before, after in zip(history[top:], history[top + 1 :], strict=False))
    assert history[-1] == 1


def test_a_spike_shorter_than_the_delay_is_ridden_out():
    assert set(simulate(lambda now: 50 if now == 10 else 0, 60, upscale_delay_s=10)) == {1}


def test_the_window_forgets_samples_older_than_the_period():
    window = LoadWindow(10)
    assert window.mean() is None
    for now, load in ((0, 100), (5, 2), (12, 4)):
        window.add(now, load)
    assert math.isclose(window.mean(), 3)
