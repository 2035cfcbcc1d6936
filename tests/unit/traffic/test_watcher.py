"""legacy.traffic.watcher: the long poll goes on whatever happens, and reports nothing twice or never."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.control.publish import Publisher
from legacy.records import BackendView, Poll, ReplicaAddress, Update
from legacy.traffic import watcher
from legacy.traffic.router import Router

FIRST_PAUSE_S, LONGEST_PAUSE_S = watcher.FIRST_PAUSE_S, watcher.LONGEST_PAUSE_S  # of production


def update(version: int, *replicas: str, full: bool = True, epoch: str = "e") -> Update:
    view = BackendView("b", 5, tuple(ReplicaAddress(tag, "b", "n", 1, "/s") for tag in replicas))
    return Update(epoch, version, full, {}, {"b": view} if replicas else {})


class Script:
    """A controller that gives the answers of a list, then never answers again."""

    def __init__(self, *answers: Update | Exception) -> None:
        self.answers = list(answers)
        self.polls: list[Poll] = []
        self.done = asyncio.Event()

    async def fetch(self, poll: Poll) -> Update:
        self.polls.append(poll)
        if not self.answers:
            self.done.set()
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(router: Router, *answers: Update | Exception, kind: str = "handle", applied=None) -> list[Poll]:
    async def until_done() -> list[Poll]:
        script = Script(*answers)
        task = asyncio.create_task(watcher.follow(script.fetch, router, "me", kind, applied))
        await asyncio.wait_for(script.done.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return script.polls

    return asyncio.run(until_done())


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch):
    monkeypatch.setattr(watcher, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(watcher, "LONGEST_PAUSE_S", 0.002)


def test_each_poll_acknowledges_what_is_in_force():
    polls = run(Router(10), update(3, "r1"), update(7, full=False))
    assert [(poll.epoch, poll.seen) for poll in polls] == [("", 0), ("e", 3), ("e", 7)]
    assert {(poll.router_id, poll.kind) for poll in polls} == {("me", "handle")}


def test_errors_are_logged_once_and_the_last_snapshot_stays(caplog):
    router = Router(10)
    with caplog.at_level(logging.INFO, "ray.serve"):
        run(router, update(1, "r1"), OSError("gone"), OSError("gone"), OSError("gone"), update(2, full=False))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert router.slots("b").take() is not None
    assert router.version == 2


def test_a_delta_that_does_not_fit_is_an_error_like_any_other():
    router = Router(10)
    run(router, update(1, "r1"), update(9, full=False, epoch="other"), update(2, "r2", epoch="other"))
    assert (router.epoch, router.version) == ("other", 2)


def test_each_poll_names_the_removed_replicas_where_calls_are_not_over():
    router = Router(10)

    def call(news: Update) -> None:
        if news.version == 1:
            router.slots("b").take()
        elif news.version == 3:
            router.slots("b").give_back("r1")

    polls = run(router, update(1, "r1"), update(2, "r2"), OSError("gone"), update(3, full=False), applied=call)
    assert [set(poll.unfinished) for poll in polls] == [set(), set(), {"r1"}, {"r1"}, set()]
    assert polls[1].load == {"b": 1}


def test_a_proxy_reports_no_calls():
    router = Router(10)
    polls = run(router, update(1, "r1"), update(2, "r2"), kind="proxy", applied=lambda _: router.slots("b").take())
    assert not any(poll.unfinished for poll in polls)


def test_only_updates_that_changed_something_are_announced():
    heard: list[int] = []
    empty = update(1, full=False)
    run(
        Router(10),
        update(1, "r1"),
        empty,
        empty,
        update(2, full=False),
        applied=lambda news: heard.append(news.version),
    )
    assert heard == [1, 2]


def test_what_cannot_be_done_with_news_is_logged_and_done_with_the_whole_of_them_soon(caplog):
    heard: list[int] = []

    def apply(news: Update) -> None:
        heard.append(news.version)
        if len(heard) < 3:
            raise KeyError("a target")

    router = Router(10)
    polls = run(router, update(1, "r1"), update(1, "r1"), update(1, "r1"), update(2, full=False), applied=apply)
    assert [poll.epoch for poll in polls] == ["", "", "", "e", "e"]  # "" asks for everything
    assert heard == [1, 1, 1, 2]
    assert "what follows from the news of router me failed and goes on: Traceback" in caplog.text
    assert "KeyError: 'a target'" in caplog.text


def test_a_controller_that_never_answers_is_asked_again(monkeypatch):
    monkeypatch.setattr(watcher, "POLL_TIMEOUT_S", 0.01)
    asked = asyncio.Event()
    polls: list[Poll] = []

    async def silent(poll: Poll) -> Update:
        polls.append(poll)
        if len(polls) == 3:
            asked.set()
        return await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(watcher.follow(silent, Router(10), "me", "proxy"))
        await asyncio.wait_for(asked.wait(), 30)
        task.cancel()

    asyncio.run(main())
    assert len(polls) >= 3


class Flaky:
    """The way to a real publisher, on which polls and answers get lost."""

    def __init__(self, losses: list[str]) -> None:
        self.publisher = Publisher("epoch", "secret")
        self.publisher.open()
        self._losses = losses

    async def fetch(self, poll: Poll) -> Update:
        lost = self._losses.pop(0) if self._losses else ""
        if lost == "poll":
            raise OSError("the poll got lost")
        news = await self.publisher.watch(poll, 0.01)
        if lost == "answer":
            raise OSError("the answer got lost")
        return news


@given(st.lists(st.sampled_from(["", "poll", "answer"]), max_size=20), st.lists(st.integers(0, 3), min_size=1))
def test_whatever_polls_and_answers_get_lost_the_router_ends_where_the_controller_is(losses, sizes):
    async def main() -> None:
        router, flaky = Router(10), Flaky(losses)
        task = asyncio.create_task(watcher.follow(flaky.fetch, router, "me", "proxy"))
        for size in sizes:
            replicas = tuple(ReplicaAddress(f"r{number}", "b", "n", 1, "/s") for number in range(size))
            flaky.publisher.put(("backend", "b"), BackendView("b", 5, replicas))
            await asyncio.sleep(0)
        while router.version != flaky.publisher.version:
            await asyncio.sleep(0)
        task.cancel()
        assert {router.slots("b").take() for _ in range(5 * sizes[-1] + 1)} - {None} == set(replicas)

    asyncio.run(asyncio.wait_for(main(), 20))


def test_after_an_outage_the_newest_routes_are_in_force_within_a_second(monkeypatch):
    monkeypatch.setattr(watcher, "FIRST_PAUSE_S", FIRST_PAUSE_S)
    monkeypatch.setattr(watcher, "LONGEST_PAUSE_S", LONGEST_PAUSE_S)

    async def main() -> float:
        router, flaky = Router(10), Flaky(["poll"] * 8)
        task = asyncio.create_task(watcher.follow(flaky.fetch, router, "me", "proxy"))
        while flaky._losses:
            await asyncio.sleep(0)
        flaky.publisher.put(("backend", "b"), BackendView("b", 5))
        repaired = asyncio.get_running_loop().time()
        while router.version != flaky.publisher.version:
            await asyncio.sleep(0)
        task.cancel()
        return asyncio.get_running_loop().time() - repaired

    assert asyncio.run(asyncio.wait_for(main(), 20)) <= 1.0
