"""legacy.ingress.node_memory: a container's limit counts, not its host's memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from legacy.ingress.node_memory import usable_memory

ALL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
MIB = 2**20


def machine(root: Path, membership: str, limits: dict[str, str]) -> Path:
    for path, text in {"proc/self/cgroup": membership, **limits}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("membership", "limits", "expected"),
    [
        ("0::/", {"sys/fs/cgroup/memory.max": str(64 * MIB)}, 64 * MIB),
        ("0::/", {"sys/fs/cgroup/memory.max": "max"}, ALL),
        ("0::/a/b", {"sys/fs/cgroup/a/memory.max": str(9 * MIB), "sys/fs/cgroup/a/b/memory.max": "max"}, 9 * MIB),
        ("0::/docker/of/the/host", {"sys/fs/cgroup/memory.max": str(7 * MIB)}, 7 * MIB),
        (
            "7:cpu,memory:/x\n1:name=systemd:/x",
            {"sys/fs/cgroup/memory/x/memory.limit_in_bytes": str(5 * MIB)},
            5 * MIB,
        ),
        ("7:memory:/x", {"sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**63 - 4096)}, ALL),
    ],
)
def test_the_smallest_limit_above_the_process_counts(
    tmp_path: Path, membership: str, limits: dict[str, str], expected: int
):
    assert usable_memory(machine(tmp_path, membership, limits)) == expected


def test_without_control_groups_it_is_the_nodes_memory(tmp_path: Path):
    assert usable_memory(tmp_path) == ALL


def test_this_process_may_use_some_and_no_more_than_there_is():
    assert 16 * MIB < usable_memory() <= ALL
