"""One name of an old Ray Serve, and what to write for it today."""

from __future__ import annotations

from typing import NamedTuple

KEEP = "the same"
NOTHING = "nothing"
AS_THERE = "the same as there"
STATUS = "`serve.status().applications`, which is shaped differently"
NO_SPLIT = (
    "no counterpart: a router deployment whose weights are its `user_config` (`serve-compat migrate --generate-router`)"
)
HERE = "works as it is, with `serve-compat run` or `import serve_compat as serve`"


class Entry(NamedTuple):
    """One name. Code in the texts stands between backticks.

    Attributes:
        name: as programs write it, without `serve.` or `client.` in front.
        first, last: releases that had it, "1.3", or "2.x" where it is known only roughly; a last release of "" means
            that today's Ray has it too.
        before: a line of code that uses it.
        deployment: what to write for it with deployments on serve_compat, the first step.
        stock: what to write for it on stock Ray Serve of today.
        differs: what differs at run time afterwards; "" when nothing does.
        rules: ids of the rules of the migration that rewrite it or tell about it.
        here: how serve_compat takes it.
    """

    name: str
    first: str
    last: str
    before: str
    deployment: str
    stock: str
    differs: str = ""
    rules: tuple[str, ...] = ()
    here: str = HERE
