from collections import OrderedDict, namedtuple

from hypothesis import given
from hypothesis import strategies as st

from serve_compat.graph.tree import LEFT, found_in, ordered, replaced

Pair = namedtuple("Pair", "left right")
VALUES = st.recursive(
    st.integers() | st.text(), lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner)
)


def number_to_text(value):
    return str(value) if type(value) is int else LEFT


@given(VALUES)
def test_a_value_without_anything_to_replace_is_given_back_itself(value):
    assert replaced(value, lambda each: LEFT) is value


@given(VALUES)
def test_replacing_leaves_no_number_and_keeps_the_shape(value):
    assert found_in(replaced(value, number_to_text), int) == []
    assert replaced(replaced(value, number_to_text), number_to_text) == replaced(value, number_to_text)


def test_containers_keep_their_type_and_the_original_is_not_changed():
    original = {"a": [1, (2,)], "b": {3}, "c": Pair(4, None), "d": OrderedDict(x=5)}
    changed = replaced(original, number_to_text)
    assert changed == {"a": ["1", ("2",)], "b": {"3"}, "c": Pair("4", None), "d": OrderedDict(x="5")}
    assert type(changed["d"]) is OrderedDict
    assert original["a"] == [1, (2,)]


def test_children_come_before_their_parents_each_once():
    below = {"root": ["b", "a"], "a": ["leaf"], "b": ["leaf", "a"], "leaf": []}
    assert ordered("root", below.__getitem__) == ["leaf", "a", "b", "root"]


def test_a_chain_may_be_longer_than_the_recursion_limit():
    chain = list(range(5000))
    assert ordered(0, lambda number: chain[number + 1 : number + 2]) == chain[::-1]
