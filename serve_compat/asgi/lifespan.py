"""The ASGI lifespan protocol: an application's startup and shutdown around its requests."""

from __future__ import annotations

import asyncio
from typing import Any


class Lifespan:
    """An ASGI application that is started, serves, and is shut down. Lives on one event loop.

    Args:
        app: the application; one that does not know the protocol is served all the same.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, which sees the state that startup left."""
        if self._state:
            scope["state"] = dict(self._state)
        await self._app(scope, receive, send)

    async def startup(self) -> None:
        """Run the startup events and raise what they raise, or RuntimeError when the app only says that they failed."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            await self._error_of_the_app()
            raise RuntimeError(f"the application's startup failed: {answer.get('message', '')}")

    async def shutdown(self) -> None:
        """Run the shutdown events, if startup was understood."""
        if self._task is not None and not self._task.done():
            await self._ask("lifespan.shutdown")
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        await self._app(scope, self._events.get, self._answers.put)

    async def _ask(self, event: str) -> dict[str, Any] | None:
        """The application's answer; None when it does not know the protocol."""
        assert self._task is not None
        self._events.put_nowait({"type": event})
        answer = asyncio.ensure_future(self._answers.get())
        await asyncio.wait([answer, self._task], return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        _ = self._task.cancelled() or self._task.exception()
        return None

    async def _error_of_the_app(self) -> None:
        """Raise what made the startup fail, when the application lets it out."""
        assert self._task is not None
        await asyncio.wait([self._task])
        error = None if self._task.cancelled() else self._task.exception()
        if error is not None:
            raise error
