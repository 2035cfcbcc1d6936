"""A network of its own for a process, where this user may make one: port 8000 is free there whatever else runs."""

from __future__ import annotations

import functools
import shutil
import subprocess

_UP = 'ip link set lo up && exec "$@"'


@functools.cache
def prefix() -> tuple[str, ...]:
    """What to put in front of a command; empty where it is not allowed or the programs for it are not installed."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return ()
    for way in (("unshare", "-n"), ("unshare", "-rn")):  # as root; as anybody else, where the kernel lets them
        command = (*way, "sh", "-c", _UP, "sh")
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return ()
