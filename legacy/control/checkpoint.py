"""Records to bytes and back: versioned, checksummed, strict. The only unpickling of our own state.

    b"SCK3" + sha256(payload) + payload        payload: a pickled record of this package

A reader that meets anything else raises CheckpointError and touches nothing.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import fields, is_dataclass
from typing import Any

from ray import cloudpickle

from legacy.errors import RayServeException

MAGIC = b"SCK3"
_HASH = 32


class CheckpointError(RayServeException):
    """A stored record cannot be read: another format, truncated or damaged."""


def encode(record: Any) -> bytes:
    """A record as bytes; raises whatever its user-given parts raise when they cannot be pickled."""
    payload = cloudpickle.dumps(record)
    return MAGIC + hashlib.sha256(payload).digest() + payload


def decode(key: str, data: bytes) -> Any:
    """The record that `encode` wrote.

    Args:
        key: where the bytes were stored; named in the error.

    Raises:
        CheckpointError: the bytes are of another format version, truncated, damaged, or name code that is gone.
    """
    if data[:4] != MAGIC:
        raise CheckpointError(
            f"checkpoint {key!r} begins with {data[:4]!r}, expected {MAGIC!r}: it was written by another version; "
            "shut that instance down with the version that started it"
        )
    digest, payload = data[4 : 4 + _HASH], data[4 + _HASH :]
    if hashlib.sha256(payload).digest() != digest:
        raise CheckpointError(f"checkpoint {key!r} is damaged: {len(data)} bytes whose checksum does not match")
    try:
        record = pickle.loads(payload)
    except Exception as error:  # unpickling runs constructors of user values, which may raise anything
        raise CheckpointError(f"checkpoint {key!r} cannot be read: {type(error).__name__}: {error}") from error
    _check_whole(key, record)
    return record


def _check_whole(key: str, record: Any) -> None:
    # Unpickling a dataclass does not run its constructor, so nothing else would say that it is of another version.
    if not is_dataclass(record):
        return
    for one in fields(record):
        if not hasattr(record, one.name):
            raise CheckpointError(
                f"checkpoint {key!r} has a {type(record).__name__} without {one.name!r}: it was written by another "
                "version; shut that instance down with the version that started it"
            )
        _check_whole(key, getattr(record, one.name))
