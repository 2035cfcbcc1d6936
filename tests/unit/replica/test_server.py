import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import threading

import pytest
import uvloop

from legacy.http import listener
from legacy.http.tls import TlsFiles
from legacy.replica.app import GAVE_UP
from legacy.replica.server import ReplicaServer, bind_private, sweep


@pytest.fixture
def directory():
    # pytest's own directories make a socket path too long
    with tempfile.TemporaryDirectory(prefix="sc-", dir="/tmp") as place:
        yield os.path.join(place, "run")


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 10))


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_only_this_user_can_reach_the_socket(directory):
    previous = os.umask(0)
    try:
        sock, path = bind_private(directory)
    finally:
        os.umask(previous)
    with sock:
        assert (mode(directory), mode(path)) == (0o700, 0o600)
        assert stat.S_ISSOCK(os.lstat(path).st_mode)


def test_a_directory_that_others_may_enter_is_refused(directory):
    os.mkdir(directory, 0o755)
    with pytest.raises(PermissionError, match="SERVE_COMPAT_RUN_DIR"):
        bind_private(directory)


def test_a_link_to_a_directory_is_refused(directory, tmp_path):
    tmp_path.chmod(0o700)
    os.symlink(tmp_path, directory)
    with pytest.raises(PermissionError, match="must be a directory of this user"):
        bind_private(directory)


def test_a_path_the_kernel_would_cut_is_refused(directory):
    with pytest.raises(OSError, match="shorter directory"):
        bind_private(directory + "x" * 80)


def test_dead_sockets_are_swept_and_living_ones_stay(directory):
    alive, living = bind_private(directory)
    dead, gone = bind_private(directory)
    dead.close()
    sweep(directory)
    with alive:
        assert os.listdir(directory) == [os.path.basename(living)] != [os.path.basename(gone)]


def test_directories_of_instances_that_were_killed_are_swept_and_those_in_use_stay(directory):
    killed, used, mine = (os.path.join(os.path.dirname(directory), f"serve-{name}") for name in "abc")
    dead, _ = bind_private(killed)
    dead.close()
    alive, living = bind_private(used)
    sock, _ = bind_private(mine)
    with alive, sock:
        assert not os.path.exists(killed)
        assert os.path.exists(living)


def test_the_last_replica_removes_the_directory(directory):
    servers = []
    for _ in range(2):
        sock, path = bind_private(directory)
        server = ReplicaServer()
        server.owns(path)
        servers.append((sock, server))
    for sock, server in servers:
        assert os.path.isdir(directory)
        sock.close()
        server.remove_socket()
    assert not os.path.exists(directory)


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def serving(app, directory):
    server = ReplicaServer()
    sock, path = bind_private(directory)
    server.owns(path)
    await server.serve_unix(app, sock)
    return server, path


async def ask(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


def test_it_speaks_http_and_closing_it_removes_the_socket(directory):
    async def scenario():
        server, path = await serving(hello, directory)
        answer = await ask(path)
        await server.close()
        return answer, path

    answer, path = run(scenario())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhello")
    assert b"server:" not in answer
    assert not os.path.exists(path)


def test_closing_lets_the_answer_in_progress_through(directory):
    async def scenario():
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(scope, receive, send):
            begun.set()
            await go_on.wait()
            await hello(scope, receive, send)

        server, path = await serving(slow, directory)
        asking = asyncio.create_task(ask(path))
        await begun.wait()
        closing = asyncio.create_task(server.close())
        await asyncio.sleep(0)
        go_on.set()
        await closing
        return await asking

    assert run(scenario()).endswith(b"hello")


def test_a_client_that_leaves_cancels_its_request(directory):
    async def scenario():
        begun, stopped = asyncio.Event(), asyncio.Event()

        async def waits(scope, receive, send):
            begun.set()
            try:
                await asyncio.sleep(3600)
            finally:
                stopped.set()

        server, path = await serving(waits, directory)
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        await begun.wait()
        writer.close()
        await stopped.wait()
        await server.close()

    run(scenario())


def test_running_requests_can_be_cancelled_all_at_once(directory):
    async def scenario():
        stopped = []

        async def waits(scope, receive, send):
            begun.release()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                stopped.append(1)
                await hello(scope, receive, send)

        begun = asyncio.Semaphore(0)
        server, path = await serving(waits, directory)
        asking = [asyncio.create_task(ask(path)) for _ in range(2)]
        for _ in asking:
            await begun.acquire()
        server.cancel_running()
        answers = [answer[-5:] for answer in await asyncio.gather(*asking)]
        await server.close()
        return stopped, answers

    assert run(scenario()) == ([1, 1], [b"hello", b"hello"])


def test_a_blocked_loop_does_not_keep_clients_waiting_for_an_answer(directory):
    release, blocked, ready = threading.Event(), threading.Event(), threading.Event()
    made = []

    async def blocks(scope, receive, send):
        blocked.set()
        release.wait(10)
        await hello(scope, receive, send)

    async def serve():
        made.extend(await serving(blocks, directory))
        ready.set()
        await asyncio.sleep(0.5)
        await made[0].close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(5)
    server, path = made
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        assert blocked.wait(5)
        server.abandon()
        client.settimeout(5)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    release.set()
    thread.join()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(GAVE_UP.encode())


@pytest.fixture
def files(directory):
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with the openssl program")
    os.makedirs(directory)
    key, certificate = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=h", "-keyout"]
    subprocess.run([*command, key, "-out", certificate], check=True, capture_output=True)
    return TlsFiles(certificate, key, certificate)


async def first_line(port, context):
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        with contextlib.closing(writer):
            writer.write(b"GET / HTTP/1.1\r\nhost: h\r\nx-serve-secret: known\r\nx-serve-call: \r\n\r\n")
            return await reader.readline()
    except (ssl.SSLError, ConnectionError):  # with TLS 1.3 it is refused after the client's handshake is done
        return b""


def test_a_tcp_port_with_tls_wants_a_certificate_of_the_same_authority(files):
    async def scenario():
        server = ReplicaServer()
        port = await server.serve_tcp(hello, "127.0.0.1", "known", files)
        stranger = ssl.create_default_context(cafile=files.ca)
        stranger.check_hostname = False
        assert await first_line(port, files.client_context()) == b"HTTP/1.1 200 OK\r\n"
        assert await first_line(port, stranger) == b""
        await server.close()

    run(scenario())


HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the first bytes of a handshake


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_of_those_who_come_at_once_for_a_tls_handshake_no_more_stay_either(files, monkeypatch, new_loop):
    monkeypatch.setattr(listener, "MOST_ARRIVING", 4)

    async def scenario():
        server = ReplicaServer()
        port = await server.serve_tcp(hello, "127.0.0.1", "known", files)
        with contextlib.ExitStack() as opened:
            for _ in range(9):  # all before the loop accepts one
                opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            assert await first_line(port, files.client_context()) == b"HTTP/1.1 200 OK\r\n"
            assert len(server._servers[0]._arriving) == 4 - 1
        await server.close()

    loop = new_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(scenario(), 10))
        loop.run_until_complete(asyncio.sleep(0))  # what was cut is closed
    finally:
        loop.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("said", [b"", HELLO])
def test_of_those_who_do_not_end_their_tls_handshake_the_oldest_go(files, monkeypatch, said, new_loop):
    monkeypatch.setattr(listener, "MOST_ARRIVING", 4)

    async def scenario():
        server = ReplicaServer()
        port = await server.serve_tcp(hello, "127.0.0.1", "known", files)
        strangers = []
        for _ in range(9):
            strangers.append(await asyncio.open_connection("127.0.0.1", port))
            strangers[-1][1].write(said)
        for reader, _ in strangers[:5]:
            with contextlib.suppress(ConnectionError):  # it was cut with something unread
                assert await asyncio.wait_for(reader.read(), 2) == b""
        assert not any(reader.at_eof() for reader, _ in strangers[5:])
        assert await first_line(port, files.client_context()) == b"HTTP/1.1 200 OK\r\n"
        await server.close()
        for _, writer in strangers:
            writer.transport.abort()

    loop = new_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(scenario(), 10))
        loop.run_until_complete(asyncio.sleep(0))  # what was cut is closed
    finally:
        loop.close()
