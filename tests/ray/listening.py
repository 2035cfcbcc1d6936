"""What a process listens on, as the kernel tells it."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

Address = tuple[str, int] | str  # host and port, or the path under which a unix socket was made


def listening(pid: int) -> list[Address]:
    """Where a process of this network namespace accepts connections."""
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
    found: list[Address] = []
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        found += [_address(row[1]) for row in rows if row[3] == "0A" and row[9] in inodes]
    rows = [line.split(maxsplit=7) for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return found + [row[7] for row in rows if row[3] == "00010000" and row[6] in inodes]


def connect(address: Address, timeout_s: float = 5.0) -> socket.socket:
    """A connection to such an address."""
    if not isinstance(address, str):
        return socket.create_connection(address, timeout=timeout_s)
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(timeout_s)
    try:
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made


def _address(text: str) -> Address:
    host, port = text.split(":")
    words = struct.unpack(f"<{len(host) // 8}I", bytes.fromhex(host))  # each word is in the machine's order
    packed = struct.pack(f">{len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed), int(port, 16)
