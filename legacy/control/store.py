"""The durable state of one instance: one key per record, so that a change costs what changed.

<namespace>/<controller>/backend/<tag>       BackendRecord
<namespace>/<controller>/endpoint/<name>     EndpointRecord
<namespace>/<controller>/deletes/last        DeleteLog
<namespace>/<controller>/routes/last         RerouteLog
<namespace>/<controller>/replica/<tag>       ReplicaRecord, written before its actor is made
<namespace>/<controller>/router/<id>         RouterRecord
<namespace>/<controller>/code/<sha256>       pickled user code, opaque; large code is in files instead
/instances/<namespace>/<controller>          the instance is up; for legacy.controllers
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Any, Protocol

from legacy import cluster, controllers
from legacy.control import checkpoint
from legacy.control.journal import Journal
from legacy.control.large_codes import LargeCodes
from legacy.errors import InstanceError
from legacy.large_code import LargeCode
from legacy.logs import logger
from legacy.records import InstanceName


class KeyValue(Protocol):
    """What a Store needs of a key-value store; Ray's GCS in production, a dict in tests."""

    def put(self, key: str, value: bytes) -> None:
        """Write durably."""

    def get(self, key: str) -> bytes | None:
        """Read, None when missing."""

    def delete(self, key: str) -> None:
        """Remove; missing is fine."""

    def keys(self, prefix: str) -> list[str]:
        """All keys with the prefix."""


class GcsKeyValue:
    """Ray's own key-value store in the GCS."""

    def put(self, key: str, value: bytes) -> None:
        """Write durably; returns when the GCS has it."""
        cluster.kv_put(key, value)

    def get(self, key: str) -> bytes | None:
        """Read, None when missing."""
        return cluster.kv_get(key)

    def delete(self, key: str) -> None:
        """Remove; missing is fine."""
        cluster.kv_delete(key)

    def keys(self, prefix: str) -> list[str]:
        """All keys with the prefix."""
        return cluster.kv_keys(prefix)


class Store:
    """Reads and writes the records of one instance.

    Attributes:
        journal: writes what may be late.
        large: keeps the code that is too large for the key-value store.
    """

    def __init__(self, name: InstanceName, kv: KeyValue, large: LargeCodes) -> None:
        self._name = name
        self._root = f"{name.namespace}/{name.controller}/"
        self._kv = kv
        self.large = large
        self._closed = False
        self.journal = Journal(self.save, self.remove)

    def announce(self, actor_id: str) -> None:
        """Write down that the instance is up, whose controller is this actor."""
        self._check_open()
        self._kv.put(controllers.announcement_key(self._name), controllers.announcement(self._name, actor_id))

    def save(self, kind: str, name: str, record: Any) -> None:
        """Write one record durably."""
        self._check_open()
        self._kv.put(self._key(kind, name), checkpoint.encode(record))
        self.journal.overtaken(kind, name)

    def load(self, kind: str, name: str) -> Any:
        """One record, or None.

        Raises:
            CheckpointError: it cannot be read.
        """
        key = self._key(kind, name)
        data = self._kv.get(key)
        return None if data is None else checkpoint.decode(key, data)

    def load_all(self, kind: str) -> list[Any]:
        """All records of a kind.

        Raises:
            CheckpointError: one of them cannot be read.
        """
        prefix = self._key(kind, "")
        found = ((key, self._kv.get(key)) for key in sorted(self._kv.keys(prefix)))
        return [checkpoint.decode(key, data) for key, data in found if data is not None]

    def remove(self, kind: str, name: str) -> None:
        """Forget one record."""
        self._kv.delete(self._key(kind, name))
        if kind == "code":
            self.large.remove(name)
        self.journal.overtaken(kind, name)

    def save_code(self, code: bytes | LargeCode) -> str:
        """Keep user code once per content, if it is not large, which is kept as it comes; gives the key to find it."""
        self._check_open()
        name = code_key(code)
        self.journal.overtaken("code", name)
        key = self._key("code", name)
        if isinstance(code, bytes) and self._kv.get(key) is None:
            self._kv.put(key, code)
        return name

    def load_code(self, name: str) -> bytes | LargeCode:
        """The code of `save_code`.

        Raises:
            checkpoint.CheckpointError: they are gone or damaged.
        """
        code = self._kv.get(self._key("code", name))
        if code is None:
            return self.large.find(name)
        if code_key(code) != name:
            raise checkpoint.CheckpointError(f"the code {name} is damaged in the store; deploy it again")
        return code

    def keep_code(self, used: Collection[str]) -> None:
        """Forget all code but that of these keys: a crash may have come between code and the record that names it."""
        prefix = self._key("code", "")
        for key in self._kv.keys(prefix):
            if key[len(prefix) :] not in used:
                self._kv.delete(key)
        self.large.keep(used)

    def close(self) -> None:
        """Take no records any more: the instance ends, and a later one of its name must find none."""
        self._closed = True

    def clear(self, kind: str = "") -> None:
        """Forget all records of a kind, or the whole instance."""
        for key in self._kv.keys(self._key(kind, "") if kind else self._root):
            self._kv.delete(key)
        if not kind:
            self.large.close()
            self._kv.delete(controllers.announcement_key(self._name))

    def _check_open(self) -> None:
        if self._closed:
            raise InstanceError(
                f"serve instance {self._name.controller!r} is being shut down, so that nothing can be changed; "
                "serve.start() a new one"
            )

    def _key(self, kind: str, name: str) -> str:
        return f"{self._root}{kind}/{name}"


def stored(write: Callable[[], object]) -> bool:
    """Whether the store took what a change under way has to write; what does not depend on it has not been done."""
    try:
        write()
    except InstanceError:  # it ends, and takes nothing any more
        raise
    except Exception as error:  # a client of the GCS raises many kinds
        logger.warning("the store took no record (%s), trying again", error)
        return False
    return True


def code_key(code: bytes | LargeCode) -> str:
    """Under which key the store keeps this code."""
    return code.key if isinstance(code, LargeCode) else hashlib.sha256(code).hexdigest()
