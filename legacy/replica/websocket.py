"""Websockets in a replica: uvicorn's protocol, which closes so that its last words arrive, and holds back who pings."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSING_S = 2.0  # how long what a client still sends is read for nothing
MOST_PONGS = 256 * 1024  # bytes that wait to be read by the client; from then on it is not asked for more pings


class LingeringWebSocket(WebSocketsSansIOProtocol):
    """One websocket."""

    _refused = False
    _held_back = False  # nothing is read until the client has read

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def handle_ping(self) -> None:
        """Answer, and read on only while the answers go out: nothing else bounds them, since no handler sees them."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > MOST_PONGS and not self._held_back:
            self._held_back = True
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if self._held_back:
            self._held_back = False
            if not self.read_paused and not self.transport.is_closing():
                self.transport.resume_reading()

    async def receive(self) -> Any:
        """The next message; uvicorn reads on then."""
        message = await super().receive()
        if self._held_back and not self.transport.is_closing():
            self.transport.pause_reading()
        return message

    def handle_parser_exception(self) -> None:
        """Say why (a message that is too big: 1009) and close, but not while the rest of it is on its way.

        Closing with unread bytes resets the connection, and the proxy would not read the reason any more.
        """
        self._refused = True
        sent = self.conn.close_sent
        assert sent is not None
        self.queue.put_nowait({"type": "websocket.disconnect", "code": sent.code, "reason": sent.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.close_timer = self.loop.call_later(CLOSING_S, self.transport.close)
