"""What Ray itself keeps of each start is taken off a controller's growth, and nothing else is."""

from types import SimpleNamespace

import pytest

from bench.endurance.growth import judge, judge_control
from bench.endurance.slopes import HOUR_S, KIB, MIB, NOTHING, RaysShare, Slope, Usage, growth, per_start, slope
from bench.endurance.soak import share

STARTS = 800.0
RAY = {"controller": Slope(10 * KIB, 0.0), "proxy": Slope(0.2 * KIB, 0.3 * KIB)}


def held(figures):
    return all(figure.held for figure in figures)


def samples(mib_per_hour):
    return [Usage(at, int((150 + mib_per_hour * at / HOUR_S) * MIB), 40, 20) for at in range(0, 1800, 10)]


@pytest.mark.parametrize(
    ("controller", "standby", "starter", "holds"),
    [
        (10.4, 1.5, 10.2, True),
        (14.3, 1.5, 10.2, False),
        (10.4, 5.0, 10.2, False),
        (18.0, 1.5, 18.0, False),
        (4.5, 1.5, 0.1, False),
    ],
)
def test_a_start_may_cost_a_process_of_ours_little_more_than_a_bare_actor(controller, standby, starter, holds):
    ours = {"controller": Slope(controller * KIB, 0.0), "proxy that stands by": Slope(standby * KIB, 0.0)}
    assert held(judge("growth", ours, Slope(starter * KIB, 0.0), Slope(0.5 * KIB, 0.0))) == holds


@pytest.mark.parametrize(("mib_per_hour", "holds"), [(8.4, True), (9.5, False)])
def test_a_controller_that_grows_more_than_by_what_ray_keeps_does_not_hold(mib_per_hour, holds):
    of_ray = RaysShare(STARTS, RAY["controller"])
    assert held(growth("controller", samples(mib_per_hour), of_ray)) == holds
    assert not held(growth("controller", samples(mib_per_hour)))


def test_what_is_taken_off_is_said_where_it_is_taken_off():
    memory = growth("controller", samples(8.4), RaysShare(STARTS, RAY["controller"]))[0]
    assert memory.value.startswith("0.588 +- ")
    assert memory.value.endswith("less 7.81 that Ray keeps of 800 starts/h, 10 +- 0 KiB each in a bare actor")


def test_a_control_that_cannot_tell_growth_from_nothing_takes_nothing_off():
    of_ray = RaysShare(STARTS, RAY["proxy"])
    assert of_ray.taken_off == Slope(0.0, 0.0)
    assert not held(growth("proxy", samples(1.5), of_ray))


def test_only_starts_while_a_process_was_sampled_are_taken_off_and_only_for_whom_a_bare_actor_stands():
    one = SimpleNamespace(name="controller", samples=[SimpleNamespace(at=100.0), SimpleNamespace(at=1900.0)])
    births = [50.0, *(100.0 + number for number in range(400)), 2000.0]
    assert share(one, RAY, births) == RaysShare(STARTS, RAY["controller"])
    one.name = "a replica of a"
    assert share(one, RAY, births) == NOTHING


def test_a_control_that_is_too_unsure_of_what_ray_keeps_does_not_hold():
    assert held(judge_control("soak", Slope(10 * KIB, 1 * KIB), RAY["proxy"]))
    assert not held(judge_control("soak", Slope(10 * KIB, 7 * KIB), RAY["proxy"]))


def test_a_slope_is_by_what_the_values_stand_beside():
    assert slope([(48.0, 1000.0), (52.0, 3000.0), (56.0, 5000.0)]) == Slope(500.0, 0.0)


def test_what_a_bare_actor_keeps_is_its_memory_beside_its_starts():
    grows = [Usage(at, 100 * MIB + 9 * KIB * (at // 4), 40, 20) for at in range(0, 600, 10)]
    found = per_start(grows, [4.0 * number for number in range(1, 200)])
    assert found.rate == pytest.approx(9 * KIB)
    assert found.error < KIB
    assert per_start(grows, []) == per_start(grows[:8], [4.0]) == NOTHING.per_start
