"""One path that starts an environment's Python on every node, although it lies elsewhere on each.

Ray takes one `py_executable` for an actor before it knows the actor's node, and runs it as shell text in a process of
the node's raylet. So each node keeps a link under the instance's directory, in a directory of its own raylet.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import uuid
from pathlib import Path

from legacy.private_directory import make_private, mark

PREFIX = "environments-"
RAYLET_VARIABLE = "RAY_RAYLET_PID"  # Ray sets it in all processes of a node


def py_executable(directory: str, key: str) -> str:
    """What to give Ray, on any node.

    Args:
        directory: the instance's private directory, the same path on every node.
        key: of the environment.
    """
    return f'{shlex.quote(directory)}/{PREFIX}"${RAYLET_VARIABLE}"/{key}'


class StartLinks:
    """The links of one node.

    Args:
        directory: the instance's private directory.
        raylet: the process id of the node's raylet.
    """

    def __init__(self, directory: str, raylet: str) -> None:
        self._directory = directory
        self._links = Path(directory, PREFIX + raylet)

    def put(self, key: str, target: str) -> None:
        """Let a key's path start that program from now on; what runs already is not touched. OSError when it cannot."""
        make_private(self._directory)  # the last replica of a node removes it
        self._links.mkdir(mode=0o700, exist_ok=True)
        (self._links / _ours()).touch(mode=0o600)
        part = self._links / f".{uuid.uuid4().hex}"
        part.symlink_to(target)
        os.replace(part, self._links / key)

    def remove(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""
        (self._links / key).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all links, and the instance's directory when it is empty."""
        shutil.rmtree(self._links, ignore_errors=True)
        with contextlib.suppress(OSError):  # sockets of replicas are still there
            os.rmdir(self._directory)


def sweep(directory: str) -> int:
    """Remove the links of nodes that are gone, if they lived in our pid namespace. Gives how many there were."""
    gone = 0
    for links in Path(directory).glob(PREFIX + "*"):
        raylet = links.name.removeprefix(PREFIX)
        if raylet.isdigit() and (links / _ours()).is_file() and not Path("/proc", raylet).exists():
            shutil.rmtree(links, ignore_errors=True)
            gone += 1
    return gone


def _ours() -> str:
    """The file that says where the number in the directory's name is a process."""
    return f".{mark()}"
