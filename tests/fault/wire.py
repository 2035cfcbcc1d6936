"""Requests over sockets of our own: no pool, no retry, and the test says when the client leaves."""

from __future__ import annotations

import http.client
import socket

import requests

HOST, PORT = "127.0.0.1", 8000
URL = f"http://{HOST}:{PORT}"
_opened: list[socket.socket] = []


def send(path: str, method: str = "POST", headers: str = "") -> socket.socket:
    """A connection on which a request without a body was sent."""
    connection = socket.create_connection((HOST, PORT), timeout=30)
    _opened.append(connection)
    connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{headers}\r\n".encode())
    return connection


def answer(connection: socket.socket) -> http.client.HTTPResponse:
    """The head of the answer; its body is read by the caller."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response


def settle_proxy() -> None:
    """Return when the proxy has handled everything that reached it before: its loop takes its sockets in turn."""
    for _ in range(3):
        assert requests.get(f"{URL}/-/healthz", timeout=10).text == "success"


def close_all() -> None:
    """Close what `send` opened and the test left open."""
    while _opened:
        _opened.pop().close()
