"""What a program's calls mean, by the release it was written for, where the user says so.

Nothing is guessed. The calls a program makes tell most of it: `serve.init()` means 0.8, methods of a Client mean
1.0-1.2, module functions after `serve.start()` mean 1.3-1.7, deployments speak for themselves. What the calls cannot
tell is left to the user: `serve-compat run --era 1.0 program.py`, `serve_compat.install(era="1.0")` or the environment
variable SERVE_COMPAT_ERA, which workers and sub-processes inherit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from legacy import settings
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V0_8, V1_0, V1_2, V1_4, V1_13, V2_3, Generation


@dataclass(frozen=True)
class Era:
    """The generation that each API means in a program.

    Attributes:
        name: what the user says, one release of the era; "" for nothing.
        functions: the generation of module functions.
        client: of methods of a Client.
        deployments: of `@serve.deployment` and what is made of it.
    """

    name: str
    functions: Generation = V1_4
    client: Generation = V1_2
    deployments: Generation = DEPLOYMENT

    @property
    def second_start(self) -> Literal["attach", "new"] | None:
        """What a second `serve.start()` does; None where only the calls before it can tell."""
        return self.client.second_start if self.name and not self.functions.begins_with_init else None


_ERAS = {
    era.name: era
    for era in (
        Era("0.8", functions=V0_8),
        Era("1.0", client=V1_0),
        Era("1.2"),
        Era("1.4", client=V1_4, deployments=DEPLOYMENT_1_4),
        Era("1.13", client=V1_4, deployments=V1_13),
        Era("2.3", client=V1_4, deployments=V2_3),
    )
}
NAMES = tuple(_ERAS)


def chosen() -> Era:
    """What the user said; the era without a name when it was nothing, ValueError for none of the eras."""
    name = settings.load().era
    return _parsed(name, "SERVE_COMPAT_ERA") if name else Era("")


def choose(name: str) -> None:
    """Say it for this process and those it starts from now on, a local Ray among them; ValueError as `chosen`."""
    settings.put("era", _parsed(name, "era").name)


def follow(generation: Generation) -> None:
    """In a replica: serve calls of the user's code mean what they mean where its backend was registered."""
    if generation.era:
        choose(generation.era)


def _parsed(name: str, what: str) -> Era:
    if name not in _ERAS:
        raise ValueError(f"{what}={name!r} is no era; the eras are {', '.join(NAMES)}")
    return _ERAS[name]
