from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.control.checkpoint import MAGIC, CheckpointError, decode, encode
from legacy.control.desired import Desired
from legacy.control.fleet import ReplicaRecord
from legacy.control.publish import RouterRecord
from legacy.control.registered import BackendRecord, EndpointRecord
from legacy.records import BackendSpec, Endpoint, ReplicaAddress
from tests.fakes_control import spec

GOLDEN = Path(__file__).parent / "golden"


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


def always_there(kind):
    """The fields without a default, which another one cannot stand for."""
    return [one.name for one in fields(kind) if one.default is MISSING]


@pytest.mark.parametrize("name", always_there(BackendRecord) + always_there(BackendSpec))
def test_a_record_without_one_of_its_fields_is_named(name):
    whole = record()
    del (whole if name in whole.__dict__ else whole.spec).__dict__[name]
    with pytest.raises(CheckpointError, match=rf"'k' has a \w+ without '{name}'.*another version"):
        decode("k", encode(whole))


def stored():
    """One record of each kind, as `golden/` has them; change the format's version to write them anew."""
    address = ReplicaAddress("a#abcdef", "a", "node", 7, "/run/a.sock", ("10.0.0.1", 4000))
    return {
        "backend": Desired().create_backend("c1", spec("a", "v1", user_config={"x": [1]}, num_replicas=2), "code"),
        "endpoint": EndpointRecord(Endpoint("e", "/e", ("GET",), {"a": 1.0}, {"b": 0.5}), "c2"),
        "replica": ReplicaRecord("a#abcdef", "a", "v1", "c1", 3, True, address),
        "router": RouterRecord("r", "handle"),
    }


@pytest.mark.parametrize("kind", stored())
def test_what_was_stored_before_is_read_as_it_was_or_the_format_has_another_version(kind):
    data = (GOLDEN / f"{kind}.{MAGIC.decode()}").read_bytes()
    assert decode(kind, data) == stored()[kind]
