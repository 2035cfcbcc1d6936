import errno
import os
import tarfile
from pathlib import Path

import pytest

from legacy.environments import unpack
from legacy.environments.archive import Archive
from legacy.environments.cache import Cache
from legacy.environments.job import Job
from legacy.environments.unpack import unpacked
from legacy.errors import EnvironmentFailedError
from tests.unit.environments.archives import archive, described, file, link
from tests.unit.environments.children import read_until, unpacker


def left_in(cache):
    """What a failure left in the cache, locks aside."""
    return [str(path) for path in cache.root.rglob("*") if path.is_file() and path.parent.name != "locks"]


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_every_usual_compression_is_unpacked(tmp_path, cache, job, compression):
    packed = archive(tmp_path / "a", file("lib/x.py", b"x = 1\n", 0o644), compression=compression)
    prefix = Path(unpacked(packed, cache, job))
    assert (prefix / "lib" / "x.py").read_text() == "x = 1\n"
    assert os.access(prefix / "bin" / "python", os.X_OK)
    assert cache.prefix(packed.digest) == str(prefix)


def test_the_second_time_nothing_is_done(tmp_path, cache, job, steps):
    packed = archive(tmp_path / "a")
    first = unpacked(packed, cache, job)
    steps.clear()
    assert unpacked(packed, cache, job) == first
    assert steps == []


def test_a_killed_unpacker_leaves_nothing_that_counts_and_the_next_one_finishes(tmp_path, cache, job):
    packed = archive(tmp_path / "a", *(file(f"lib/{number}") for number in range(20)))
    with unpacker(packed, cache, block_at=10) as child:
        read_until(child, "blocked")
        assert len(list(cache.root.glob("prefixes/.*.partial/lib/*"))) == 8, "it must be in the middle"
        child.kill()
    assert cache.prefix(packed.digest) is None
    prefix = Path(unpacked(packed, cache, job))
    assert len(list(prefix.glob("lib/*"))) == 20
    assert list(cache.root.glob("prefixes/.*")) == []


def test_what_a_killed_unpacker_left_is_swept_for_other_environments_too(tmp_path, cache):
    packed = archive(tmp_path / "a", file("lib/x"))
    with unpacker(packed, cache, block_at=2) as child:
        read_until(child, "blocked")
        cache.evict()
        assert list(cache.root.glob("prefixes/.*")), "a living unpacker is left alone"
        child.kill()
    cache.evict()
    assert list(cache.root.glob("prefixes/.*")) == []


def test_of_two_at_once_one_unpacks(tmp_path, cache):
    packed = archive(tmp_path / "a", *(file(f"lib/{number}") for number in range(20)))
    with unpacker(packed, cache, block_at=5) as first:
        read_until(first, "blocked")
        with unpacker(packed, cache) as second:
            read_until(second, "waiting for another process")
            first.communicate("go on\n")
            rest = second.stdout.read()
    assert (first.returncode, second.returncode) == (0, 0)
    assert "unpacking" not in rest
    assert cache.prefix(packed.digest)


def test_a_truncated_archive_is_refused_before_anything_is_unpacked(tmp_path, cache, job, steps):
    packed = archive(tmp_path / "a", file("lib/x", os.urandom(10**5)))
    os.truncate(packed.path, packed.size // 2)
    with pytest.raises(EnvironmentFailedError, match=r"environment demo: .* has \d+ bytes instead of \d+"):
        unpacked(packed, cache, job)
    assert not any(step.startswith("unpacking") for step in steps)
    assert left_in(cache) == []


def test_an_archive_with_another_hash_is_refused_before_anything_is_unpacked(tmp_path, cache, job, steps):
    packed = archive(tmp_path / "a")
    wrong = Archive("0" * 64, packed.path, packed.size)
    with pytest.raises(EnvironmentFailedError, match=f"SHA-256 is {packed.digest}, not 000.* again"):
        unpacked(wrong, cache, job)
    assert not any(step.startswith("unpacking") for step in steps)
    assert left_in(cache) == []


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("compression", ["gz", "xz", "bz2", ""])
def test_an_archive_that_was_cut_before_it_was_hashed_is_named_damaged(tmp_path, cache, job, cut, compression):
    packed = archive(tmp_path / "a", file("lib/x", os.urandom(10**5)), compression=compression)
    os.truncate(packed.path, int(packed.size * cut))
    with pytest.raises(EnvironmentFailedError, match=r"is damaged or no tar file|has no bin/python"):
        unpacked(described(tmp_path / "a"), cache, job)
    assert left_in(cache) == []


HOSTILE = {
    "parent": (file("../out"),),
    "parent inside": (file("lib/../../out"),),
    "absolute": (file("/tmp/out"),),
    "absolute link": (link("lib/l", "/etc"),),
    "link out": (link("lib/l", "../../out"),),
    "through a link": (link("l", "lib"), file("l/x")),
    "over a link": (link("l", "bin/python"), file("l")),
    "hard link out": (link("h", "../out", tarfile.LNKTYPE),),
    "hard link to nothing": (link("h", "lib/none", tarfile.LNKTYPE),),
    "device": (link("d", "", tarfile.CHRTYPE),),
    "pipe": (link("p", "", tarfile.FIFOTYPE),),
    "chain of links": (file("d1/d2/x"), link("d1/d2/l", "../.."), link("m", "d1/d2/l/.."), link("n", "m/..")),
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_nothing_leaves_the_directory(tmp_path, cache, job, members):
    before = sorted(tmp_path.iterdir())
    packed = archive(tmp_path / "a.tar.gz", *members)
    with pytest.raises(EnvironmentFailedError, match=r"environment demo: the archive is refused: .*"):
        unpacked(packed, cache, job)
    assert left_in(cache) == []
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "a.tar.gz"])
    assert not Path("/tmp/out").exists()


def test_links_inside_are_kept(tmp_path, cache, job):
    members = (file("lib/x", b"1"), link("lib/l", "x"), link("up", "lib"), link("h", "lib/x", tarfile.LNKTYPE))
    prefix = Path(unpacked(archive(tmp_path / "a", *members), cache, job))
    assert (os.readlink(prefix / "lib" / "l"), (prefix / "up" / "x").read_text()) == ("x", "1")
    assert (prefix / "h").read_text() == "1"


def test_no_special_modes_come_out_of_an_archive(tmp_path, cache, job):
    prefix = Path(unpacked(archive(tmp_path / "a", file("bin/su", mode=0o6777)), cache, job))
    assert (prefix / "bin" / "su").stat().st_mode & 0o7777 == 0o755


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, cache, job, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(unpack.shutil, "copyfileobj", full)
    with pytest.raises(EnvironmentFailedError, match=r"unpacking in .*No space left.*SERVE_COMPAT_ENVIRONMENTS_DIR"):
        unpacked(archive(tmp_path / "a"), cache, job)
    assert left_in(cache) == []


def test_a_file_that_may_not_be_written_in_full_leaves_nothing(tmp_path, cache):
    packed = archive(tmp_path / "a", file("lib/big", os.urandom(3 * 10**5)))
    with unpacker(packed, cache, shell="ulimit -f 200") as child:  # blocks of 512 or 1024 bytes
        assert child.wait(20) == 1
    assert left_in(cache) == []


def test_an_archive_that_would_fill_the_disk_is_stopped(tmp_path, job):
    cache = Cache(tmp_path / "cache", 10**6)
    bomb = archive(tmp_path / "a", file("lib/zeros", bytes(10**7)))
    assert bomb.size < 10**5
    with pytest.raises(EnvironmentFailedError, match=r"more than the 1000000 bytes.*ENVIRONMENTS_MAX_BYTES"):
        unpacked(bomb, cache, job)
    assert left_in(cache) == []


def test_the_deadline_ends_it_and_leaves_nothing(tmp_path, cache):
    ticks = iter(range(1000))
    packed = archive(tmp_path / "a", *(file(f"lib/{number}") for number in range(50)))
    with pytest.raises(EnvironmentFailedError, match="demo: unpacking took longer than 30 s"):
        unpacked(packed, cache, Job("demo", 30, clock=lambda: next(ticks)))
    assert left_in(cache) == []


def test_an_archive_without_python_at_its_top_is_refused(tmp_path, cache, job):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("env/bin/python"))
    with pytest.raises(EnvironmentFailedError, match="no bin/python at its top"):
        unpacked(described(path), cache, job)
