import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.control.checkpoint import CheckpointError, decode, encode
from legacy.control.desired import Desired
from tests.fakes_control import spec


def record(**config):
    return Desired().create_backend("c1", spec("a", **config), "code")


def test_a_record_survives_the_round_trip():
    assert decode("k", encode(record(user_config={"x": [1]}))) == record(user_config={"x": [1]})


def test_another_format_is_named():
    with pytest.raises(CheckpointError, match=r"'k' begins with b'SCK9'"):
        decode("k", b"SCK9" + encode(record())[4:])


@given(st.data())
def test_any_flipped_bit_or_cut_is_noticed(data):
    good = encode(record())
    place = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    for bad in (bytes(flipped), good[:place]):
        with pytest.raises(CheckpointError):
            decode("k", bad)
