"""Which generation of Ray a program was written for, where the user says so.

Nothing is guessed. The calls a program makes tell most of it (see `legacy.config.Door`): `serve.init()` means 0.8,
methods of a Client mean 1.0-1.2, module functions after `serve.start()` mean 1.3-1.7, deployments speak for themselves.
What the calls cannot tell is left to the user: `serve-compat run --era 1.0 program.py`,
`serve_compat.install(era="1.0")` or the environment variable SERVE_COMPAT_ERA, which workers and sub-processes inherit.
"""

from __future__ import annotations

from enum import Enum

from legacy import settings
from legacy.config import Door


class Era(str, Enum):
    """The generations that differ, each named by one release of it."""

    V0_8 = "0.8"  # module functions are those of 0.7-0.8, Flask requests
    V1_0 = "1.0"  # methods of a Client are those of 1.0-1.1, Flask requests
    V1_2 = "1.2"  # methods of a Client are those of 1.2; every serve.start() makes an instance of its own
    V1_4 = "1.4"  # methods of a Client do what module functions do; serve.start() attaches to what runs
    V1_13 = "1.13"  # as 1.4, and handles in graphs give the value when awaited once
    V2_3 = "2.3"  # as 1.4, and handles in graphs give a reference when awaited once


NAMES = tuple(era.value for era in Era)
_DOOR_OF = {Era.V0_8: Door.CLIENT, Era.V1_0: Door.CLIENT_1_0, Era.V1_2: Door.CLIENT}


def chosen() -> Era | None:
    """What the user said, or None.

    Raises:
        ValueError: SERVE_COMPAT_ERA is none of the eras.
    """
    name = settings.load().era
    return parsed(name, "SERVE_COMPAT_ERA") if name else None


def choose(name: str) -> None:
    """Say it for this process and the processes it starts from now on, a local Ray among them.

    Raises:
        ValueError: there is no such era.
    """
    settings.put("era", parsed(name, "era").value)


def parsed(name: str, what: str) -> Era:
    """The era of that name.

    Raises:
        ValueError: there is none; `what` is what the message calls it.
    """
    if name not in NAMES:
        raise ValueError(f"{what}={name!r} is no era; the eras are {', '.join(NAMES)}")
    return Era(name)


def client_door(era: Era | None) -> Door:
    """The door that methods of a Client are."""
    return Door.CLIENT if era is None else _DOOR_OF.get(era, Door.MODULE)


def follow(door: Door) -> None:
    """In a replica: serve calls of the user's code mean what they mean where its backend was registered."""
    era = {Door.V08: Era.V0_8, Door.CLIENT_1_0: Era.V1_0}.get(door)
    if era is not None:
        choose(era.value)


def awaited_once(era: Era | None) -> str:
    """SERVE_DEPLOYMENT_HANDLE_IS_SYNC as the era implies it; "" leaves it open."""
    return {Era.V1_13: "1", Era.V2_3: "0"}.get(era, "") if era is not None else ""
