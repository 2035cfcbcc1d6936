"""What is known about one rule of the migration; each is declared where its work is done, or decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["compat", "deployment", "serve"]
STAGES: tuple[Stage, ...] = ("compat", "deployment", "serve")
"""The stages, in the order in which they run."""
_DECLARED: dict[str, Rule] = {}


@dataclass(frozen=True)
class Rule:
    """One rule; making it declares it.

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

    def __post_init__(self) -> None:
        assert self.id not in _DECLARED, f"{self.id} is declared twice"
        _DECLARED[self.id] = self


def declared() -> dict[str, Rule]:
    """The rules of all modules that are imported, by id and in the order of the ids."""
    return dict(sorted(_DECLARED.items()))


def is_meant(rule: str, selectors: tuple[str, ...]) -> bool:
    """Whether selectors of the command line mean a rule: its whole id, a prefix such as SC1, or ALL."""
    wanted = [each.strip().upper() for each in selectors]
    return any(each == "ALL" or (each and rule.startswith(each)) for each in wanted)
