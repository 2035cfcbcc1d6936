import asyncio
import gc

import pytest

from legacy.code_files import CodeFiles
from legacy.control.checkpoint import CheckpointError
from legacy.control.large_codes import LargeCodes
from legacy.large_code import LargeCode, Pickled


@pytest.fixture
def codes(tmp_path, monkeypatch):
    monkeypatch.setattr("legacy.control.large_codes.ray.put", lambda pickled: bytes(pickled.stream))
    return LargeCodes(CodeFiles(str(tmp_path / "run"), "1"))


async def sent(text):
    return Pickled(text)


def held(codes, text=b"model"):
    async def hold():
        return await codes.hold(LargeCode(len(text), ref=sent(text)))

    return asyncio.run(hold())


def sendable(codes, code):
    return asyncio.run(codes.sendable(codes.find(code.key)))


def test_replicas_get_what_the_program_put_as_long_as_it_waits(codes):
    code = held(codes)
    assert sendable(codes, code) is code
    del code
    gc.collect()
    assert not codes._sent


def test_replicas_that_start_later_share_one_object_which_goes_with_them(codes):
    key = held(codes).key
    first, second = (asyncio.run(codes.sendable(codes.find(key))) for _ in range(2))
    assert (first.ref, first.lasting, second) == (b"model", True, first)
    assert first is second
    del first, second
    gc.collect()
    assert not codes._sent


def test_what_went_with_its_owner_is_put_again_and_anything_else_is_a_failure(codes):
    code = held(codes)
    assert codes.lost(sendable(codes, code))  # the program has ended
    again = sendable(codes, code)
    assert again.lasting
    assert not codes.lost(again)
    assert not codes.lost(b"small code")
    assert codes.lost(None)  # an earlier life of the controller has


def test_what_somebody_holds_is_not_removed(codes):
    code, same = held(codes), held(codes)
    codes.release(code.key)
    codes.remove(code.key)
    assert codes.find(same.key)
    codes.release(same.key)
    codes.remove(same.key)
    with pytest.raises(CheckpointError, match="not there any more; deploy it again"):
        codes.find(same.key)


def test_code_by_key_alone_must_be_there(codes):
    code = codes.find(held(codes).key)
    assert asyncio.run(codes.hold(code)) == code
    with pytest.raises(CheckpointError, match="not there any more"):
        asyncio.run(codes.hold(LargeCode(5, "unknown")))


def test_damaged_code_is_not_sent(codes, tmp_path):
    key = held(codes).key
    [path] = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    path.write_bytes(b"x")
    with pytest.raises(CheckpointError, match="missing or damaged"):
        asyncio.run(codes.sendable(codes.find(key)))
