"""A running servable, and the one way into it for HTTP and handle calls."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from types import CoroutineType
from typing import Any

from ray import cloudpickle

from legacy.config import BackendConfig
from legacy.errors import MethodMissingError, RayServeException
from legacy.generations import Generation
from legacy.logs import logger
from legacy.replica.backends import accepts_batches
from legacy.replica.batch_core import BatchCore
from legacy.replica.batching import Batcher
from legacy.replica.call_context import BATCH_SIZE, WEB
from legacy.replica.fastapi_json import teach
from legacy.replica.keywords import Asked, batch_arguments
from legacy.replica.messages import CALL
from legacy.replica.shared_lock import SharedLock

ALONE_S = 600.0  # how long `reconfigure` of a deployment waits for running requests


@dataclass(frozen=True)
class Handler:
    """One callable method of the servable.

    Attributes:
        takes_nothing: it has no parameters, so it gets no request.
        takes_one: it cannot be called without exactly one positional argument.
        needs_positional: it has a parameter that may be positional and has no default.
        may_take_positional: it has a parameter that may be positional.
    """

    function: Callable[..., Any]
    takes_nothing: bool
    takes_one: bool
    needs_positional: bool = True
    may_take_positional: bool = True


class Servable:
    """The user's function or instance as the replica calls it. Lives on the user loop.

    Args:
        target: the function or instance.
        backend: the backend's name, for messages.
        config: batch limits and user_config.
        generation: what requests look like, and when `reconfigure` is called.

    Attributes:
        batches: whether its handlers take lists.
        asgi: what answers HTTP when the class is an ASGI application, else None.
        lock: every request shares it while it runs.
        strips_prefix: its requests show the path below the route only, as in Ray 1.4-2.6 for deployments.
        wants_flask: its HTTP requests are Flask's (Ray 0.8-1.1).
        takes_keywords: handle calls are keyword arguments of the handler (Ray 0.8).
        called_by_header: HTTP clients may choose the handler; never past the routes of an ASGI application.
        todays_json: its results become JSON as in Ray 2.x.
    """

    def __init__(self, target: Any, backend: str, config: BackendConfig, generation: Generation) -> None:
        self.target = target
        self._backend = backend
        self._generation = generation
        self._is_function = inspect.isroutine(target)
        self.batches = accepts_batches(target if self._is_function else type(target))
        self._handlers: dict[str, Handler] = {}
        self._batchers: dict[str, Batcher] = {}
        self._config = config
        self._configured_with = b""
        self.lock = SharedLock()
        self.asgi: Callable[..., Any] | None = None if self._is_function else getattr(target, "__serve_asgi__", None)
        # Every request asks for these.
        self.strips_prefix = generation.strips_prefix
        self.wants_flask = generation.flask_requests
        self.takes_keywords = generation.call_style == "keywords"
        self.called_by_header = generation.headers_steer and self.asgi is None
        self.todays_json = generation.todays_json

    def find(self, name: str) -> Handler:
        """The handler of that name; MethodMissingError lists those there are."""
        found = self._handlers.get(name)
        return found if found is not None else self._look_up(name)

    async def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run user code, sync or async, single or batched, and give its result.

        Raises:
            MethodMissingError: no such method.
            RayServeException: user code tried to end the process with SystemExit or KeyboardInterrupt.
            Exception: whatever user code raises.
        """
        handler = self._handlers.get(name) or self._look_up(name)
        await self.lock.acquire()
        try:
            if self.batches:
                return await self._batched(name, args, kwargs)
            result = handler.function(*args, **kwargs)
            return await result if type(result) is CoroutineType else result
        except (SystemExit, KeyboardInterrupt) as error:
            raise self._lives_on(error) from error
        finally:
            self.lock.release()

    async def configure(self, config: BackendConfig) -> None:
        """Take over a new config; `reconfigure` is called when the user_config is another one than before.

        Raises:
            RayServeException: there is a user_config and the backend cannot take it.
            Exception: whatever the user's `reconfigure` raises.
        """
        self._config = config
        for batcher in self._batchers.values():
            batcher.configure(config.max_batch_size or 1, config.batch_wait_timeout)
        wanted = config.user_config
        given = wanted is not None if self._generation.reconfigures_with_falsy else _truth(wanted)
        print_of_it = _fingerprint(wanted)
        if not given or print_of_it == self._configured_with:
            return
        if self._is_function or not hasattr(self.target, "reconfigure"):
            kind = "is a function" if self._is_function else "has no method reconfigure(user_config)"
            raise RayServeException(f"backend {self._backend!r} was given a user_config, but it {kind}")
        if self._generation.reconfigures_alone:
            async with self.lock.exclusive(ALONE_S):
                await self._finish(self.target.reconfigure(wanted))
        else:
            await self._finish(self.target.reconfigure(wanted))
        self._handlers.clear()
        self._configured_with = print_of_it

    @property
    def has_health_check(self) -> bool:
        """Whether the class has a `check_health` (Ray 1.13+)."""
        return not self._is_function and callable(getattr(self.target, "check_health", None))

    async def check_health(self) -> None:
        """Call the user's `check_health`."""
        await self._finish(self.target.check_health())

    async def start(self) -> None:
        """Run the startup events of a class that is an ASGI application, and raise whatever they raise."""
        if self.asgi is not None:
            teach(self._generation.todays_json)
            await self.target.__serve_startup__()

    async def destroy(self) -> None:
        """Run the shutdown events of an ASGI application, then the user's `__del__`, sync or async, the only time."""
        kind = type(self.target)
        if self.asgi is not None:
            try:
                await self.target.__serve_shutdown__()
            except Exception:  # user code may raise anything; its destructor has a right to run all the same
                logger.exception("the shutdown events of backend %r failed", self._backend)
        if self._is_function or not hasattr(kind, "__del__"):
            return
        last_words = self.target.__del__
        # The collector would call it a second time; the class is this replica's own by now.
        kind.__del__ = _nothing
        await self._finish(last_words())

    async def _finish(self, result: Any) -> Any:
        return await result if inspect.isawaitable(result) else result

    async def _batched(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.takes_keywords:
            args, kwargs = (Asked(args, kwargs, WEB.get()),), {}
        if len(args) != 1 or kwargs:
            text = f"backend {self._backend!r} takes batches: call it with one request, not {len(args)} arguments"
            raise TypeError(text)
        batcher = self._batchers.get(name)
        if batcher is None:
            core: BatchCore[Any] = BatchCore(self._config.max_batch_size or 1, self._config.batch_wait_timeout)
            batcher = Batcher(self._batch_call(name), f"{self._backend}.{name}", core)
            self._batchers[name] = batcher
        return await batcher.submit(args[0])

    def _batch_call(self, name: str) -> Callable[[list[Any]], Any]:
        async def call(requests: list[Any]) -> Any:
            try:
                handler = self.find(name)
                if not self.takes_keywords:
                    return await self._finish(handler.function(requests))
                WEB.set(requests[0].web)
                BATCH_SIZE.set(len(requests))
                args, kwargs = batch_arguments(requests, handler.may_take_positional)
                return await self._finish(handler.function(*args, **kwargs))
            except (SystemExit, KeyboardInterrupt) as error:
                raise self._lives_on(error) from error

        return call

    def _lives_on(self, error: BaseException) -> RayServeException:
        # Asyncio would let SystemExit end the whole thread; the originals answer with an error and live on.
        return RayServeException(f"user code of backend {self._backend!r} raised {error!r}")

    def _look_up(self, name: str) -> Handler:
        owner = {CALL: self.target}.get if self._is_function else functools.partial(getattr, self.target)
        function = owner(name, None)
        if not callable(function):
            there = ", ".join(self._public()) or "none"
            text = f"backend {self._backend!r} has no method {name!r}. Available methods: {there}"
            raise MethodMissingError(text)
        handler = _handler(function)
        self._handlers[name] = handler
        return handler

    def _public(self) -> list[str]:
        if self._is_function:
            return [CALL]
        names = [name for name, _ in inspect.getmembers(type(self.target), inspect.isroutine)]
        own = CALL in dir(type(self.target))
        return sorted([name for name in names if not name.startswith("_")] + [CALL] * own)


def _handler(function: Callable[..., Any]) -> Handler:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):  # builtins have no signature
        return Handler(function, takes_nothing=False, takes_one=False)
    needed = [
        one for one in parameters if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    one_positional = len(needed) == 1 and needed[0].kind is not needed[0].KEYWORD_ONLY
    return Handler(
        function,
        takes_nothing=not parameters,
        takes_one=one_positional,
        needs_positional=any(one.kind is one.POSITIONAL_OR_KEYWORD for one in needed),
        may_take_positional=any(one.kind not in (one.KEYWORD_ONLY, one.VAR_KEYWORD) for one in parameters),
    )


def _truth(value: Any) -> bool:
    try:
        return bool(value)
    except Exception:  # a numpy array or data frame has no truth value, and is something
        return True


def _fingerprint(value: Any) -> bytes:
    """Equal for equal values in nearly all cases; a different one only costs one `reconfigure` too many."""
    try:
        return pickle.dumps(value)
    except Exception:  # user classes may fail to pickle in any way
        return cloudpickle.dumps(value)


def _nothing(self: Any) -> None:
    """What `__del__` is once it has been called."""
