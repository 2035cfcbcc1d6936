"""Unpacks an archive in a process that a test can watch, stop and kill: python -m tests.unit.environments.children ...

usage: ARCHIVE DIGEST CACHE [BLOCK_AT]; prints each step; at the BLOCK_AT-th "unpacking" it waits for a line.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path

from legacy.environments.archive import Archive
from legacy.environments.cache import Cache
from legacy.environments.job import Job
from legacy.environments.unpack import unpacked


def unpacker(archive, cache, block_at=0, shell=""):
    """The process, in which the shell's line was executed before."""
    command = ["sh", "-c", f'{shell}\nexec "$@"', "sh", sys.executable, "-m", "tests.unit.environments.children"]
    command += [archive.path, archive.digest, str(cache.root), str(block_at)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def read_until(process, text):
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"it ended without saying {text!r}")


def main():
    path, digest, root, block_at = sys.argv[1:]
    seen = itertools.count(1)

    def tell(step):
        print(step, flush=True)
        if step.startswith("unpacking") and next(seen) == int(block_at):
            print("blocked", flush=True)
            sys.stdin.readline()

    ticks = itertools.count()  # every step counts as a second, so none is too soon to be told
    job = Job("demo", 10**6, tell, clock=lambda: next(ticks))
    unpacked(Archive(digest, path, os.path.getsize(path)), Cache(Path(root), 10**9), job)


if __name__ == "__main__":
    main()
