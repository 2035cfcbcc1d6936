import asyncio
import hashlib

import pytest

from legacy.environments.origin import Offer
from legacy.environments.upload import Upload
from legacy.errors import EnvironmentFailedError


def offer(data):
    return Offer(hashlib.sha256(data).hexdigest(), len(data))


def sent(cache, offered, pieces, timeout_s=30.0, order=list):
    async def main():
        upload = Upload("demo", offered, cache, timeout_s)
        await asyncio.gather(*(upload.take(*numbered) for numbered in order(list(enumerate(pieces)))))
        return await upload.done()

    return asyncio.run(main())


def test_pieces_are_written_in_the_order_they_were_sent(cache):
    pieces = [bytes([number]) * 100_000 for number in range(20)]
    archive = sent(cache, offer(b"".join(pieces)), pieces)
    assert b"".join(archive.chunks()) == b"".join(pieces)


@pytest.mark.parametrize("order", [list, lambda pieces: pieces[1::-1] + pieces[:1:-1]], ids=["as sent", "another"])
def test_pieces_are_written_in_their_order_whatever_order_calls_bring_them_in(cache, order):
    pieces = [bytes([number]) * 1000 for number in range(5)]
    archive = sent(cache, offer(b"".join(pieces)), pieces, order=order)
    assert b"".join(archive.chunks()) == b"".join(pieces)


def test_a_damaged_upload_is_refused_and_nothing_stays(cache):
    with pytest.raises(EnvironmentFailedError, match="damaged"):
        sent(cache, Offer("0" * 64, 3), [b"abc"])
    assert list((cache.root / "archives").iterdir()) == []


def test_more_than_was_announced_is_refused(cache):
    with pytest.raises(EnvironmentFailedError, match="more than the announced 2 bytes"):
        sent(cache, Offer("0" * 64, 2), [b"abc"])


def test_an_upload_that_is_broken_off_ends(cache):
    with pytest.raises(EnvironmentFailedError, match="broken off"):
        sent(cache, Offer("0" * 64, 5), [b"abc"], timeout_s=0.05)
    assert list((cache.root / "archives").iterdir()) == []
