"""Versioned routing snapshots: what changed since a version, and who has it in force.

A change of one backend or endpoint is one new version of one key, so what a router receives is proportional to what
changed. A router acknowledges a version by polling with it. Versions of different epochs (controller restarts) do not
compare: such a router gets everything anew.

A poll also names the replicas that the router uses no more, but where calls of it are not over. It is answered soon,
news or not, since the next one says whether they are over by then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from legacy.records import BackendView, Endpoint, Poll, Update

Key = tuple[Literal["backend", "endpoint"], str]
Kind = Literal["proxy", "handle"]
MOST_DELETED = 1000  # that are remembered; who has not heard of older ones gets everything anew
SILENCE_S = 5.0  # a router that got an answer and has not polled again for so long is gone
FIRST_LOOK_S = 0.05  # when a router that has calls which are not over is asked again; each time twice as late, until
LAST_LOOK_S = 1.0


class ChangeLog:
    """The newest value of every key, in the order of the last change. Pure."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.version = 0
        self._entries: OrderedDict[Key, tuple[int, BackendView | Endpoint | None]] = OrderedDict()
        self._deleted: OrderedDict[Key, int] = OrderedDict()
        self._forgotten = 0  # the version of the newest deletion that is not remembered

    def put(self, key: Key, value: BackendView | Endpoint | None) -> int:
        """Record a change (None deletes) and give its version."""
        self.version += 1
        self._entries[key] = (self.version, value)
        self._entries.move_to_end(key)
        self._deleted.pop(key, None)
        if value is None:
            self._deleted[key] = self.version
            if len(self._deleted) > MOST_DELETED:
                oldest, self._forgotten = self._deleted.popitem(last=False)
                del self._entries[oldest]
        return self.version

    def since(self, epoch: str, seen: int, secret: str = "") -> Update:
        """All changes after `seen`; everything when the epoch differs, or when that is too long ago."""
        full = epoch != self.epoch or not self._forgotten <= seen <= self.version
        endpoints: dict[str, Endpoint | None] = {}
        backends: dict[str, BackendView | None] = {}
        for (kind, name), (version, value) in reversed(self._entries.items()):
            if not full and version <= seen:
                break
            if full and value is None:
                continue
            (backends if kind == "backend" else endpoints)[name] = value  # type: ignore[assignment]
        return Update(self.epoch, self.version, full, endpoints, backends, secret)


@dataclass(frozen=True)
class RouterRecord:
    """What the checkpoint keeps of a router: enough for the next controller to wait for it."""

    router_id: str
    kind: Kind


@dataclass
class _Router:
    kind: Kind
    seen: int
    polling: bool
    heard_at: float
    load: dict[str, int]
    unfinished: frozenset[str]
    look_s: float


class Publisher:
    """Lets routers wait for news, and the controller wait for routers. One event loop.

    Args:
        epoch: tells this life of the controller from all others.
        secret: goes out with every update.
        remember: told of each router that came (its record) or went (None), so that the next life can expect it.
    """

    def __init__(
        self, epoch: str, secret: str, remember: Callable[[str, RouterRecord | None], None] = lambda *_: None
    ) -> None:
        self.log = ChangeLog(epoch)
        self._secret = secret
        self._remember = remember
        self._routers: dict[str, _Router] = {}
        self._news = asyncio.Event()
        self._heard = asyncio.Event()
        self._open = asyncio.Event()

    @property
    def version(self) -> int:
        """The newest version."""
        return self.log.version

    def open(self, expected: Iterable[RouterRecord] = ()) -> None:
        """Begin to answer polls: the first snapshot is complete.

        Args:
            expected: the routers of the life before. They still route by what it told them, so they are waited for
                like any other, until they poll or were silent for too long.
        """
        for record in expected:
            self._routers.setdefault(
                record.router_id, _Router(record.kind, -1, False, _now(), {}, frozenset(), FIRST_LOOK_S)
            )
        self._open.set()

    def put(self, key: Key, value: BackendView | Endpoint | None) -> int:
        """Publish a change and give its version."""
        version = self.log.put(key, value)
        self._news.set()
        self._news = asyncio.Event()
        return version

    async def watch(self, poll: Poll, patience_s: float) -> Update:
        """Answer a long poll: at once when there is news, else after `patience_s` seconds, or sooner if need be."""
        router = self._note(poll)
        patience_s = min(patience_s, router.look_s) if poll.unfinished else patience_s
        await self._open.wait()
        if poll.epoch == self.log.epoch and poll.seen == self.version:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), patience_s)
        router.polling = False
        router.heard_at = _now()
        news = self.log.since(poll.epoch, poll.seen, self._secret)
        return _without_actors(news) if poll.kind == "proxy" else news

    async def acknowledged(self, version: int, timeout_s: float, kinds: Iterable[str] = ("proxy", "handle")) -> int:
        """Wait until all living routers of these kinds have `version` in force.

        Returns:
            How many had not when `timeout_s` was over. A router that went silent counts as gone, not as late.
        """
        wanted = frozenset(kinds)
        return await self._until_none(lambda router: router.kind in wanted and router.seen < version, timeout_s)

    async def finished(self, replica: str, timeout_s: float) -> int:
        """Wait until no living router has a call that is not over at a replica that all have ceased to use.

        Returns:
            How many had when `timeout_s` was over.
        """
        return await self._until_none(lambda router: replica in router.unfinished, timeout_s)

    async def _until_none(self, is_late: Callable[[_Router], bool], timeout_s: float) -> int:
        deadline = _now() + timeout_s
        while True:
            late = [router for router in self._living() if is_late(router)]
            left = deadline - _now()
            if not late or left <= 0:
                return len(late)
            next_silence = min(router.heard_at + SILENCE_S for router in late) - _now()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._heard.wait(), max(0.01, min(left, next_silence)))

    def leave(self, router_id: str) -> None:
        """A router ends for good: nobody waits for it any more."""
        if self._routers.pop(router_id, None) is not None:
            self._remember(router_id, None)
            self._heard.set()
            self._heard = asyncio.Event()

    def load(self, backend: str) -> int:
        """Requests queued in or in flight from all living routers for a backend."""
        return sum(router.load.get(backend, 0) for router in self._living())

    def routers(self) -> dict[str, tuple[str, int]]:
        """router id -> (kind, version in force), of the living ones."""
        self._living()
        return {name: (router.kind, router.seen) for name, router in self._routers.items()}

    def _note(self, poll: Poll) -> _Router:
        seen = poll.seen if poll.epoch == self.log.epoch else -1
        router = _Router(poll.kind, seen, True, _now(), poll.load, poll.unfinished, FIRST_LOOK_S)
        before = self._routers.get(poll.router_id)
        if before is None:
            self._remember(poll.router_id, RouterRecord(poll.router_id, poll.kind))
        elif before.unfinished == poll.unfinished:
            router.look_s = min(LAST_LOOK_S, 2 * before.look_s)
        self._routers[poll.router_id] = router
        self._heard.set()
        self._heard = asyncio.Event()
        return router

    def _living(self) -> list[_Router]:
        # A router whose poll is open is taken for alive until news is sent to it: only then can silence show.
        limit = _now() - SILENCE_S
        gone = [name for name, router in self._routers.items() if not router.polling and router.heard_at < limit]
        for name in gone:
            del self._routers[name]
            self._remember(name, None)
        return list(self._routers.values())


def _without_actors(news: Update) -> Update:
    """For proxies, which speak HTTP to replicas: in Ray a process pays for each actor handle as long as it lives."""
    backends = {
        tag: view and replace(view, replicas=tuple(replace(one, actor=None) for one in view.replicas))
        for tag, view in news.backends.items()
    }
    return replace(news, backends=backends)


def _now() -> float:
    return asyncio.get_running_loop().time()
