"""What a process has in use, asked inside it: its resident memory also tells the steps of the allocator."""

from __future__ import annotations

import ctypes
import gc
import tracemalloc
from typing import Any

_FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS.split()]


def watch(actor: Any) -> None:
    """Have the process of an actor count what Python allocates; runs inside it."""
    tracemalloc.start(1)


def in_use(actor: Any) -> int:
    """Bytes that native code and Python have in use; big Python objects count twice. Runs inside the actor."""
    gc.collect()
    mallinfo2 = ctypes.CDLL(None).mallinfo2  # of glibc, over all arenas
    mallinfo2.restype = _Mallinfo
    native = mallinfo2()
    python = tracemalloc.get_traced_memory()[0] - tracemalloc.get_tracemalloc_memory()
    return int(native.uordblks + native.hblkhd + python)
