"""An environment packed, sent and unpacked, beside tar, cp and tar with the same compressor.

The command: python -m bench.environments.

Both sides work on the same tree in the same run, in turns. Only our side waits until what it wrote is on the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from legacy.environments.cache import Cache
from legacy.environments.compression import LEVEL
from legacy.environments.incoming import receiving
from legacy.environments.job import Job
from legacy.environments.pack import packed
from legacy.environments.unpack import unpacked

TARGET = 1.5
Steps = dict[str, float]


def main(arguments: list[str] | None = None) -> int:
    """Run it and print the figures; returns 0 when the target is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.environments", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=500, help="size of the tree")
    parser.add_argument("--directory", help="where to work; a temporary directory by default")
    given = parser.parse_args(arguments)
    ratios = []
    with tempfile.TemporaryDirectory(dir=given.directory) as work:
        prefix = Path(work, "envs", "big")
        files, size = build_tree(prefix, given.megabytes * 2**20)
        print(f"tree: {size / 2**20:.0f} MiB in {files} files, zstd level {LEVEL}, {os.cpu_count()} processors")
        for number in range(given.rounds):
            theirs = with_tar(prefix, Path(work, f"tar{number}"))
            ours = with_project(prefix, Path(work, f"ours{number}"))
            ratios.append(sum(ours.values()) / sum(theirs.values()))
            print(f"round {number + 1}: {_shown('serve-compat', ours)}; {_shown('tar', theirs)}; {ratios[-1]:.2f}x")
            for name in ("tar", "ours"):
                shutil.rmtree(Path(work, f"{name}{number}"))
    ratio = statistics.median(ratios)
    print(f"pack + ship + unpack: {ratio:.2f}x of tar + copy + untar (wanted: <= {TARGET}x)")
    return 0 if ratio <= TARGET else 1


def build_tree(prefix: Path, size: int) -> tuple[int, int]:
    """Something like a conda environment of that size: this interpreter's packages, as often as needed.

    Returns:
        The number of files and their size in bytes.
    """
    site = prefix / "lib" / "python3.11" / "site-packages"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").write_text("#!/bin/sh\n")
    (prefix / "bin" / "python").chmod(0o755)
    record = {"name": "python", "version": "3.11.0", "url": "", "link": {"source": "/none"}, "files": ["bin/python"]}
    (prefix / "conda-meta" / "python-3.11.0-0.json").write_text(json.dumps(record))
    files = total = copies = 0
    source = Path(sysconfig.get_paths()["purelib"])
    while total < size:
        copies += 1
        for path in sorted(source.rglob("*")):
            editable = path.name == "direct_url.json"
            if total >= size or editable or path.is_symlink() or not path.is_file():
                continue
            target = site / f"copy{copies}" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
            files, total = files + 1, total + path.stat().st_size
    return files, total


def with_tar(prefix: Path, work: Path) -> Steps:
    """tar, copy, untar."""
    work.mkdir()
    first, second, out = work / "first.tar.zst", work / "second.tar.zst", work / "out"
    out.mkdir()
    compressor = f"zstd -q -{LEVEL} -T0"
    return {
        "pack": _timed(lambda: _run("tar", "-C", str(prefix), "-I", compressor, "-cf", str(first), ".")),
        "ship": _timed(lambda: _run("cp", str(first), str(second))),
        "unpack": _timed(lambda: _run("tar", "-C", str(out), "-I", "zstd -q", "-xf", str(second))),
    }


def with_project(prefix: Path, work: Path) -> Steps:
    """What two nodes do: one packs, the other receives the pieces, checks and unpacks them."""
    os.sync()
    home, away = Cache(work / "home", 2**40), Cache(work / "away", 2**40)
    job = Job("big", 600)

    began = [time.monotonic()]
    sent = packed(str(prefix), home, job)
    began.append(time.monotonic())
    with receiving(away, sent.digest, sent.size, job) as incoming:
        for chunk in sent.chunks():
            incoming.write(chunk)
        arrived = incoming.commit()
    began.append(time.monotonic())
    unpacked(arrived, away, job)
    began.append(time.monotonic())
    return {step: began[number + 1] - began[number] for number, step in enumerate(("pack", "ship", "unpack"))}


def _timed(work: Callable[[], object]) -> float:
    os.sync()  # so that nobody pays for what the other left to be written
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _shown(name: str, steps: Steps) -> str:
    return f"{name} {sum(steps.values()):.1f} s ({', '.join(f'{step} {took:.1f}' for step, took in steps.items())})"


if __name__ == "__main__":
    sys.exit(main())
