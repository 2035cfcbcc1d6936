"""Runs batches on an event loop: the queues of `accept_batch` handlers, and the `serve.batch` decorator.

An error that a handler raises is that of every request in its batch, and of no other batch, as in all original
releases: nothing tells whose it is, and to find out, the others would have to run a second time. A handler that knows
returns the error as the answer of the one request, and whoever called it raises it:

    answer = await self.many(item)
    if isinstance(answer, Exception):
        raise answer
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from legacy.replica.batch_core import BatchCore, answers

Function = TypeVar("Function", bound=Callable[..., Any])

Handler = Callable[[list[Any]], Awaitable[Any]]


class Member:
    """One waiting request of a batch."""

    __slots__ = ("future", "request")

    def __init__(self, request: Any, future: asyncio.Future[Any]) -> None:
        self.request = request
        self.future = future

    def fail(self, error: BaseException) -> None:
        """Give its caller the batch's error, unless the caller is gone."""
        if isinstance(error, asyncio.CancelledError):
            self.future.cancel()
        elif not self.future.done():
            self.future.set_exception(error)


class Batcher:
    """Collects single requests into lists for one handler. Lives on one event loop.

    Args:
        handler: awaited with a list of requests; gives the answers in order.
        name: what error messages call the handler.
        core: when a batch is due.
    """

    def __init__(self, handler: Handler, name: str, core: BatchCore[Member]) -> None:
        self.core = core
        self.loop = asyncio.get_running_loop()
        self._handler = handler
        self._name = name
        self._timer: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, request: Any) -> Any:
        """The answer to one request. A caller that is cancelled drops out of its batch; the others stay."""
        member = Member(request, self.loop.create_future())
        self.core.add(member, self.loop.time())
        self._look(soon=True)
        try:
            return await member.future
        except asyncio.CancelledError:
            self.core.discard(member)
            raise

    def configure(self, max_size: int, wait_s: float) -> None:
        """New limits for the batches from now on."""
        self.core.max_size, self.core.wait_s = max_size, wait_s
        self._look(soon=True)

    def _look(self, soon: bool = False) -> None:
        """Look for due batches: soon is after everything that is ready now, so that it is in the same batch."""
        if self._timer is not None:
            self._timer.cancel()
        if soon:
            self._timer = self.loop.call_soon(self._flush)
            return
        at = self.core.look_again_at()
        self._timer = None if at is None else self.loop.call_at(at, self._flush)

    def _flush(self) -> None:
        self._timer = None
        while batch := self.core.take(self.loop.time()):
            task = self.loop.create_task(self._run(batch))
            self._tasks.add(task)
            task.add_done_callback(self._over)
            left = _CountDown(len(batch), task)
            for member in batch:
                member.future.add_done_callback(left)
        self._look()

    def _over(self, task: asyncio.Task[None]) -> None:
        # In a callback, not at the end of `_run`: a task that is cancelled before its first step runs none of its code.
        self._tasks.discard(task)
        self.core.finished()
        self._look(soon=True)

    async def _run(self, batch: list[Member]) -> None:
        try:
            found = answers(await self._handler([member.request for member in batch]), len(batch), self._name)
        except BaseException as error:  # whatever it is, it belongs to the callers; cancellation ends here too
            for member in batch:
                member.fail(error)
        else:
            for member, answer in zip(batch, found, strict=True):
                if not member.future.done():
                    member.future.set_result(answer)


class _CountDown:
    """Cancels a batch once all its members gave up: it would run on for nobody."""

    def __init__(self, members: int, task: asyncio.Task[None]) -> None:
        self._left = members
        self._task = task

    def __call__(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            self._left -= 1
            if not self._left:
                self._task.cancel()


class _Queues:
    """The queues of one `serve.batch` function: one per object for methods, one for a plain function."""

    def __init__(self, function: Callable[..., Any], max_size: int, wait_s: float) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        self._limits = (max_size, wait_s)
        self._batchers: dict[int, tuple[Any, Batcher]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _Queues, (self._function, *self._limits)  # queues stay where they are

    def of(self, owner: Any) -> Batcher:
        """The queue of `owner` (None for a plain function) on the running loop."""
        key = id(owner)
        found = self._batchers.get(key)
        if found is not None and found[1].loop is asyncio.get_running_loop():
            return found[1]
        handler = functools.partial(self._call, None if owner is None else weak(owner))
        batcher = Batcher(handler, self._function.__qualname__, BatchCore(*self._limits, at_once=1))
        self._batchers[key] = (weak(owner, lambda _: self._batchers.pop(key, None)), batcher)
        return batcher

    async def _call(self, owner: Callable[[], Any] | None, items: list[tuple[tuple[Any, ...], dict[str, Any]]]) -> Any:
        first = () if owner is None else (owner(),)
        bound = [self._signature.bind(*first, *args, **kwargs) for args, kwargs in items]
        if len({tuple(one.arguments) for one in bound}) > 1:
            for one in bound:
                one.apply_defaults()
        args = [list(column) for column in zip(*(one.args[len(first) :] for one in bound), strict=True)]
        kwargs = {name: [one.kwargs[name] for one in bound] for name in bound[0].kwargs}
        return await self._function(*first, *args, **kwargs)


def weak(owner: Any, gone: Callable[[Any], Any] | None = None) -> Callable[[], Any]:
    """A weak reference to `owner`, or a strong one when its class does not allow weak ones."""
    try:
        return weakref.ref(owner, gone)
    except TypeError:
        return lambda: owner


@overload
def batch(function: Function) -> Function: ...
@overload
def batch(*, max_batch_size: int = 10, batch_wait_timeout_s: float = 0.0) -> Callable[[Function], Function]: ...


def batch(function: Any = None, max_batch_size: int = 10, batch_wait_timeout_s: float = 0.0) -> Any:
    """Turn an `async def` that handles lists into one that is called with single items (Ray 1.3+).

    Each caller awaits the answer to its own item. One batch of a queue runs at a time, in the order of the calls; a
    method has a queue per object. Every parameter becomes a list of the same length, keywords too (1.8+).

    Args:
        function: the function when used without parentheses.
        max_batch_size: the longest list, at least 1.
        batch_wait_timeout_s: seconds the first item waits for others; 0 takes whatever is there.

    Raises:
        TypeError: the function is not `async def`, or an argument is of another type.
        ValueError: an argument is out of range.
    """
    max_size, wait_s = _checked(max_batch_size, batch_wait_timeout_s)
    if function is None:
        return functools.partial(_decorate, max_size=max_size, wait_s=wait_s)
    return _decorate(function, max_size, wait_s)


def _checked(max_size: Any, wait_s: Any) -> tuple[int, float]:
    if isinstance(max_size, float) and max_size.is_integer():
        max_size = int(max_size)
    if not isinstance(max_size, int):
        raise TypeError(f"max_batch_size must be a whole number, not {max_size!r}")
    if max_size < 1:
        raise ValueError(f"max_batch_size must be at least 1, not {max_size}")
    if not isinstance(wait_s, (int, float)):
        raise TypeError(f"batch_wait_timeout_s must be a number of seconds, not {wait_s!r}")
    if wait_s < 0:
        raise ValueError(f"batch_wait_timeout_s must not be negative, it is {wait_s}")
    return max_size, float(wait_s)


def _decorate(function: Any, max_size: int, wait_s: float) -> Any:
    if not callable(function):
        raise TypeError(f"@serve.batch decorates functions, not a {type(function).__name__}")
    if not inspect.iscoroutinefunction(function):
        name = getattr(function, "__qualname__", function)
        raise TypeError(f"@serve.batch needs an `async def` function; {name} is not one")
    queues = _Queues(function, max_size, wait_s)
    owners = _Owners(function)

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        if args and owners.have(args[0], call):
            return await queues.of(args[0]).submit((args[1:], kwargs))
        return await queues.of(None).submit((args, kwargs))

    return call


class _Owners:
    """Tells whose method a `serve.batch` function is: of an object, of a class, or of nobody, as static methods are."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._place = function.__module__, function.__qualname__.rpartition(".")[0]
        self._known: dict[type, bool] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _Owners, (self._function,)

    def have(self, first: Any, call: Any) -> bool:
        """Whether the first argument of a call is the object or class that the function is a method of."""
        kind: type = first if isinstance(first, type) else type(first)
        known = self._known.get(kind)
        if known is None:
            known = self._known[kind] = self._is_method_of(kind, call)
        return known

    def _is_method_of(self, kind: type, call: Any) -> bool:
        there = inspect.getattr_static(kind, self._function.__name__, None)
        if isinstance(there, staticmethod):
            return False
        if inspect.unwrap(getattr(there, "__func__", there), stop=lambda one: one is call) is call:
            return True
        # another name, or under a decorator that does not say what it decorates
        return any((base.__module__, base.__qualname__) == self._place for base in kind.__mro__)
