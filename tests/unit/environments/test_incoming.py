import errno
import hashlib

import pytest

from legacy.environments.archive import Archive
from legacy.environments.incoming import receiving
from legacy.errors import EnvironmentFailedError

DATA = bytes(range(256)) * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


def receive(cache, job, chunks, digest=DIGEST):
    with receiving(cache, digest, len(DATA), job) as incoming:
        for chunk in chunks:
            incoming.write(chunk)
        return incoming.commit()


def test_an_archive_arrives_in_pieces(cache, job, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(DATA)
    sent = Archive(DIGEST, str(source), len(DATA))
    got = receive(cache, job, sent.chunks(1000))
    assert (got.digest, got.size) == (DIGEST, len(DATA))
    assert b"".join(got.chunks()) == DATA
    assert cache.archive(DIGEST) == got


def test_what_is_there_is_not_written_again(cache, job):
    got = receive(cache, job, [DATA])
    with receiving(cache, DIGEST, len(DATA), job) as incoming:
        assert incoming.present == got


@pytest.mark.parametrize(
    "chunks", [[], [DATA[:-1]], [DATA, b"x"], [DATA[1:], DATA[:1]]], ids=["none", "short", "long", "damaged"]
)
def test_what_arrives_otherwise_is_thrown_away(cache, job, chunks):
    with pytest.raises(EnvironmentFailedError, match=r"environment demo: .* send it again"):
        receive(cache, job, chunks)
    assert list((cache.root / "archives").iterdir()) == []


def test_without_commit_nothing_stays(cache, job):
    with receiving(cache, DIGEST, len(DATA), job) as incoming:
        incoming.write(DATA)
    assert list((cache.root / "archives").iterdir()) == []


def test_a_full_disk_is_named(cache, job, monkeypatch):
    def full(path, *more, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.open", full)
    with pytest.raises(EnvironmentFailedError, match=r"receiving its archive in .* the disk is full"):
        receive(cache, job, [DATA])
