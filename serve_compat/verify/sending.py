"""Sends requests one after the other, each over a connection of its own, and takes down the answers."""

from __future__ import annotations

import http.client
import time

from serve_compat.verify.exchange import Answer, Request


def send(request: Request, host: str, port: int, timeout_s: float) -> Answer:
    """Send a request once; an answer with status 0 tells why there was none."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    began = time.monotonic()
    try:
        connection.putrequest(request.method, request.path, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body or None)
        response = connection.getresponse()
        body = response.read()
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        status, error = response.status, ""
    except (OSError, http.client.HTTPException) as failure:
        headers, body, status = (), b"", 0
        error = f"{type(failure).__name__}: {failure}"
    finally:
        connection.close()
    return Answer(status, headers, body, error, 1000 * (time.monotonic() - began))
