"""The router of one process for one serve instance: follows the controller in a thread of its own, and sends calls.

A call is sent by the thread that makes it: choose a backend, take a slot at a replica, one Ray actor call. The
router's own thread only applies routing news, sends shadow calls and looks after calls that are over.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import uuid
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from typing import Any

from legacy import cluster, controllers
from legacy.calls import too_late
from legacy.calls.channel import Call, SlotWaiter
from legacy.calls.channels import Channels
from legacy.calls.metrics import HandleMetrics
from legacy.calls.shadow import Shadows
from legacy.calls.target import Target
from legacy.calls.waiting import Pause, Work, run, run_async
from legacy.constants import ROUTER_THREAD
from legacy.endless import go_on
from legacy.errors import BackendDeletedError, InstanceError
from legacy.records import InstanceName, Poll, Update, Version
from legacy.traffic.router import Router
from legacy.traffic.split import Split
from legacy.traffic.watcher import follow

MAX_WAITING = 100_000  # callers that may block on one backend: each is a thread or a task of the user's own
TICK_S = 0.5
RETURN_S = 5.0  # how long a call waits for an endpoint and its backend that were deleted to be made again


class LocalRouter:
    """Sends the handle calls of this process to one instance.

    Args:
        instance: whose endpoints.
        controller: the instance's controller.

    Attributes:
        closed: it has ended: it was closed, or there is no instance of its name any more.
        connection: that of this process to the cluster; it ends with it, see `cluster.connection`.
    """

    def __init__(self, instance: InstanceName, controller: Any) -> None:
        self.instance = instance
        self.closed = False
        self._missing = ""  # that no instance of this name runs, once that is so
        self.connection = cluster.connection()
        self._id = f"handle-{uuid.uuid4().hex}"
        self._rng = random.Random()
        self._router = Router(MAX_WAITING)
        self._targets: weakref.WeakSet[Target] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._channels = Channels(self._router.slots)
        self._controller: Any = controller
        self._news = threading.Condition()
        self._in_force = Version("", 0)
        self._informed: Future[None] = Future()  # done once the first snapshot is in force
        self._awake = False
        self._metrics = HandleMetrics()
        self._loop = asyncio.new_event_loop()
        self._busy = asyncio.Event()
        self._shadows = Shadows(self._loop, self._session_goes_on)
        self._work: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=ROUTER_THREAD, daemon=True)
        self._thread.start()

    # called by any thread

    def target(self, name: str) -> Target:
        """The endpoint of that name, which may not exist yet."""
        target = Target(name)
        with self._lock:
            self._targets.add(target)
        target.refresh(self._router)
        return target

    def send(self, target: Target, call: Call, timeout_s: float, appear_s: float | None) -> Any:
        """Send a call and give the reference to its answer; blocks while no replica has a free slot.

        Args:
            timeout_s: how long it may block.
            appear_s: how long it may wait for an endpoint that news do not name; None leaves it to `timeout_s`.

        Raises:
            DeadlineError: it would have blocked longer.
            QueueFullError: too many callers block already.
            BackendDeletedError: the endpoint and its backend are gone, or the backend went while it waited.
            InstanceError: the instance is.
        """
        answer = self._send_now(target, call)
        return answer if answer is not None else run(self._send_later(target, call, timeout_s, appear_s), timeout_s)

    async def send_async(self, target: Target, call: Call, timeout_s: float, appear_s: float | None) -> Any:
        """The same as `send`, but other tasks of the caller's loop run while it waits."""
        answer = self._send_now(target, call)
        if answer is not None:
            return answer
        return await run_async(self._send_later(target, call, timeout_s, appear_s), timeout_s)

    @property
    def life(self) -> str:
        """Of which life of the controller the routing is that is in force here; "" before the first news."""
        return self._in_force.epoch

    def wait_for_version(self, version: Version, timeout_s: float, asked_in: str = "") -> bool:
        """Wait until the routing snapshot of that version is in force here; False when it took too long.

        Args:
            asked_in: `life` when the command was sent that gave the version, "" for not known. Since then that one may
                have ended, and what is in force here may be of a later one already.
        """
        with self._news:
            before = asked_in or self._in_force.epoch
            return self._news.wait_for(lambda: self.closed or _follows(self._in_force, version, before), timeout_s)

    def close(self) -> None:
        """Stop following the controller and end the thread; handles that use this router connect anew."""
        self._end_waits()
        self._say_goodbye()
        self._have_done(self._cancel)
        if threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def _end_waits(self) -> None:
        with self._news:
            self.closed = True
            self._news.notify_all()
        self._router.end(self._left)
        with self._lock:
            targets = list(self._targets)
        for target in targets:
            target.give_up(self._left())
        with contextlib.suppress(InvalidStateError):  # it is done
            self._informed.set_exception(self._left())

    def _left(self) -> InstanceError:
        return InstanceError(self._missing) if self._missing else controllers.has_ended(self.instance)

    def _say_goodbye(self) -> None:
        controller = self._controller
        if controller is not None and self._session_goes_on():
            controller.leave.options(max_task_retries=0).remote(self._id)  # else a drain waits for our silence

    def _send_now(self, target: Target, call: Call) -> Any:
        split = target.split
        if split is None:
            return None
        tag = split.primary(call.shard_key, self._rng)
        if self._router.is_gone(target.name, tag):
            return None
        channel = self._channels.get(tag)
        replica = channel.take()
        return None if replica is None else self._sent(target, split, channel.send(replica, call), call)

    def _send_later(self, target: Target, call: Call, timeout_s: float, appear_s: float | None) -> Work[Any]:
        if self.closed:
            raise self._left()
        if target.split is None:
            yield Pause(self._informed, None, too_late.no_news(target.name, timeout_s))
            yield Pause(target.appeared, appear_s, too_late.no_endpoint(target.name, appear_s or timeout_s))
        while True:
            split = target.split
            if split is None:
                raise too_late.no_endpoint(target.name, timeout_s)
            tag = split.primary(call.shard_key, self._rng)
            if self._router.is_gone(target.name, tag):  # asked before a channel is made, which would be kept
                limit_s = min(RETURN_S, timeout_s)
                yield Pause(target.return_of(self._router), limit_s, too_late.deleted(target.name, tag, limit_s))
                continue
            channel, waiter = self._channels.get(tag), SlotWaiter()
            try:
                channel.slots.wait(waiter)
                channel.watch()
                self._stay_awake()
                yield Pause(waiter.granted, None, too_late.no_slot(target.name, tag, timeout_s))
            except BackendDeletedError:
                if target.split is split:
                    raise
                continue  # the traffic goes elsewhere by now
            except BaseException:  # too late, cancelled or interrupted: the slot must not be lost
                waiter.give_up(channel.slots)
                raise
            return self._sent(target, split, channel.send(waiter.granted.result(), call), call)

    def _sent(self, target: Target, split: Split, answer: Any, call: Call) -> Any:
        self._metrics.count(target.name)
        if split.has_shadows:
            for tag in split.shadows(call.shard_key, self._rng):
                if not self._router.is_gone(target.name, tag):
                    self._have_done(self._shadows.send, self._channels.get(tag), call)
        if not self._awake:
            self._stay_awake()
        return answer

    def _stay_awake(self) -> None:
        self._awake = True
        self._have_done(self._busy.set)

    def _have_done(self, work: Callable[..., None], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the router has ended meanwhile, and its loop with it
            self._loop.call_soon_threadsafe(work, *args)

    # called by the router's own thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        except asyncio.CancelledError:
            pass
        finally:
            self._end_waits()
            self._loop.close()

    async def _live(self) -> None:
        self._work = asyncio.current_task()
        if self.closed:
            return
        looking = asyncio.ensure_future(go_on("the look after handle calls", self._look_after_calls, TICK_S))
        try:
            await follow(self._fetch, self._router, self._id, "handle", self._applied)
        finally:
            looking.cancel()

    def _session_goes_on(self) -> bool:
        # Asked before every use of Ray in this thread: after ray.shutdown() it would start a new cluster by itself.
        return cluster.connection() is self.connection

    def _cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _fetch(self, poll: Poll) -> Update:
        if self.closed or not self._session_goes_on():  # closed: asyncio's wait_for may swallow a cancellation
            self.closed = True
            raise asyncio.CancelledError
        self._channels.reap()  # calls that are over are no load for autoscaling, and no reason to keep a replica
        poll = replace(poll, unfinished=self._router.unfinished(), load=self._router.load())
        try:
            if self._controller is None:
                self._controller = self._found()
            answer = self._controller.watch.options(max_task_retries=0).remote(poll).future()
            # shielded: Ray Client prints a traceback for an answer to a future that was cancelled
            update: Update = await asyncio.shield(asyncio.wrap_future(answer))
        except BaseException:  # the next poll looks the controller up anew, whatever was wrong with this one
            self._controller = None
            raise
        return update

    def _found(self) -> Any:
        try:
            return controllers.find(self.instance)
        except InstanceError as error:  # one that only restarts keeps its name
            self._missing = str(error)
            self._end_waits()  # whoever calls next looks again, with a router of his own
            raise asyncio.CancelledError from None

    def _applied(self, update: Update) -> None:
        self._channels.refresh(update.backends)
        with self._lock:
            targets = list(self._targets)
        for target in targets:
            target.refresh(self._router)
        with contextlib.suppress(InvalidStateError):  # it is done, or the router was closed this moment
            self._informed.set_result(None)
        with self._news:
            self._in_force = Version(update.epoch, update.version)
            self._news.notify_all()

    async def _look_after_calls(self) -> None:
        while True:
            await self._busy.wait()
            await asyncio.sleep(TICK_S)
            if not self._session_goes_on():
                self.closed = True
                self._cancel()
                return
            channels = self._channels.reap()
            self._metrics.flush(channels)
            self._awake = False
            self._busy.clear()
            if any(channel.in_flight or channel.doubts or channel.slots.waiting for channel in channels):
                self._awake = True
                self._busy.set()


def _follows(here: Version, wanted: Version, before: str) -> bool:
    """Whether what is in force has what is wanted; `before` was the epoch when that was known already."""
    return here.number >= wanted.number if here.epoch == wanted.epoch else here.epoch != before  # of a later life
