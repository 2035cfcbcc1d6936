"""A shadow may be slow, dead or failing: no request of the primary notices."""

import os

import pytest

from tests.fault.ledger import Ledger, Load, NotingBackend

pytestmark = pytest.mark.fault


class Slow:
    async def __call__(self, request):
        import asyncio

        await asyncio.Event().wait()


class Dead:
    def __call__(self, request):
        os._exit(1)


class Raising:
    def __call__(self, request):
        raise RuntimeError("a shadow's own problem")


@pytest.fixture(scope="module")
def primary(shared, tmp_path_factory):
    path = tmp_path_factory.mktemp("primary") / "started"
    shared.create_backend("primary", NotingBackend, str(path), 0.0, config={"num_replicas": 2})
    shared.create_endpoint("shadowed", backend="primary", route="/shadowed", methods=["POST"])
    return path


@pytest.mark.parametrize("kind", [Slow, Dead, Raising])
def test_a_bad_shadow_fails_no_request_and_changes_no_answer(shared, primary, ledger, kind):
    primary.write_text("")
    ledger.path = primary
    shared.create_backend("shadow", kind, config={"max_concurrent_queries": 2})
    shared.shadow_traffic("shadowed", "shadow", 1.0)
    with Load(ledger, "/shadowed") as load:
        load.wait_for(1500)  # more than the backlog of a shadow holds
    ledger.check()
    assert ledger.failed() == []
    shared.shadow_traffic("shadowed", "shadow", 0)
    shared.delete_backend("shadow", force=True)


def test_copies_are_sampled_independently_of_the_split(shared, tmp_path, ledger):
    names = ("a", "b", "copy")
    for name in names:
        shared.create_backend(name, NotingBackend, str(tmp_path / name), 0.0)
    shared.create_endpoint("split", backend="a", route="/split", methods=["POST"])
    shared.set_traffic("split", {"a": 0.5, "b": 0.5})
    shared.shadow_traffic("split", "copy", 0.5)
    with Load(ledger, "/split") as load:
        load.wait_for(1000)
    shared.delete_endpoint("split")
    for name in names:
        shared.delete_backend(name)  # returns when its requests, copies included, are done
    a, b, copied = (list(Ledger(tmp_path / name).started().elements()) for name in names)
    assert set(copied) <= {*a, *b}
    assert len(copied) == len(set(copied))
    for primaries in (a, b):
        assert len(set(copied) & set(primaries)) / len(primaries) == pytest.approx(0.5, abs=0.11)  # 5 sigma
