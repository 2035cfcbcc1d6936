"""What every kind of result becomes, in every generation (legacy.replica.results)."""

import dataclasses
import datetime
import decimal
import enum
import ipaddress
import json
import pathlib
import re
import uuid
from collections import OrderedDict, UserDict, deque, namedtuple

import numpy as np
import pandas as pd
import pydantic
import pydantic.v1
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy import generations
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V0_8, V1_0, V1_2, V1_4, V1_13, V2_3, Generation
from legacy.handle import RayServeSyncHandle
from legacy.records import InstanceName
from legacy.replica.results import ServeEncoder, to_http

ROWS = [each for each in vars(generations).values() if isinstance(each, Generation)]
TODAYS = (DEPLOYMENT, V2_3)
EARLIER = (V0_8, V1_0, V1_2, V1_4, DEPLOYMENT_1_4, V1_13)


class Model(pydantic.BaseModel):
    x: int = pydantic.Field(alias="X")


class FirstModel(pydantic.v1.BaseModel):
    x: int = 1


@dataclasses.dataclass
class Point:
    x: int
    when: datetime.date


class Colour(enum.Enum):
    RED = "red"


class Shade(str, enum.Enum):
    DARK = "dark"


class Level(enum.IntEnum):
    HIGH = 3


class Odd:
    def __init__(self):
        self.kind = Colour.RED


class Row:
    def __init__(self):
        self._sa_instance_state = object()  # as SQLAlchemy keeps it in rows
        self.id = 1


class Empty:
    __slots__ = ()


Pair = namedtuple("Pair", "a b")
DAY = datetime.date(2021, 3, 4)
ID = uuid.UUID(int=5)

# a result inside a dict, and what stands in its place in the JSON of all generations
IN_ALL = [
    (1, 1),
    (1.5, 1.5),
    (True, True),
    (None, None),
    ("h\u00e9", "h\u00e9"),
    (b"abc", "abc"),
    (bytearray(b"abc"), "abc"),
    (memoryview(b"abc"), "abc"),
    ([1, [2]], [1, [2]]),
    ((1, 2), [1, 2]),
    (Pair(1, 2), [1, 2]),
    ({"k": {1: 2}}, {"k": {"1": 2}}),
    (OrderedDict(k=1), {"k": 1}),
    (Shade.DARK, "dark"),
    (Level.HIGH, 3),
    (ValueError("why"), "why"),
    (FirstModel(), {"x": 1}),
    (np.array([[1, 2]], dtype=np.int16), [[1, 2]]),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    (np.bool_(True), True),
]
# the same for what only Ray 2.x knows; a TypeError earlier
TODAY = [
    (datetime.datetime(2021, 3, 4, 5, 6, 7), "2021-03-04T05:06:07"),
    (DAY, "2021-03-04"),
    (datetime.time(5, 6), "05:06:00"),
    (datetime.timedelta(minutes=2), 120.0),
    (decimal.Decimal("1.10"), 1.1),
    (decimal.Decimal("12"), 12),
    (ID, str(ID)),
    (Colour.RED, "red"),
    ({1}, [1]),
    (frozenset([1]), [1]),
    (deque([1, {2}]), [1, [2]]),
    ((each for each in [1, 2]), [1, 2]),
    (pathlib.Path("/a/b"), "/a/b"),
    (pathlib.PureWindowsPath("a\\b"), "a\\b"),
    (Point(1, DAY), {"x": 1, "when": "2021-03-04"}),
    (UserDict(k=1), {"k": 1}),
    (Odd(), {"kind": "red"}),
    (Row(), {"id": 1}),
    (re.compile("a+"), "a+"),
    (ipaddress.ip_address("127.0.0.1"), "127.0.0.1"),
    (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
    (pydantic.SecretStr("hidden"), "**********"),
    ({DAY: 1}, {"2021-03-04": 1}),
    ({Colour.RED: [{ID: 1}]}, {"red": [{str(ID): 1}]}),
]


def answered(result, row):
    headers, body = to_http(result, row.todays_json)
    assert dict(headers)[b"content-length"] == b"%d" % len(body)
    return dict(headers)[b"content-type"].decode(), body


def test_every_generation_is_in_the_table():
    assert set(ROWS) == {*TODAYS, *EARLIER}


@pytest.mark.parametrize("row", ROWS, ids=repr)
@pytest.mark.parametrize(
    ("result", "kind", "body"),
    [
        ("h\u00e9", "text/plain; charset=utf-8", "h\u00e9".encode()),
        (Shade.DARK, "text/plain; charset=utf-8", b"dark"),
        (b"\x00\xff", "text/plain", b"\x00\xff"),
        (bytearray(b"\x00\xff"), "text/plain", b"\x00\xff"),
        (memoryview(b"\x00\xff"), "text/plain", b"\x00\xff"),
        (None, "text/plain", b""),
        (False, "application/json", b"false"),
        (3, "application/json", b"3"),
    ],
)
def test_texts_bytes_and_plain_values_are_the_same_in_all(row, result, kind, body):
    assert answered(result, row) == (kind, body)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_json_is_in_one_line_from_2_on_and_indented_before(row):
    in_one_line, indented = b'{"a": [1, "\\u00e9"]}', b'{\n  "a": [\n    1,\n    "\\u00e9"\n  ]\n}'
    wanted = in_one_line if row in TODAYS else indented
    assert answered({"a": [1, "\u00e9"]}, row) == ("application/json", wanted)


@pytest.mark.parametrize("row", ROWS, ids=repr)
@pytest.mark.parametrize(("value", "expected"), IN_ALL)
def test_what_all_know(row, value, expected):
    assert json.loads(answered({"v": value}, row)[1]) == {"v": expected}


@pytest.mark.parametrize("row", TODAYS, ids=repr)
def test_what_only_2_knows(row):
    for value, expected in TODAY:
        value = (each for each in [1, 2]) if value is TODAY[11][0] else value
        assert json.loads(answered({"v": [value]}, row)[1]) == {"v": [expected]}


@pytest.mark.parametrize("row", EARLIER, ids=repr)
def test_what_only_2_knows_was_an_error_before(row):
    for value, _ in TODAY:
        with pytest.raises(TypeError):
            to_http([value], row.todays_json)


def test_a_data_frame_is_a_list_of_records_from_2_on():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert json.loads(answered({"v": frame}, V2_3)[1]) == {"v": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}
    with pytest.raises(TypeError, match="DataFrame"):
        to_http(frame, V1_13.todays_json)


def test_models_show_their_aliases_from_2_on():
    model = Model(X=1)
    assert [json.loads(answered(model, row)[1]) for row in (V1_4, V2_3)] == [{"x": 1}, {"X": 1}]


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_what_has_no_form_is_a_type_error_that_names_it(row):
    with pytest.raises(TypeError, match="Empty"):
        to_http({"v": Empty()}, row.todays_json)
    with pytest.raises(TypeError, match="type type is not"):
        to_http([Odd], row.todays_json)
    with pytest.raises(TypeError, match=r"tuple|keys must be str"):
        to_http({(1, 2): 3}, row.todays_json)
    itself = []
    itself.append(itself)
    with pytest.raises(ValueError, match="Circular"):
        to_http(itself, row.todays_json)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_clients_do_not_see_what_handles_are_made_of(row):
    handle = RayServeSyncHandle(InstanceName("controller", "namespace"), "e", row)
    with pytest.raises(TypeError, match="RayServeSyncHandle"):
        to_http([handle], row.todays_json)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(PLAIN.filter(lambda value: value is not None and not isinstance(value, str)))
def test_plain_values_are_the_same_in_both_forms(value):
    assert [json.loads(to_http(value, todays)[1]) for todays in (False, True)] == [value, value]


def test_programs_may_use_the_encoder_themselves():
    assert json.dumps({"v": np.int64(3)}, cls=ServeEncoder) == '{"v": 3}'


def test_a_generator_beside_keys_that_are_no_text_gives_all_it_has():
    result = {"numbers": (number for number in (1, 2)), uuid.UUID(int=1): 3}
    _, body = to_http(result, todays_json=True)
    assert json.loads(body) == {"numbers": [1, 2], str(uuid.UUID(int=1)): 3}


def test_an_iterator_is_refused_and_does_not_seem_to_be_empty():
    with pytest.raises(ValueError, match="map is not JSON"):
        to_http({"squares": map(str, [1, 2])}, todays_json=True)
