"""Websockets in a replica: uvicorn's protocol, which closes so that its last words arrive."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSING_S = 2.0  # how long what a client still sends is read for nothing


class LingeringWebSocket(WebSocketsSansIOProtocol):
    """One websocket."""

    _refused = False

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

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
