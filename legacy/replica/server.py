"""The sockets of a replica: a unix socket in a private directory, and a TCP port when there are other nodes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn.config
import uvicorn.server

from legacy import code_files
from legacy.endless import go_on
from legacy.environments import start_link
from legacy.http.contract import REFUSED
from legacy.http.head import whole_answer
from legacy.http.limits import Limits
from legacy.http.listener import Listener
from legacy.http.protocol import CancellingProtocol
from legacy.http.tls import TlsFiles
from legacy.port_lock import sweep_locks
from legacy.private_directory import is_private, make_private, mark
from legacy.replica.app import GAVE_UP
from legacy.replica.members import KEEP_ALIVE_S, MemberProtocol, Members, member_limits, member_protocol
from legacy.seldom import Seldom

LONGEST_PATH = 107  # bytes; the kernel's limit is 108, with a zero at the end
_BACKLOG = 1024
WEBSOCKETS = "legacy.replica.websocket:LingeringWebSocket"  # loaded only where they are spoken
_CLOSING_LOOKS = 100  # of 10 ms
DIRECTORY_PREFIX = "serve-"
_SUFFIX = ".sock"
_UNBORN = ".new"

_LAST_WORDS = whole_answer(503, GAVE_UP)
_FULL = whole_answer(503, "this replica has no descriptors left", REFUSED)


def bind_private(directory: str) -> tuple[socket.socket, str]:
    """A listening unix socket only this user can reach, and its path. Sweeps sockets nobody listens on any more.

    Raises:
        OSError: the directory cannot be made, belongs to somebody else or is open to others; or the path is too long.
    """
    path = os.path.join(directory, uuid.uuid4().hex[:10] + _ours())
    if len(os.fsencode(path)) >= LONGEST_PATH:
        text = (
            f"socket path {path} is longer than {LONGEST_PATH} bytes; set SERVE_COMPAT_RUN_DIR to a shorter directory"
        )
        raise OSError(text)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _listen_at(sock, path)
    except OSError:
        sock.close()
        raise
    sweep(directory)
    sweep_neighbours(directory)
    return sock, path


def _listen_at(sock: socket.socket, path: str) -> None:
    # Linux gives the bound file the mode of the socket: no umask, which would hit files of other threads.
    os.fchmod(sock.fileno(), 0o600)
    unborn = path[: -len(_SUFFIX)] + _UNBORN
    for attempt in range(3):
        make_private(os.path.dirname(path))
        try:
            sock.bind(unborn)
            break
        except FileNotFoundError:  # the last replica before us has just removed the directory
            if attempt == 2:
                raise
    sock.listen(_BACKLOG)
    os.chmod(unborn, 0o600)
    # Under its name only now that it listens, so that a sweep of another replica never takes it for a dead one.
    os.rename(unborn, path)


def sweep(directory: str) -> int:
    """Remove sockets of our own that nobody listens on: their replicas were killed. Gives how many there were."""
    gone = 0
    for path in Path(directory).glob("?" * 10 + _ours()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
                gone += 1
            except OSError:  # alive but busy, or gone already
                continue
    return gone


def sweep_neighbours(directory: str) -> None:
    """Remove what instances left behind whose whole node was killed, so that nobody was there to tidy up.

    A directory in which nothing was theirs is somebody else's, whatever it is called.
    """
    here = Path(directory)
    for other in here.parent.glob(DIRECTORY_PREFIX + "*"):
        with contextlib.suppress(OSError):  # somebody else's, in use, or gone already
            place = str(other)
            if other != here and is_private(place) and _sweep_all(place):
                other.rmdir()


def _sweep_all(directory: str) -> int:
    return sum(each(directory) for each in (sweep, start_link.sweep, code_files.sweep, sweep_locks))


def _ours() -> str:
    """How the names of sockets end whose replicas live in this process's pid namespace."""
    return f"-{mark()}{_SUFFIX}"


class ReplicaServer:
    """uvicorn's HTTP protocol on the replica's sockets. All methods run on the user loop.

    Args:
        clients: what proxies let their clients do.

    Attributes:
        speaks_websocket: whether the app is given websockets; to be set before it serves.
    """

    def __init__(self, clients: Limits | None = None) -> None:
        self.speaks_websocket = False
        self._limits = member_limits(clients or Limits())
        self._servers: list[Listener] = []
        self._states: list[uvicorn.server.ServerState] = []
        self._path = ""
        self._seldom = Seldom()
        self._looking: asyncio.Task[None] | None = None

    def owns(self, path: str) -> None:
        """The socket's file to remove in the end."""
        self._path = path

    async def serve_unix(self, app: Any, sock: socket.socket) -> None:
        """Accept connections on a socket of `bind_private`."""
        self._listen(Listener(sock, self._protocol(app), _FULL, refuse_asked=True))

    async def serve_tcp(self, app: Any, host: str, secret: str, tls: TlsFiles | None) -> int:
        """Accept connections of those who know the secret on a free port of `host`, which is returned."""
        context = tls.server_context() if tls else None
        protocol = self._protocol(app, functools.partial(member_protocol(self._limits), Members(secret)))
        sock = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listen(Listener(sock, protocol, _FULL, refuse_asked=True, tls=context, handshake_s=self._limits.head_s))
        looking = go_on("the look at connections", self._look, self._limits.tick_s)
        self._looking = asyncio.get_running_loop().create_task(looking)
        return int(sock.getsockname()[1])

    def _listen(self, listener: Listener) -> None:
        listener.open(_BACKLOG)
        self._servers.append(listener)

    async def close(self) -> None:
        """Stop accepting, let what is written reach the proxies, remove the socket."""
        if self._looking is not None:
            self._looking.cancel()
        for server in self._servers:
            server.close()
        for state in self._states:
            for connection in list(state.connections):
                connection.shutdown()
        for _ in range(_CLOSING_LOOKS):
            if not any(state.connections for state in self._states):
                break
            await asyncio.sleep(0.01)
        for state in self._states:
            for connection in list(state.connections):
                connection.transport.abort()
        self.remove_socket()

    def remove_socket(self) -> None:
        """Remove the socket's file, sweep, and the directory too when it is empty. From any thread."""
        if self._path:
            Path(self._path).unlink(missing_ok=True)
            directory = os.path.dirname(self._path)
            with contextlib.suppress(OSError):  # not empty: other replicas of the node live there
                sweep(directory)
                os.rmdir(directory)

    def cancel_running(self) -> None:
        """Cancel every request whose answer is not complete."""
        for state in self._states:
            for connection in list(state.connections):
                task = connection.connection.task if isinstance(connection, CancellingProtocol) else None
                if task is not None:
                    task.cancel()

    def abandon(self) -> None:
        """Tell clients whose request has no answer yet that there will be none.

        Called from another thread when a sync handler blocks the user loop, so it writes past the loop to the socket.
        """
        for state in self._states:
            for connection in list(state.connections):
                cycle = connection.running if isinstance(connection, CancellingProtocol) else None
                if cycle is not None and not cycle.response_started:
                    with contextlib.suppress(OSError):
                        _say_past_the_loop(connection.transport.get_extra_info("socket").fileno())

    async def _look(self) -> None:
        """See to the deadlines of those who come over TCP."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._limits.tick_s)
            for _ in range(2):  # user code may have held the loop: what has arrived meanwhile is read first
                await asyncio.sleep(0)
            for state in self._states:
                for connection in list(state.connections):
                    if isinstance(connection, MemberProtocol):
                        try:
                            connection.look(loop.time())
                        except Exception:  # one connection's trouble must not keep the others from their deadlines
                            self._seldom.failed("the look at a router's connection")

    def _protocol(self, app: Any, kind: Callable[..., CancellingProtocol] = CancellingProtocol) -> Any:
        config = uvicorn.config.Config(
            app,
            http=CancellingProtocol,
            ws=WEBSOCKETS if self.speaks_websocket else "none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        config.load()
        state = uvicorn.server.ServerState()
        self._states.append(state)
        loop = asyncio.get_running_loop()
        return lambda: kind(config, state, {}, loop)


def _say_past_the_loop(descriptor: int) -> None:
    os.write(descriptor, _LAST_WORDS)
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        sock.shutdown(socket.SHUT_WR)
