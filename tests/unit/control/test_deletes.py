"""What the log of deletes remembers, and what it forgets."""

from legacy.control.deletes import Delete, Deleted, DeleteLog
from legacy.control.desired import Desired
from legacy.control.registered import EndpointRecord
from legacy.control.remembered import REMEMBERED
from legacy.control.reroutes import RerouteLog
from legacy.records import Endpoint


def backend(name, *made_by):
    return Deleted("backend", name, made_by)


def endpoint(name, by):
    return EndpointRecord(Endpoint(name, f"/{name}", (), {}), by)


def test_a_record_is_told_from_a_later_one_of_its_name_and_from_an_endpoint_of_its_name():
    log = DeleteLog().after(Delete("d", (backend("a", "1", "7"),)))
    assert log.has_deleted(backend("a", "1"))
    others = [backend("a", "2"), backend("a", "7"), backend("b", "1"), Deleted("endpoint", "a", ("1",))]
    assert not any(map(log.has_deleted, others))


def test_a_command_finds_its_own_delete_done_and_its_own_work_undone():
    log = DeleteLog().after(Delete("d", (backend("a", "1", "7"),)))
    assert [log.has(command) for command in ("d", "1")] == [True, False]
    assert [log.has_undone("backend", "a", command) for command in ("1", "7", "d")] == [True, True, False]


def test_the_oldest_deletes_are_forgotten():
    log = DeleteLog()
    for number in range(REMEMBERED + 1):
        log = log.after(Delete(str(number), ()))
    assert [len(log.deletes), log.has("0"), log.has("1")] == [REMEMBERED, False, True]


def test_what_was_deleted_is_not_restored():
    desired = Desired()
    log = DeleteLog().after(Delete("d", (endpoint("gone", "1").as_deleted(),)))
    found = desired.recover(log, RerouteLog(), [endpoint("gone", "1"), endpoint("stays", "4")])
    assert [one.name for one in found] == ["gone"]
    assert list(desired.endpoints) == ["stays"]


def test_a_delete_stays_while_the_store_may_still_have_what_it_deleted():
    log = DeleteLog().after(Delete("first", (backend("a", "1"),)))
    behind = {("backend", "a")}
    for number in range(2 * REMEMBERED):
        log = log.after(Delete(str(number), (backend("b", str(number)),)), lambda *record: record in behind)
    assert [len(log.deletes), log.has("first")] == [REMEMBERED + 1, True]
    assert not log.after(Delete("last", ())).has("first")
