"""legacy.traffic.router: snapshots and deltas, what is kept across them, what is reported."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from legacy.errors import NoBackendError
from legacy.generations import V1_4
from legacy.records import BackendView, Endpoint, ReplicaAddress, Update
from legacy.traffic.router import Router


def endpoint(name: str, route: str | None = None, **traffic: float) -> Endpoint:
    return Endpoint(name, route or f"/{name}", ("GET",), traffic or {"b": 1.0})


def view(tag: str, *replicas: str, limit: int = 1) -> BackendView:
    return BackendView(tag, limit, tuple(ReplicaAddress(name, tag, "n", 1, f"/run/{name}") for name in replicas))


def full(version: int, endpoints: list[Endpoint], views: list[BackendView], epoch: str = "e1") -> Update:
    return Update(epoch, version, True, {e.name: e for e in endpoints}, {v.tag: v for v in views}, "secret")


def delta(version: int, epoch: str = "e1", endpoints: dict | None = None, backends: dict | None = None) -> Update:
    return Update(epoch, version, False, endpoints or {}, backends or {})


def started(*views: BackendView) -> Router:
    router = Router(10, random.Random(0))
    router.apply(full(1, [endpoint("ep")], list(views) or [view("b", "r1")]))
    return router


class Recorder:
    def __init__(self) -> None:
        self.events: list[str] = []

    def grant(self, replica: ReplicaAddress) -> bool:
        self.events.append(replica.tag)
        return True

    def fail(self, error: Exception) -> None:
        self.events.append(type(error).__name__)


def test_a_full_update_is_in_force_as_a_whole():
    router = started()
    assert (router.epoch, router.version, router.secret) == ("e1", 1, "secret")
    assert router.routes.match("/ep", "GET").endpoint is router.endpoints["ep"]
    assert router.split("ep").primary(None, random.Random()) == "b"
    assert router.slots("b").take() is not None


def test_what_was_asked_for_and_no_endpoint_names_goes_with_the_next_full_update():
    router = started()
    waits, comes = Recorder(), Recorder()
    router.slots("nobody's").wait(waits)
    router.slots("late").wait(comes)
    late = endpoint("l", late=1.0)
    router.apply(full(1, [endpoint("ep"), late], [view("b", "r1")], epoch="e2"))
    assert (waits.events, comes.events) == (["BackendDeletedError"], [])
    router.apply(delta(2, "e2", backends={"late": view("late", "l1")}))
    assert comes.events == ["l1"]


def test_an_unknown_endpoint_has_no_split():
    with pytest.raises(KeyError):
        started().split("nope")


def test_the_split_is_kept_until_its_endpoint_changes():
    router = started()
    before = router.split("ep")
    router.apply(delta(2, endpoints={"other": endpoint("other")}))
    assert router.split("ep") is before
    router.apply(delta(3, endpoints={"ep": endpoint("ep", c=1.0)}))
    assert router.split("ep").primary(None, random.Random()) == "c"


def test_a_delta_changes_only_what_it_names():
    router = started()
    router.apply(delta(2, endpoints={"two": endpoint("two"), "ep": None}, backends={"c": view("c", "r2")}))
    assert set(router.endpoints) == {"two"}
    assert router.routes.match("/ep", "GET").kind == "not_found"
    assert router.slots("b").take() is not None
    assert router.secret == "secret"


def test_a_route_moves_between_endpoints_in_one_delta_in_any_order():
    router = started()
    router.apply(delta(2, endpoints={"new": endpoint("new", "/ep"), "ep": endpoint("ep", "/elsewhere")}))
    assert [router.routes.match(path, "GET").endpoint.name for path in ("/ep", "/elsewhere")] == ["new", "ep"]


def test_an_old_delta_changes_nothing():
    router = started()
    router.apply(delta(1, endpoints={"ep": None}))
    assert "ep" in router.endpoints


def test_a_delta_of_another_epoch_is_refused():
    with pytest.raises(ValueError, match="e2"):
        started().apply(delta(5, epoch="e2"))


def test_a_full_update_of_a_new_epoch_replaces_everything_but_the_slots_taken():
    router = started()
    assert router.slots("b").take() is not None
    router.apply(full(1, [endpoint("new")], [view("b", "r1")], epoch="e2"))
    assert (set(router.endpoints), router.epoch) == ({"new"}, "e2")
    assert router.slots("b").take() is None
    assert router.slots("b").in_flight("r1") == 1


def test_templates_keep_the_order_of_a_full_update():
    router = Router(10)
    first, second = (Endpoint(n, r, (), {"b": 1}, generation=V1_4) for n, r in (("f", "/{a}"), ("s", "/{b:path}")))
    router.apply(full(1, [first, second], []))
    router.apply(full(2, [second, first], []))
    assert router.routes.match("/x", "GET").endpoint is second


@pytest.mark.parametrize("full_update", [True, False])
def test_a_backend_that_is_gone_fails_its_waiters_and_forgets_its_slots(full_update):
    router, waiter = started(), Recorder()
    slots = router.slots("b")
    slots.take()
    slots.wait(waiter)
    router.apply(full(2, [], []) if full_update else delta(2, backends={"b": None}))
    assert waiter.events == ["BackendDeletedError"]
    slots.give_back("r1")
    router.apply(delta(3, backends={"b": view("b", "r9")}))
    assert router.slots("b") is not slots
    assert router.slots("b").take() is not None


def test_who_waits_for_a_backend_not_known_yet_gets_its_first_slot():
    router, waiter = Router(10), Recorder()
    router.slots("b").wait(waiter)
    router.apply(full(1, [endpoint("ep")], []))
    assert waiter.events == []
    router.apply(delta(2, backends={"b": view("b", "r1")}))
    assert waiter.events == ["r1"]


def test_replicas_removed_under_a_request_are_unfinished_also_those_of_deleted_backends():
    router = started(view("b", "r1"), view("c", "r2"), view("d", "idle"))
    for tag in "bc":
        router.slots(tag).take()
    router.apply(delta(2, backends={"b": view("b", "r9"), "c": None, "d": None}))
    assert router.unfinished() == {"r1", "r2"}


def test_a_deleted_backend_is_finished_when_its_last_request_is_over():
    router = started()
    slots = router.slots("b")
    slots.take()
    router.apply(delta(2, backends={"b": None}))
    assert router.unfinished() == {"r1"}
    slots.give_back("r1")
    assert router.unfinished() == set()


def test_load_is_what_waits_and_what_is_in_flight():
    router = started(view("b", "r1"), view("idle", "r2"))
    router.slots("b").take()
    router.slots("b").wait(Recorder())
    assert router.load() == {"b": 2}


def test_an_endpoint_without_a_backend_has_no_split_yet():
    router = started()
    router.apply(delta(2, endpoints={"early": Endpoint("early", "/early", ("GET",), {})}))
    with pytest.raises(NoBackendError, match="endpoint 'early' has no backend yet"):
        router.split("early")
    router.apply(delta(3, endpoints={"early": endpoint("early")}))
    assert router.split("early").primary(None, random.Random()) == "b"


def test_whoever_waits_at_a_router_that_ends_is_told_so_and_so_is_who_comes_later():
    router, told = Router(10), []
    waiter = SimpleNamespace(grant=lambda replica: True, fail=told.append)
    router.slots("known").wait(waiter)
    router.end(lambda: LookupError("over"))
    assert [str(error) for error in told] == ["over"]
    for tag in ("known", "new"):
        with pytest.raises(LookupError, match="over"):
            router.slots(tag).wait(waiter)
