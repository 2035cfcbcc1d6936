"""legacy.traffic.split: the reference's rule for the primary, independent shadows, checks of what users give."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.traffic.split import Split, check_known, check_proportion, check_traffic

TAGS = st.text("abcxyz:#-0", min_size=1, max_size=4)
PARTS = st.dictionaries(TAGS, st.integers(0, 20), min_size=1, max_size=6).filter(lambda parts: sum(parts.values()) > 0)
KEYS = st.text(max_size=20)


class Fixed(random.Random):
    """A source that always draws the same number."""

    def __init__(self, draw: float) -> None:
        super().__init__(0)
        self.draw = draw

    def random(self) -> float:
        return self.draw


def weights(parts: dict[str, int]) -> dict[str, float]:
    total = sum(parts.values())
    return {tag: part / total for tag, part in parts.items()}


def reference_choice(traffic: dict[str, float], draw: float) -> str:
    """The rule of reference 5.5, word by word."""
    cumulative = 0.0
    chosen = ""
    for tag in sorted(traffic):
        if traffic[tag] > 0:
            chosen = tag
        cumulative += traffic[tag]
        if cumulative > draw:
            return tag
    return chosen


@given(PARTS, st.floats(0, 1, exclude_max=True))
def test_primary_is_the_first_sorted_backend_whose_cumulative_weight_exceeds_the_draw(parts, draw):
    traffic = weights(parts)
    assert Split(traffic, {}).primary(None, Fixed(draw)) == reference_choice(traffic, draw)


@given(PARTS, KEYS)
def test_a_shard_key_draws_by_the_rule_of_ray_1_2(parts, key):
    traffic = weights(parts)
    seed = int.from_bytes(sha256(key.encode("utf-8", "surrogatepass")).digest(), "little")
    expected = reference_choice(traffic, random.Random(seed).random())
    assert Split(traffic, {}).primary(key, random.Random()) == expected


@given(PARTS, KEYS, st.randoms(use_true_random=False))
def test_a_shard_key_does_not_depend_on_the_order_of_the_dict_nor_on_the_process(parts, key, rng):
    traffic = weights(parts)
    shuffled = list(traffic.items())
    rng.shuffle(shuffled)
    assert Split(traffic, {}).primary(key, rng) == Split(dict(shuffled), {}).primary(key, random.Random(1))


@given(PARTS, st.integers(0, 2**32))
def test_a_backend_of_weight_zero_is_never_chosen(parts, seed):
    split, rng = Split(weights(parts), {}), random.Random(seed)
    assert all(parts[split.primary(None, rng)] > 0 for _ in range(20))


@pytest.mark.parametrize(
    "traffic", [{"a": 0.9, "b": 0.1}, {"a": 0.25, "b": 0, "c": 0.75}, {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3}]
)
def test_weights_are_respected(traffic):
    split, rng, rounds = Split(traffic, {}), random.Random(7), 20_000
    counts = dict.fromkeys(traffic, 0)
    for _ in range(rounds):
        counts[split.primary(None, rng)] += 1
    for tag, weight in traffic.items():
        assert counts[tag] == pytest.approx(weight * rounds, abs=0.015 * rounds)


def test_the_last_backend_takes_what_rounding_leaves():
    almost_one = 1 - 2**-53
    assert Split({"a": 0.1, "b": 0.2, "c": 0.7 - 1e-9, "d": 0}, {}).primary(None, Fixed(almost_one)) == "c"


def test_a_policy_without_any_weight_is_refused():
    with pytest.raises(ValueError, match="weight above 0"):
        Split({"a": 0}, {})


def test_shadows_are_independent_of_the_primary_and_of_each_other():
    split, rng, rounds = Split({"a": 0.5, "b": 0.5}, {"s": 0.2, "t": 0.5}), random.Random(3), 40_000
    seen: dict[tuple[str, bool, bool], int] = {}
    for _ in range(rounds):
        copies = split.shadows(None, rng)
        cell = (split.primary(None, rng), "s" in copies, "t" in copies)
        seen[cell] = seen.get(cell, 0) + 1
    for (_, s, t), count in seen.items():
        assert count / rounds == pytest.approx(0.5 * (0.2 if s else 0.8) * 0.5, abs=0.01), (s, t)
    assert len(seen) == 8


def test_shard_keys_give_shadows_that_are_independent_of_the_primary():
    split, rng, keys = Split({"a": 0.5, "b": 0.5}, {"s": 0.3}), random.Random(0), 5_000
    shadowed = {"a": 0, "b": 0}
    for number in range(keys):
        shadowed[split.primary(f"user-{number}", rng)] += "s" in split.shadows(f"user-{number}", rng)
    for count in shadowed.values():
        assert count / keys == pytest.approx(0.15, abs=0.02)


@given(KEYS, st.floats(0, 1), st.floats(0, 1))
def test_a_shard_key_that_is_shadowed_stays_so_when_the_proportion_grows(key, one, other):
    small, large = sorted((one, other))
    if Split({"a": 1}, {"s": small}).shadows(key, random.Random()):
        assert Split({"a": 1}, {"s": large}).shadows(key, random.Random()) == ("s",)


@given(st.one_of(st.none(), KEYS))
def test_proportion_one_copies_everything_and_zero_nothing(key):
    split = Split({"a": 1}, {"always": 1, "never": 0, "too": 1.0})
    assert split.shadows(key, random.Random(5)) == ("always", "too")
    assert split.has_shadows
    assert not Split({"a": 1}, {"never": 0}).has_shadows


@pytest.mark.parametrize(
    "good", [{"a": 1}, {"a": True}, {"a": 0.5, "b": 0.5}, {"a": 1, "b": 0}, {"a": 0.7, "b": 0.1, "c": 0.2}]
)
def test_good_traffic_passes(good):
    check_traffic("ep", good, {"a", "b", "c"})
    check_traffic("ep", dict.fromkeys("abc", 1 / 3), ["a", "b", "c"])


@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        ({}, ValueError, "sum to 1"),
        ({"a": 0.5}, ValueError, r"sums to 0\.5"),
        ({"a": 0.5, "b": 0.6}, ValueError, "sum to 1"),
        ({"a": 1 + 1e-7}, ValueError, "sum to 1"),
        ({"a": 1.5, "b": -0.5}, ValueError, "'b'.*-0.5"),
        ({"a": float("nan")}, ValueError, "nan"),
        ({"a": float("inf")}, ValueError, "inf"),
        ({"nope": 1}, ValueError, "'nope', which is not registered; registered: 'a', 'b'"),
        ({"a": "1"}, TypeError, "'1'"),
        ([("a", 1)], TypeError, "must be a dict"),
        (None, TypeError, "must be a dict"),
    ],
)
def test_bad_traffic_is_refused_with_a_message_that_says_what_was_given(bad, error, text):
    with pytest.raises(error, match=text):
        check_traffic("ep", bad, ["b", "a"])


@pytest.mark.parametrize("good", [0, 1, 0.5, True, 1e-9])
def test_good_proportions_pass(good):
    check_proportion("ep", "b", good)


@pytest.mark.parametrize("bad", [-0.1, 1.1, "0.5", None, float("nan"), [0.5]])
def test_bad_proportions_are_type_errors(bad):
    with pytest.raises(TypeError, match="from 0 to 1"):
        check_proportion("ep", "b", bad)


def test_unknown_backends_are_named_with_the_known_ones():
    with pytest.raises(ValueError, match="registered: none"):
        check_known("ep", "b", [])
    with pytest.raises(ValueError, match="and 5 more"):
        check_known("ep", "b", [f"n{i}" for i in range(15)])


@pytest.mark.parametrize("key", ["Grace", "Ada", "ä", ""])
def test_a_shard_key_goes_where_it_went_in_0_8(key):
    """Ray 0.8 seeded numpy's generator with the digest; that is Python's own generator."""
    np = pytest.importorskip("numpy")
    words = np.frombuffer(sha256(key.encode()).digest(), dtype=np.uint32)
    draw = np.random.RandomState(words).random_sample()
    tags = [f"{number:04}" for number in range(1024)]
    assert Split(dict.fromkeys(tags, 1 / 1024), {}).primary(key, random.Random()) == tags[int(draw * 1024)]
