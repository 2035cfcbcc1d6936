import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from legacy.control.plan import NOTHING, Actions, Seen, State, Wanted, allowed_missing, is_settled, plan

RUN, START, DRAIN = State.RUNNING, State.STARTING, State.DRAINING


def seen(*states, version="v", stamp="s"):
    return [Seen(f"r{i}", version, stamp, state, i) for i, state in enumerate(states)]


def wanted(n, version="v", stamp="s", may_start=True):
    return Wanted(n, version, stamp, may_start)


def test_a_new_backend_starts_all_its_replicas_at_once():
    assert plan(wanted(3), []) == Actions(start=3)


def test_nothing_is_left_to_do_when_all_run():
    assert plan(wanted(2), seen(RUN, RUN)) == NOTHING


def test_starting_replicas_count_as_coming():
    assert plan(wanted(2), seen(RUN, START)) == NOTHING


def test_a_dead_replica_is_replaced():
    assert plan(wanted(3), seen(RUN, RUN)).start == 1


def test_scaling_down_cancels_what_has_not_started_before_it_drains():
    actions = plan(wanted(1), seen(RUN, RUN, START))
    assert actions == Actions(cancel=("r2",), drain=("r1",))


def test_scaling_up_does_not_wait_for_replicas_that_drain():
    assert plan(wanted(2), seen(RUN, DRAIN)).start == 1


def test_a_deleted_backend_drains_what_runs_and_cancels_what_starts():
    assert plan(None, seen(RUN, START, DRAIN)) == Actions(cancel=("r1",), drain=("r0",))


def test_nothing_starts_while_failures_are_waited_out():
    assert plan(wanted(2, may_start=False), seen(RUN)) == NOTHING


def test_a_new_version_stops_one_old_replica_first():
    assert plan(wanted(3, version="w"), seen(RUN, RUN, RUN)) == Actions(drain=("r2",))


def test_a_new_version_starts_as_old_replicas_end():
    assert plan(wanted(3, version="w"), seen(RUN, RUN, DRAIN)) == NOTHING
    assert plan(wanted(3, version="w"), seen(RUN, RUN)) == Actions(start=1)


def test_replicas_of_an_old_version_that_still_start_are_cancelled():
    assert plan(wanted(1, version="w"), seen(START)) == Actions(start=1, cancel=("r0",))


def test_with_surge_a_single_replica_is_replaced_without_a_gap():
    target = Wanted(1, "w", "s", surge=1)
    old, new = seen(RUN)[0], Seen("n0", "w", "s", START, 9)
    assert plan(target, [old]) == Actions(start=1)
    assert plan(target, [old, new]) == NOTHING
    new.state = RUN
    assert plan(target, [old, new]) == Actions(drain=("r0",))


def test_with_surge_a_failing_version_leaves_the_old_replica_alone():
    assert plan(Wanted(1, "w", "s", may_start=False, surge=1), seen(RUN)) == NOTHING


def sick(replica):
    replica.sick = True
    return replica


def test_of_sick_replicas_only_as_many_go_as_may_be_missing():
    replicas = [sick(replica) for replica in seen(*[RUN] * 3)]
    assert plan(wanted(3), replicas) == Actions(drain=("r2",))
    replicas[2].state = DRAIN
    assert plan(wanted(3), replicas) == Actions(start=1)
    assert plan(wanted(3), [*replicas, *seen(RUN, RUN, RUN, START)[3:]]) == NOTHING
    assert plan(wanted(3, may_start=False), replicas) == NOTHING


def test_a_single_sick_replica_serves_until_another_has_taken_its_place():
    target = Wanted(1, "v", "s", surge=1)
    ill, new = sick(seen(RUN)[0]), Seen("n0", "v", "s", START, 9)
    assert plan(target, [ill]) == Actions(start=1)
    assert plan(target, [ill, new]) == NOTHING
    new.state = RUN
    assert plan(target, [ill, new]) == Actions(drain=("r0",))


def test_a_single_sick_replica_without_room_for_another_stays_and_holds_up_no_change():
    ill = sick(seen(RUN)[0])
    assert plan(wanted(1), [ill]) == NOTHING
    assert is_settled(wanted(1), [ill])
    assert not is_settled(Wanted(1, "v", "s", surge=1), [ill])
    assert plan(wanted(1, stamp="t"), [ill]).update == ("r0",)
    ill.given_up = True
    assert not is_settled(wanted(1), [ill])
    assert plan(wanted(1), [ill]) == Actions(drain=("r0",))


def test_a_single_replica_of_an_old_version_makes_room_for_the_new_one_also_when_it_is_sick():
    assert plan(wanted(1, version="w"), [sick(seen(RUN)[0])]) == Actions(drain=("r0",))


def test_a_replica_that_is_well_again_keeps_its_place():
    assert plan(Wanted(1, "v", "s", surge=1), seen(RUN, START)) == Actions(cancel=("r1",))


def test_sick_replicas_of_a_new_version_go_before_old_ones():
    ill = sick(Seen("n0", "w", "s", RUN, 9))
    assert plan(wanted(3, version="w"), [*seen(RUN, RUN), ill]) == Actions(drain=("n0",))


def test_a_sick_replica_hears_of_a_new_config_which_may_cure_it():
    assert plan(Wanted(1, "v", "t", surge=1), [sick(seen(RUN)[0])]).update == ("r0",)


def test_a_new_config_goes_to_a_fifth_of_the_replicas_at_a_time():
    assert plan(wanted(10, stamp="t"), seen(*[RUN] * 10)).update == ("r0", "r1")


def advance(replicas, actions, target, picks, counter):
    """The world's answer to the actions: some of what is under way finishes."""
    by_tag = {r.tag: r for r in replicas}
    for tag in actions.cancel:
        del by_tag[tag]
    for tag in actions.drain:
        by_tag[tag].state = State.DRAINING
    for tag in actions.update:
        by_tag[tag].state = State.UPDATING
    for _ in range(actions.start):
        number = next(counter)
        by_tag[f"n{number}"] = Seen(f"n{number}", target.version, target.stamp, State.STARTING, 1000 + number)
    for tag in list(by_tag):
        replica = by_tag[tag]
        if not picks():
            continue
        if replica.state is State.DRAINING:
            del by_tag[tag]
        elif replica.state is State.STARTING:
            replica.state = State.RUNNING
        elif replica.state is State.UPDATING:
            replica.state, replica.stamp, replica.sick = State.RUNNING, target.stamp, False
    return list(by_tag.values())


@given(
    old=st.integers(0, 12),
    new=st.integers(1, 12),
    version=st.sampled_from(["v", "w"]),
    stamp=st.sampled_from(["s", "t"]),
    seed=st.integers(0, 2**32),
    surge=st.integers(0, 1),
    ill=st.sets(st.integers(0, 11)),
)
def test_every_change_converges_within_its_bounds(old, new, version, stamp, seed, surge, ill):
    replicas, target = seen(*[RUN] * old), Wanted(new, version, stamp, surge=surge)
    for number in ill:
        replicas[number : number + 1] = map(sick, replicas[number : number + 1])
    counter, rng = iter(range(10_000)), random.Random(seed)
    floor = min(old, new - (0 if surge and version == "w" else allowed_missing(new)))
    floor = max(floor, min(old, 1)) if version == "v" else floor  # whoever is sick, one serves
    for _ in range(300):
        actions = plan(target, replicas)
        if actions == NOTHING and all(r.state is State.RUNNING for r in replicas):
            break
        replicas = advance(replicas, actions, target, lambda: rng.random() < 0.5, counter)
        states = Counter(r.state for r in replicas)
        assert states[State.RUNNING] + states[State.UPDATING] >= floor
        current = [r for r in replicas if r.state is not State.DRAINING]
        assert len(current) <= max(old, new + surge)
    assert [(r.version, r.stamp, r.state) for r in replicas] == [(version, stamp, RUN)] * new
