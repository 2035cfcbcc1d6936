import hashlib

import pytest

from legacy.environments import ship
from legacy.environments.origin import Offer
from legacy.errors import EnvironmentFailedError

PIECE = 1000


@pytest.fixture
def data(monkeypatch):
    monkeypatch.setattr(ship, "CHUNK_BYTES", PIECE)
    return bytes(range(256)) * 40


class Wire:
    """Sends pieces of some data and remembers how many were on their way at most."""

    def __init__(self, data):
        self.data, self.asked, self.taken, self.most = data, 0, 0, 0

    def ask(self, offset):
        self.asked += 1
        self.most = max(self.most, self.asked - self.taken)
        return self.data[offset : offset + PIECE]

    def take(self, piece, _):
        self.taken += 1
        return piece


def offer(data):
    return Offer(hashlib.sha256(data).hexdigest(), len(data))


def test_an_archive_arrives_whole_with_few_pieces_on_their_way(data, cache, job):
    wire = Wire(data)
    archive = ship.fetched(offer(data), wire.ask, wire.take, cache, job)
    assert b"".join(archive.chunks()) == data
    assert wire.most == ship.WINDOW


def test_what_is_there_is_not_sent_again(data, cache, job):
    ship.fetched(offer(data), Wire(data).ask, Wire(data).take, cache, job)
    second = Wire(data)
    ship.fetched(offer(data), second.ask, second.take, cache, job)
    assert second.asked == 0


@pytest.mark.parametrize("sent", [lambda data: data[:-1], lambda data: data[:-1] + b"?"])
def test_a_cut_or_changed_archive_is_refused_and_nothing_stays(sent, data, cache, job):
    wire = Wire(sent(data))
    with pytest.raises(EnvironmentFailedError, match="damaged"):
        ship.fetched(offer(data), wire.ask, wire.take, cache, job)
    assert list((cache.root / "archives").iterdir()) == []


def test_a_sender_that_dies_leaves_nothing(data, cache, job):
    def take(_, __):
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        ship.fetched(offer(data), Wire(data).ask, take, cache, job)
    assert list((cache.root / "archives").iterdir()) == []
