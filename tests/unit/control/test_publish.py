import asyncio
import dataclasses

from legacy.control.publish import FIRST_LOOK_S, SILENCE_S, ChangeLog, Publisher, RouterRecord
from legacy.records import BackendView, Poll, ReplicaAddress


def view(tag):
    return BackendView(tag, 8)


def poll(seen, epoch="e", router="r", kind="proxy", **more):
    return Poll(router, kind, epoch, seen, **more)


def test_a_router_gets_only_what_changed_since_its_version():
    log = ChangeLog("e")
    for tag in "abc":
        log.put(("backend", tag), view(tag))
    log.put(("backend", "a"), None)
    update = log.since("e", 2)
    assert (update.version, update.full, update.backends) == (4, False, {"a": None, "c": view("c")})


def test_another_epoch_gets_everything_that_exists():
    log = ChangeLog("e")
    log.put(("backend", "a"), view("a"))
    log.put(("backend", "b"), view("b"))
    log.put(("backend", "a"), None)
    update = log.since("older", 3)
    assert (update.full, update.backends) == (True, {"b": view("b")})


def test_what_was_deleted_long_ago_takes_no_memory_and_whoever_has_not_heard_of_it_gets_everything(monkeypatch):
    monkeypatch.setattr("legacy.control.publish.MOST_DELETED", 2)
    log = ChangeLog("e")
    log.put(("backend", "stays"), view("stays"))
    for tag in "abcd":
        log.put(("backend", tag), view(tag))
        log.put(("backend", tag), None)
    assert len(log._entries) == 3
    forgotten = 5  # the version in which b was deleted
    late, soon = log.since("e", forgotten - 1), log.since("e", forgotten)
    assert (late.full, late.backends) == (True, {"stays": view("stays")})
    assert (soon.full, soon.backends) == (False, {"c": None, "d": None})


def test_a_name_that_is_used_again_is_not_among_what_was_deleted(monkeypatch):
    monkeypatch.setattr("legacy.control.publish.MOST_DELETED", 1)
    log = ChangeLog("e")
    for value in (view("a"), None, view("a")):
        log.put(("backend", "a"), value)
    for value in (view("b"), None):
        log.put(("backend", "b"), value)
    assert log.since("e", 0).backends == {"a": view("a"), "b": None}


def test_a_change_costs_what_changed_not_what_is_registered():
    log = ChangeLog("e")
    for number in range(1000):
        log.put(("backend", str(number)), view(str(number)))
    log.put(("backend", "7"), view("7"))
    assert list(log.since("e", 1000).backends) == ["7"]


def test_a_poll_waits_for_news():
    async def scenario():
        publisher = Publisher("e", "secret")
        publisher.open()
        waiting = asyncio.ensure_future(publisher.watch(poll(0), 10))
        await asyncio.sleep(0)
        publisher.put(("backend", "a"), view("a"))
        return await waiting

    update = asyncio.run(scenario())
    assert (update.version, update.secret, list(update.backends)) == (1, "secret", ["a"])


def test_a_poll_without_news_ends_after_its_patience():
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        return await publisher.watch(poll(0), 0.01)

    assert asyncio.run(scenario()).backends == {}


def test_no_poll_is_answered_before_the_first_snapshot_is_complete():
    async def scenario():
        publisher = Publisher("e", "")
        waiting = asyncio.ensure_future(publisher.watch(poll(0, epoch="old"), 10))
        await asyncio.sleep(0)
        publisher.put(("backend", "a"), view("a"))
        await asyncio.sleep(0)
        assert not waiting.done()
        publisher.open()
        return await waiting

    assert list(asyncio.run(scenario()).backends) == ["a"]


def test_a_change_is_acknowledged_by_the_next_poll():
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        first = asyncio.ensure_future(publisher.watch(poll(0), 10))
        await asyncio.sleep(0)
        version = publisher.put(("backend", "a"), view("a"))
        waiting = asyncio.ensure_future(publisher.acknowledged(version, 10))
        await first
        await asyncio.sleep(0)
        assert not waiting.done()
        second = asyncio.ensure_future(publisher.watch(poll(version), 10))
        late = await waiting
        second.cancel()
        return late

    assert asyncio.run(scenario()) == 0


def test_kinds_that_are_not_asked_for_are_not_waited_for():
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        handle = asyncio.ensure_future(publisher.watch(poll(0, kind="handle"), 10))
        await asyncio.sleep(0)
        version = publisher.put(("backend", "a"), view("a"))
        await handle
        return await publisher.acknowledged(version, 10, kinds=("proxy",)), await publisher.acknowledged(version, 0.05)

    assert asyncio.run(scenario()) == (0, 1)


def test_a_router_that_went_silent_is_not_waited_for(monkeypatch):
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        gone = asyncio.ensure_future(publisher.watch(poll(0), 10))
        await asyncio.sleep(0)
        version = publisher.put(("backend", "a"), view("a"))
        await gone
        started = asyncio.get_running_loop().time()
        late = await publisher.acknowledged(version, 60)
        return late, asyncio.get_running_loop().time() - started

    monkeypatch.setattr("legacy.control.publish.SILENCE_S", 0.1)
    late, took = asyncio.run(scenario())
    assert late == 0
    assert took < SILENCE_S


def test_after_a_restart_the_routers_of_the_life_before_are_waited_for():
    async def scenario():
        known = {}
        before = Publisher("e1", "", lambda name, record: known.update({name: record}))
        before.open()
        polling = [asyncio.ensure_future(before.watch(poll(0, epoch="e1"), 10))]
        await asyncio.sleep(0)
        after = Publisher("e2", "")
        after.open(known.values())
        version = after.put(("backend", "a"), view("a"))
        waiting = asyncio.ensure_future(after.acknowledged(version, 10))
        await after.watch(poll(0, epoch="e1"), 10)
        assert not waiting.done()
        polling.append(asyncio.ensure_future(after.watch(poll(version, epoch="e2"), 10)))
        return await waiting

    assert asyncio.run(scenario()) == 0


def test_a_router_that_left_or_went_silent_is_not_remembered(monkeypatch):
    async def scenario():
        known = {}
        publisher = Publisher("e", "", lambda name, record: known.update({name: record}))
        publisher.open([RouterRecord("gone", "handle")])
        polling = asyncio.ensure_future(publisher.watch(poll(0), 10))
        await asyncio.sleep(0)
        publisher.leave("r")
        polling.cancel()
        monkeypatch.setattr("legacy.control.publish.SILENCE_S", 0.0)
        await asyncio.sleep(0.001)
        publisher.routers()
        return known

    assert asyncio.run(scenario()) == {"r": None, "gone": None}


def test_a_router_that_says_goodbye_is_not_waited_for():
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        polling = asyncio.ensure_future(publisher.watch(poll(0), 10))
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(publisher.acknowledged(publisher.put(("backend", "a"), view("a")), 60))
        await polling
        publisher.leave("r")
        return await asyncio.wait_for(waiting, 1)

    assert asyncio.run(scenario()) == 0


def test_the_load_of_all_routers_adds_up():
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        await publisher.watch(poll(0, router="x", load={"a": 2}), 0.01)
        await publisher.watch(poll(0, router="y", load={"a": 5}), 0.01)
        return publisher.load("a")

    assert asyncio.run(scenario()) == 7


def test_a_replica_is_finished_when_no_routers_calls_to_it_are_open():
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        for router in "xy":
            await publisher.watch(poll(0, router=router, unfinished=frozenset({"a#1"})), 0.0)
        assert await publisher.finished("a#2", 10) == 0
        assert await publisher.finished("a#1", 0.01) == 2
        waiting = asyncio.ensure_future(publisher.finished("a#1", 10))
        await publisher.watch(poll(0, router="x"), 0.0)
        assert not waiting.done()
        publisher.leave("y")  # it ends, and its calls with it
        return await waiting

    assert asyncio.run(scenario()) == 0


def test_who_has_calls_that_are_not_over_is_asked_again_soon_and_then_less_and_less_often():
    async def scenario():
        publisher, took = Publisher("e", ""), []
        publisher.open()
        for tag in ("a#1", "a#1", "a#1", "a#2"):
            begun = asyncio.get_running_loop().time()
            await publisher.watch(poll(0, unfinished=frozenset({tag})), 10)
            took.append((asyncio.get_running_loop().time() - begun) / FIRST_LOOK_S)
        return took

    first, second, third, anew = asyncio.run(scenario())
    assert 1 <= first < 2 <= second < 4 <= third
    assert 1 <= anew < third


def test_only_handles_are_given_actors():
    async def scenario():
        publisher = Publisher("e", "")
        publisher.open()
        replica = ReplicaAddress("a#1", "a", "node", 1, "/run/a", ("10.0.0.1", 4000), actor=object())
        publisher.put(("backend", "a"), BackendView("a", 8, (replica,)))
        publisher.put(("backend", "gone"), None)
        return replica, *[await publisher.watch(poll(0, "older", kind=kind), 1) for kind in ("handle", "proxy")]

    replica, handle, proxy = asyncio.run(scenario())
    assert handle.backends["a"].replicas == (replica,)
    assert proxy.backends["a"].replicas == (dataclasses.replace(replica, actor=None),)
