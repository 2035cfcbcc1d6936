"""One name of an old Ray Serve, and what to write for it today."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One name.

    Attributes:
        name: as programs write it, without `serve.` or `client.` in front.
        first, last: releases that had it, "1.3", or "2.x" where it is known only roughly; a last release of "" means
            that today's Ray has it too.
        deployment: what to write for it with deployments on serve_compat, the first step.
        stock: what to write for it on stock Ray Serve of today.
        differs: what differs at run time afterwards; "" when nothing does.
    """

    name: str
    first: str
    last: str
    deployment: str
    stock: str
    differs: str = ""
