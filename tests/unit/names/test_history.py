import importlib
import re
from operator import attrgetter

import pytest

import serve_compat
from serve_compat.names.history import NAMES

CALLS = [
    (row.name, call) for row in NAMES.values() for call in re.findall(r"(?<!ray\.)\bserve\.([\w.]+\w)", row.instead)
]


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_what_is_to_be_used_instead_exists(name, call):
    parts = call.split(".")
    if parts[0] in ("api", "handle", "dag", "drivers", "config", "exceptions"):
        importlib.import_module(f"serve_compat.{parts[0]}")
    assert attrgetter(call)(serve_compat) is not None, name


@pytest.mark.parametrize("row", NAMES.values(), ids=lambda row: row.name)
def test_releases_are_in_order_and_something_is_to_be_used(row):
    release = r"(\d+\.(\d+|x))?"
    assert re.fullmatch(release, row.first)
    assert re.fullmatch(release, row.last)
    assert row.first or not row.last
    assert row.instead
    assert row.instead[-1] not in ".;,"


def test_no_row_of_the_table_hides_another():
    from serve_compat.names import history

    assert len(history._ROWS) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_there_has_no_row(name):
    owner, _, attribute = name.rpartition(".")
    holders = {"": serve_compat, "Deployment": serve_compat.api.Deployment}
    holder = holders[owner] if owner in holders else importlib.import_module(f"serve_compat.{owner}")
    assert not hasattr(holder, attribute)
