import pickle

import pytest

from legacy.early.handle import FirstHandle, KeywordHandle, check_deadlines
from legacy.errors import RayServeException
from legacy.generations import V0_8, V1_0
from legacy.records import InstanceName

HERE = InstanceName("SERVE_CONTROLLER_ACTOR", "serve")


def test_a_handle_of_0_8_takes_keywords_only():
    with pytest.raises(RayServeException, match="keyword arguments"):
        KeywordHandle(HERE, "e", V0_8).remote(1)


def test_a_call_of_0_8_passes_its_keywords_on():
    call = KeywordHandle(HERE, "e", V0_8).options(method_name="m", shard_key="k")._call((), {"x": 1})
    assert call.meta == ("m", "keywords", "GET", None, "k")
    assert call.kwargs == {"x": 1}


def test_options_of_0_8_leave_the_handle_as_it_was():
    handle = KeywordHandle(HERE, "e", V0_8)
    assert handle.options("m", relative_slo_ms=10)._options.method_name == "m"
    assert handle._options.method_name == "__call__"


def test_a_handle_of_0_8_has_no_methods_of_the_backend():
    with pytest.raises(AttributeError, match=r"options\(method_name='increment'\)"):
        KeywordHandle(HERE, "e", V0_8).increment  # noqa: B018


@pytest.mark.parametrize(("relative", "absolute"), [(-1, None), (None, "soon"), ([], None)])
def test_bad_deadlines_are_refused(relative, absolute):
    with pytest.raises(RayServeException, match="deadline"):
        check_deadlines(relative, absolute)


def test_two_deadlines_are_too_many():
    with pytest.raises(AssertionError):
        check_deadlines(1, 2)
    check_deadlines("1.5", None)


def test_options_of_1_0_change_the_handle_itself_and_the_first_value_stays():
    handle = FirstHandle(HERE, "e", V1_0)
    assert handle.options("first") is handle
    handle.options(method_name="second", shard_key="k")
    assert (handle._options.method_name, handle._options.shard_key) == ("first", "k")
    assert repr(handle) == "RayServeHandle(endpoint='e')"


@pytest.mark.parametrize(("kind", "generation"), [(KeywordHandle, V0_8), (FirstHandle, V1_0)])
def test_both_are_called_as_programs_knew_them_and_can_be_sent(kind, generation):
    handle = kind(HERE, "e", generation)
    assert type(handle).__name__ == "RayServeHandle"
    assert type(pickle.loads(pickle.dumps(handle))) is kind
