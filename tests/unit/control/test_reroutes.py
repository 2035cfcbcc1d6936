"""What the log of changed routes remembers, and which records follow it."""

from dataclasses import replace

from legacy.control.deletes import DeleteLog
from legacy.control.desired import Desired
from legacy.control.registered import Before, EndpointRecord, new_record
from legacy.control.remembered import REMEMBERED
from legacy.control.reroutes import Reroute, RerouteLog
from legacy.generations import DEPLOYMENT
from legacy.records import Endpoint
from tests.fakes_control import spec


def endpoint(name, route, by="1", rerouted=0):
    return EndpointRecord(Endpoint(name, route, (), {}, generation=DEPLOYMENT), by, rerouted)


TAKEN = RerouteLog().after(Reroute(1, "c", {"old": ("1", None), "new": ("2", "/")}))


def test_after_a_crash_records_follow_the_changes_they_do_not_know():
    desired = Desired()
    desired.recover(DeleteLog(), TAKEN, [endpoint("new", None, "2"), endpoint("old", "/"), endpoint("other", "/o")])
    assert {name: each.endpoint.route for name, each in desired.endpoints.items()} == {
        "new": "/",
        "old": None,
        "other": "/o",
    }
    assert desired.routes.listing() == {"/": "new", "/o": "other"}


def test_what_was_changed_later_or_made_again_does_not_follow():
    for record in (endpoint("old", "/later", rerouted=1), endpoint("old", "/", by="another")):
        assert TAKEN.followed(record) == record
    assert TAKEN.followed(endpoint("old", "/")) == endpoint("old", None, rerouted=1)


def test_what_a_failed_change_restores_follows_too():
    backend = new_record("c2", spec("old"), "key")
    changed = replace(backend, before=Before(backend, endpoint("old", "/")), opens=endpoint("old", "/"))
    followed = TAKEN.followed(changed)
    assert followed.before.endpoint == followed.opens == endpoint("old", None, rerouted=1)
    assert TAKEN.followed(backend) == backend


def test_a_command_finds_its_own_work_and_the_oldest_changes_are_forgotten():
    log = RerouteLog()
    for number in range(REMEMBERED + 1):
        log = log.after(Reroute(log.next_number, str(number), {}))
    assert [log.has("0"), log.has("1"), log.next_number] == [False, True, REMEMBERED + 2]


def test_a_change_stays_while_the_store_may_not_have_the_records_that_follow_it():
    log = TAKEN
    for number in range(2 * REMEMBERED):
        log = log.after(Reroute(log.next_number, str(number), {}), lambda *record: record == ("endpoint", "old"))
    assert [len(log.changes), log.changes[0]] == [REMEMBERED + 1, TAKEN.changes[0]]
