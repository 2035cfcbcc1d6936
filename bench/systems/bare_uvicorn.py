"""Peer: a bare ASGI app on uvicorn, no proxy, no Ray, no framework. The ceiling for any Python HTTP path."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import uvicorn

from bench.systems.base import System, main
from bench.systems.handlers import HANDLERS, hello_sync

TEXT = (b"content-type", b"text/plain; charset=utf-8")
JSON = (b"content-type", b"application/json")


class _Body:
    """As much of a request object as the handler `total` needs."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive

    async def json(self) -> Any:
        """The parsed body."""
        body, more = b"", True
        while more:
            message = await self._receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return json.loads(body)


class BareUvicorn(System):
    """One uvicorn server in a thread of its own; the main thread only waits for commands."""

    def start(self) -> None:
        """Bind and wait until uvicorn accepts connections."""
        self._handler: Any = hello_sync
        # The interface is named because uvicorn mistakes a bound method for an ASGI 2 app.
        config = uvicorn.Config(
            self._app, interface="asgi3", port=self.port, log_level="error", access_log=False, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def serve(self, handler: str) -> str:
        """Answer every path with this handler."""
        self._handler = HANDLERS[handler]
        return "/"

    def stop(self) -> None:
        """Stop the server and wait for it."""
        self._server.should_exit = True
        self._thread.join(timeout=10)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if self._handler is hello_sync:
            answer = self._handler()
        else:
            answer = await self._handler(_Body(receive))
        body, kind = (answer.encode(), TEXT) if isinstance(answer, str) else (json.dumps(answer).encode(), JSON)
        headers = [kind, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    main(BareUvicorn)
