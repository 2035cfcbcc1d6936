import threading
import traceback

import pytest
from ray import cloudpickle

from legacy.replica.portable_errors import portable


class TwoArguments(KeyError):
    def __init__(self, code, why):
        super().__init__(f"{code}: {why}")


class Locked(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


class Unshowable(Exception):
    def __str__(self):
        raise RuntimeError


class OwnArguments(Locked):
    args = None


class Decoding(UnicodeDecodeError):
    def __reduce__(self):
        raise TypeError


def caused():
    error = ValueError("outer")
    error.__cause__ = OSError("\udc80")
    return error


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (TwoArguments(7, "why"), KeyError, "'7: why'"),
        (Locked("text"), Exception, "text"),
        (Unshowable(), Exception, "(its message cannot be shown)"),
        (OwnArguments("text"), Exception, "text"),
        (ValueError("a\udc80"), ValueError, "a\\udc80"),
        (Decoding("utf-8", b"\xff", 0, 1, "bad"), Exception, "'utf-8' codec can't decode byte 0xff in position 0: bad"),
        (caused(), ValueError, "outer"),
    ],
)
def test_an_error_that_cannot_be_sent_has_a_stand_in_of_its_name_and_text(error, kind, text):
    sent = portable(error)
    arrived = cloudpickle.loads(cloudpickle.dumps(sent))
    assert (type(arrived).__name__, arrived.args[0].strip("'")) == (type(error).__name__, text.strip("'"))
    assert isinstance(arrived, kind)
    "".join(traceback.format_exception(sent)).encode()


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(1), OSError(2, "no", "file")])
def test_any_other_error_is_sent_itself(error):
    assert portable(error) is error
