"""How large code comes in from programs, is kept on the controller's node, and goes out to replicas on any node.

Ray's object store brings it, but what lies there is lost with the process that put it: with the program, or with the
controller, which comes back and puts it again from its file.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from weakref import WeakValueDictionary

import ray

from legacy.code_files import CodeFiles
from legacy.control.checkpoint import CheckpointError
from legacy.large_code import LargeCode


class LargeCodes:
    """The large code of one instance. One event loop.

    Args:
        files: of the controller's node.
    """

    def __init__(self, files: CodeFiles) -> None:
        self._files = files
        self._held: Counter[str] = Counter()
        self._sent: WeakValueDictionary[str, LargeCode] = WeakValueDictionary()
        self._sending = asyncio.Lock()

    async def hold(self, code: LargeCode) -> LargeCode:
        """Keep what a program sent, and do not remove it before `release`; gives it with its key.

        As long as the program waits, replicas get what it put: nothing is put twice.

        Raises:
            RayError: it was lost on the way.
            RayServeException: the disk does not take it.
            CheckpointError: the program knows only its key, and it is not there any more.
        """
        if code.ref is None:
            code = self.find(code.key)
        else:
            part, key = await asyncio.to_thread(self._files.write, await code.ref)
            self._files.commit(part, key)  # here, so that nobody removes it before it is held
            code = self._sent[key] = replace(code, key=key)
        self._held[code.key] += 1
        return code

    def release(self, key: str) -> None:
        """Whoever held it does so no more."""
        self._held[key] -= 1

    def find(self, key: str) -> LargeCode:
        """What is kept under a key; CheckpointError when there is nothing."""
        size = self._files.size(key)
        if size is None:
            raise CheckpointError(f"the code {key} is not there any more; deploy it again, with its arguments")
        return LargeCode(size, key)

    async def sendable(self, code: bytes | LargeCode) -> bytes | LargeCode:
        """The same, large code with a reference for who needs it now; one object serves all that need it at a time.

        Raises:
            CheckpointError: it is gone or damaged.
            RayError: the object store has no room.
        """
        if isinstance(code, bytes):
            return code
        async with self._sending:
            known = self._sent.get(code.key)
            if known is None:
                ref = await asyncio.to_thread(self._put, code.key)
                known = self._sent[code.key] = LargeCode(code.size, code.key, ref, lasting=True)
            return known

    def lost(self, code: bytes | LargeCode | None) -> bool:
        """A replica did not get what was sent. Whether that was its owner's end, and the next replica gets another.

        Args:
            code: as it was sent; None where an earlier life of the controller did it.
        """
        if not isinstance(code, LargeCode) or code.lasting:
            return code is None
        if self._sent.get(code.key) is code:
            del self._sent[code.key]
        return True

    def keep(self, keys: Collection[str]) -> None:
        """Forget all but these."""
        self._files.keep(keys)

    def remove(self, key: str) -> None:
        """Forget what nobody holds."""
        if not self._held[key]:
            del self._held[key]
            self._files.remove(key)

    def close(self) -> None:
        """Forget all."""
        self._files.close()

    def _put(self, key: str) -> ray.ObjectRef:
        pickled = self._files.read(key)
        if pickled is None:
            raise CheckpointError(f"the code {key} is missing or damaged on the controller's node; deploy it again")
        return ray.put(pickled)
