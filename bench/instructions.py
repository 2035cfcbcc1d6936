"""Instructions that a request costs on its way through the proxy: the same on a busy machine and on a quiet one.

The command: python -m bench.instructions [--against CHECKOUT]. It needs valgrind (`apt-get install valgrind`).

A proxy's front, app and pool, a replica's server and a client run in one process, as in tests/http, and cachegrind
counts. The difference between many and few requests leaves out what starting costs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

FEW, MANY = 300, 1300
BODY = b'{"text": "%b"}' % (b"x" * 1000)
REQUESTS = {
    "GET": b"GET /echo HTTP/1.1\r\nHost: here\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n",
    "POST of 1 KiB": b"POST /echo HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
}
COUNTED = re.compile(r"I +refs: +([\d,]+)")


def main(arguments: list[str] | None = None) -> int:
    """Count and print; returns 1 when another checkout is given and this one costs over 3% more."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout of this project")
    given = parser.parse_args(arguments)
    if not shutil.which("valgrind"):
        parser.error("valgrind is not on the PATH. On Debian and Ubuntu: sudo apt-get install valgrind")
    lost = False
    for name in REQUESTS:
        cost = per_request(name, Path.cwd())
        print(f"{name}: {cost:,} instructions per request", flush=True)
        if given.against is not None:
            before = per_request(name, given.against)
            lost |= cost > 1.03 * before
            print(f"{name}: {cost / before:.3f}x of {before:,} in the other checkout", flush=True)
    return int(lost)


def per_request(name: str, checkout: Path) -> int:
    """Instructions of one request in a checkout, with this process's Python and libraries."""
    few, many = (_counted(name, count, checkout) for count in (FEW, MANY))
    return (many - few) // (MANY - FEW)


def _counted(name: str, count: int, checkout: Path) -> int:
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command += [sys.executable, "-W", "ignore", str(Path(__file__).resolve()), name, str(count)]
    env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(checkout), "no_proxy": "*"}
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True)
    found = COUNTED.search(done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


async def send(request: bytes, count: int) -> None:
    """Ask so many times on one connection."""
    stage = __import__("tests.http.stage", fromlist=["stage"]).stage  # of the checkout that is measured
    async with stage() as made:
        reader, writer = await made.connect()
        for _ in range(count):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))


if __name__ == "__main__" and len(sys.argv) == 3 and sys.argv[1] in REQUESTS:
    import uvloop

    gc.disable()  # when it runs depends on what was loaded
    uvloop.install()
    asyncio.run(send(REQUESTS[sys.argv[1]], int(sys.argv[2])))
elif __name__ == "__main__":
    sys.exit(main())
