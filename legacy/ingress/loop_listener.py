"""A listener that lets the event loop accept connections, which costs less, while there are descriptors enough."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from legacy.http.admission import Turned
from legacy.http.listener import Door, Listener


class LoopListener(Listener):
    """For many short connections, without TLS, where nobody takes all descriptors between two looks. One event loop.

    asyncio's own loops accept nothing: that is no cheaper there, and without a descriptor each tries, logs and sets a
    timer as often as the backlog is long.
    """

    _server: asyncio.AbstractServer | None = None
    _leaving_it: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Leave accepting to the loop if there are descriptors enough, else accept here; to be called now and then."""
        if not self._is_open():
            return
        if not self._has_room_for_another():
            self._take_over()
        elif self._server is None and not self._leaving and self._leaving_it is None:
            loop = asyncio.get_running_loop()
            if not isinstance(loop, asyncio.BaseEventLoop):
                self._leaving_it = loop.create_task(self._leave_it_to_the_loop())

    def judge(self, descriptor: int) -> asyncio.Protocol:
        """As the listener; after the first one that has to go, the loop accepts no more."""
        chosen = super().judge(descriptor)
        if isinstance(chosen, Turned):
            self._take_over()
        return chosen

    def close(self) -> None:
        """As the listener."""
        if self._leaving_it is not None:
            self._leaving_it.cancel()
        if self._server is not None:
            self._server.close()
        super().close()

    def _has_room_for_another(self) -> bool:
        try:
            descriptor = os.dup(self._sock.fileno())
        except OSError:
            return False
        os.close(descriptor)
        return self._has_room(descriptor)

    async def _leave_it_to_the_loop(self) -> None:
        make = asyncio.get_running_loop().create_server
        try:
            # Accepting ends with the server; the socket goes on to listen, since this is another descriptor of it.
            sock = self._sock.dup()
            options: dict[str, Any] = {"sock": sock, "backlog": self._backlog, "start_serving": False}
            self._server = await make(lambda: Door(self._judge_made), **options)
            self._rest()
            await self._server.start_serving()
        except OSError as error:  # no descriptor is left for it
            self._seldom.warn("loop", f"the event loop cannot accept connections: {error}")
            self._take_over()
        finally:
            self._leaving_it = None

    def _judge_made(self, transport: Any) -> asyncio.Protocol:
        return self.judge(transport.get_extra_info("socket").fileno())

    def _take_over(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            if self._is_open():  # else it was closed after this one was accepted
                self._accept_here()
