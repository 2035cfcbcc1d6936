"""The HTTP server a program started: where it listens, its table of routes, and requests made from that table."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from serve_compat.verify.exchange import Request

TABLE = "/-/routes"
PREFERRED_PORT = 8000  # the default of every Ray Serve
_PROBE_S = 2.0
_LISTENING = "0A"
_KERNEL_TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))


def table_at(host: str, port: int, timeout_s: float = _PROBE_S) -> dict[str, Any] | None:
    """The routes that the server there announces; None when there is no Ray Serve, of whatever release."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", TABLE)
        response = connection.getresponse()
        table = json.loads(response.read()) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return table if isinstance(table, dict) else None


def listening_ports(kernel_tables: Iterable[str]) -> list[int]:
    """Ports that something listens on, the preferred one first.

    Args:
        kernel_tables: the text of /proc/net/tcp and its like.
    """
    rows = [line.split() for text in kernel_tables for line in text.splitlines()[1:]]
    ports = {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == _LISTENING}
    return sorted(ports, key=lambda port: (port != PREFERRED_PORT, port))


def find(host: str, port: int | None, alone: bool) -> tuple[int, dict[str, Any]] | None:
    """Where the program's server is, and its routes.

    Args:
        port: None to look for it.
        alone: whether every server that can be reached belongs to the program, as in a network namespace of its own.
            Otherwise only the usual port is tried, since the others may belong to anybody.
    """
    if port is not None or not alone:
        ports = [port or PREFERRED_PORT]
    else:
        ports = listening_ports(path.read_text() for path in _KERNEL_TABLES if path.exists())
    for each in ports:
        table = table_at(host, each)
        if table is not None:
            return each, table
    return None


def requests_for(table: Mapping[str, Any]) -> list[Request]:
    """One request without a body for each route; with the first method of the route where that says it takes no GET.

    Args:
        table: route -> endpoint (Ray 1.5 on) or route -> [endpoint, methods] (Ray 0.8 to 1.4). Routes with parameters
            are left out, since nobody knows a value for them.
    """
    found = []
    for route, entry in sorted(table.items()):
        methods = entry[1] if isinstance(entry, list) and len(entry) > 1 else ["GET"]
        if route.startswith("/") and not re.search(r"[{}\s]", route) and methods:
            found.append(Request("GET" if "GET" in methods else str(methods[0]), route))
    return found
