"""What the handler of a Ray 0.8 backend may ask about the call it answers: `serve.context.web` and `.batch_size`."""

from __future__ import annotations

from contextvars import ContextVar

WEB: ContextVar[bool] = ContextVar("serve_web", default=False)
"""Whether the call came over HTTP."""

BATCH_SIZE: ContextVar[int | None] = ContextVar("serve_batch_size", default=None)
"""How many calls an `accept_batch` handler answers at once; None for any other handler."""
