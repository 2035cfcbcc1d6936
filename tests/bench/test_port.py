"""bench.endurance.port: how an outage is told from probes."""

import pytest

from bench.endurance.port import Probe, outage


@pytest.mark.parametrize(
    ("answered", "seconds"),
    [
        ("yyyyy", 0.0),
        ("yynny", 3.0),  # killed at 1, answered again at 4
        ("ynyny", 3.0),  # away once more
        ("yyynn", float("inf")),
    ],
)
def test_an_outage_lasts_from_the_kill_until_every_attempt_is_answered_again(answered, seconds):
    probes = [Probe(float(second), mark == "y") for second, mark in enumerate(answered)]
    assert outage(probes, killed=1.0) == seconds
