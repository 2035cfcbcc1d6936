"""Solves and installs conda packages with py-rattler, as a process of its own: python -m legacy.environments.solver.

Its standard input is JSON: {"channels": [...], "specs": [...], "prefix": DIR, "cache": DIR}, since channels may hold
passwords and everybody on a machine can read command lines. It writes one line per step.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from typing import Any

import rattler


def as_conda_reads(spec: str) -> rattler.MatchSpec:
    """A package spec in any form that conda takes, such as "python 3.11", which the library's own reading refuses."""
    return rattler.MatchSpec(spec, strict=False)


async def install(request: dict[str, Any]) -> None:
    """Do what the request says.

    Raises:
        rattler's exceptions, with what cannot be solved or fetched.
    """
    channels = [rattler.Channel(each) for each in request["channels"]]
    print("solving", flush=True)
    records = await rattler.solve(
        channels,
        [as_conda_reads(each) for each in request["specs"]],
        platforms=[rattler.Platform.current(), rattler.Platform("noarch")],
        virtual_packages=rattler.VirtualPackage.detect(),
    )
    print(f"installing {len(records)} packages", flush=True)
    await rattler.install(records, target_prefix=request["prefix"], cache_dir=request["cache"], show_progress=False)


def main() -> int:
    """Returns the exit status; what went wrong is on the standard error."""
    try:
        asyncio.run(install(json.load(sys.stdin)))
    except Exception as error:  # whatever the solver raises is for the user
        print(error if str(error) else traceback.format_exc(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the library sometimes crashes in a normal exit of the interpreter; its work is done by now
