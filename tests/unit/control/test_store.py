import pytest

from legacy.code_files import CodeFiles
from legacy.control.checkpoint import CheckpointError
from legacy.control.large_codes import LargeCodes
from legacy.control.store import Store
from legacy.records import InstanceName
from tests.fakes_control import DictKeyValue


@pytest.fixture
def kv():
    return DictKeyValue()


@pytest.fixture
def store(kv, tmp_path):
    return Store(InstanceName("ctl", "ns"), kv, LargeCodes(CodeFiles(str(tmp_path), "1")))


def test_records_are_kept_one_key_each(store, kv):
    store.save("backend", "a", {"x": 1})
    store.save("backend", "b/c", {"x": 2})
    assert len(kv.data) == 2
    assert store.load_all("backend") == [{"x": 1}, {"x": 2}]
    assert (store.load("backend", "a"), store.load("backend", "zz")) == ({"x": 1}, None)


def test_code_is_written_once_per_content(store, kv):
    assert store.save_code(b"one") == store.save_code(b"one")
    assert kv.writes == 1
    assert store.load_code(store.save_code(b"two")) == b"two"


def test_missing_code_is_an_error(store):
    with pytest.raises(CheckpointError, match="not there any more"):
        store.load_code("0" * 64)


def test_instances_do_not_see_each_other(store, kv):
    other = Store(InstanceName("ctl2", "ns"), kv, store.large)
    other.save("backend", "a", 1)
    store.save("backend", "a", 2)
    store.clear()
    assert (store.load_all("backend"), other.load_all("backend")) == ([], [1])
