"""`ray.init` with keywords that today's Ray does not take."""

from __future__ import annotations

import libcst as cst

from serve_compat.runner.ray_calls import REMOVED, RENAMED


def old_keywords(call: cst.Call) -> list[str]:
    """The keywords of a `ray.init` call that are called otherwise today, or are gone."""
    names = [arg.keyword.value for arg in call.args if arg.keyword is not None]
    return [name for name in names if name in RENAMED or name in REMOVED]


def of_today(call: cst.CSTNode) -> cst.CSTNode:
    """The call under today's keywords, without those that are gone. One given under both names keeps today's."""
    assert isinstance(call, cst.Call)
    given = {arg.keyword.value for arg in call.args if arg.keyword is not None}
    kept = []
    for arg in call.args:
        name = arg.keyword.value if arg.keyword is not None else ""
        today = RENAMED.get(name, name)
        if name in REMOVED or (today != name and today in given):
            continue
        kept.append(arg.with_changes(keyword=cst.Name(today)) if today != name else arg)
    if kept and len(kept) < len(call.args):
        kept[-1] = kept[-1].with_changes(comma=call.args[-1].comma)
    return call.with_changes(args=kept)
