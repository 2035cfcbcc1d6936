"""What is known about one rule of the migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["compat", "deployment", "serve"]
STAGES: tuple[Stage, ...] = ("compat", "deployment", "serve")
"""The stages, in the order in which they run."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: "SC" and three digits; SC0xx compat, SC1xx deployment, SC2xx serve. Never used again for something else.
        title: what it does, as a phrase: "create_backend and create_endpoint become a deployment".
        stage: the stage it belongs to.
        why: the reason for the change, in one or two sentences.
        differs: what differs at run time afterwards; "" when nothing does.
        safe: whether it is applied without `--unsafe`.
        automatic: whether it rewrites; False for rules that only tell about a place.
    """

    id: str
    title: str
    stage: Stage
    why: str
    differs: str = ""
    safe: bool = True
    automatic: bool = True
