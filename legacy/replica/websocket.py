"""Websockets in a replica: uvicorn's protocol, which closes so that its last words arrive and holds back floods."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSING_S = 2.0  # how long what a client still sends is read for nothing
AT_ONCE = 16 * 1024  # bytes that are unpacked at once: a compressed message may become a thousand times as long
CRUMB = 512  # bytes; shorter pieces of a message are joined while the rest is on its way
JOINED = 4096
MOST_PONGS = 256 * 1024  # bytes that wait to be read by the client; from then on it is not asked for more pings


class LingeringWebSocket(WebSocketsSansIOProtocol):
    """One websocket."""

    _refused = False
    _held_back = False  # nothing is read until the client has read
    _behind = b""  # what has arrived and is not looked at, since messages wait for the handler

    def data_received(self, data: bytes) -> None:
        if self._behind:
            data, self._behind = self._behind + data, b""
        if len(data) <= AT_ONCE and not self.read_paused:
            self._unpack(data)
            return
        for at in range(0, len(data), AT_ONCE):
            if self.read_paused and not self.close_sent:
                self._behind = data[at:]
                return
            self._unpack(data[at : at + AT_ONCE])

    def _unpack(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def handle_cont(self, event: Any) -> None:
        """One more piece of a message, of which there may be millions."""
        super().handle_cont(event)
        frames = self.frames
        if len(frames) > 1 and len(frames[-1]) < CRUMB and len(frames[-2]) < JOINED:
            last = frames.pop()
            frames[-1] = bytes(frames[-1]) + last

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
        if self._behind and not self.read_paused:
            self.data_received(b"")
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
