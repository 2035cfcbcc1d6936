"""A command's code on its way from the program into the store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from legacy.control.desired import Desired
from legacy.control.store import Store
from legacy.large_code import LargeCode
from legacy.records import BackendSpec


@contextlib.asynccontextmanager
async def received(spec: BackendSpec, store: Store, desired: Desired) -> AsyncIterator[BackendSpec]:
    """The spec of a command, with large code in the store by then, where it stays if something registered needs it.

    Raises:
        RayError: large code was lost on the way.
        RayServeException: the disk does not take it.
        CheckpointError: the program knows only its key, and it is not there any more.
    """
    if not isinstance(spec.code, LargeCode):
        yield spec
        return
    code = await store.large.hold(spec.code)
    try:
        yield replace(spec, code=code)
    finally:
        store.large.release(code.key)
        if code.key not in desired.code_keys():
            store.journal.remove("code", code.key)
