"""Errors for names that are not there: they say which Ray had the name and what to write here. Light to import."""

from __future__ import annotations

import difflib
import opcode
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, NoReturn

from serve_compat.names.history import NAMES, Name

SECTION = "Names that are not there"  # of the README

_FEW = 25  # names that can be read at a glance
_IMPORT_FROM = opcode.opmap["IMPORT_FROM"]


def lesson(name: str, prefix: str, known: Iterable[str]) -> str:
    """What to tell somebody who asked for a name that is not there; "" when nothing is known about it.

    Args:
        name: what was asked for.
        prefix: where, as `history` spells it: "" for the package, "handle." for a submodule, "Deployment." for a class.
        known: what is there, for typing errors.
    """
    row = NAMES.get(prefix + name) or (NAMES.get(name) if prefix == "api." else None)  # it offers what the package does
    if row is not None:
        return f"{_releases(row)}; here: {row.instead} (README, section {SECTION!r})"
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"did you mean {close[0]!r}?" if close else ""


def missing(name: str, module: str, known: Iterable[str], asker: FrameType | None = None) -> Exception:
    """The error for `module.name`.

    Args:
        module: its full name.
        known: the public names there are.
        asker: the frame that asked. For `from module import name` it is an ImportError, since Python would throw an
            AttributeError's text away.
    """
    importing = asker is not None and asker.f_code.co_code[asker.f_lasti] == _IMPORT_FROM
    prefix = "".join(f"{part}." for part in module.split(".")[1:])
    told = "" if name.startswith("__") else lesson(name, prefix, known) or _offered(prefix, known)
    ending = f": {told}" if told else ""
    if importing:
        return ImportError(f"cannot import name {name!r} from {module!r}{ending}", name=module)
    return AttributeError(f"module {module!r} has no attribute {name!r}{ending}", name=name)


def teaching_getattr(module: str) -> Callable[[str], Any]:
    """A `__getattr__` for a submodule that has all its names, so that a missing one is explained."""

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes the module's
        there = vars(sys.modules[module])  # no getattr: a module without __all__ would come back here for it
        known = there.get("__all__") or [each for each in there if each.isupper()]
        raise missing(name, module, known, sys._getframe(1))

    return __getattr__


def refuse_member(thing: object, name: str) -> NoReturn:
    """A `__getattr__` for a class: explains the missing member in an AttributeError."""
    owner = type(thing)
    if hasattr(owner, name):  # a property that failed: its own error says why
        object.__getattribute__(thing, name)
    public = [each for each in dir(owner) if not each.startswith("_")]
    told = "" if name.startswith("_") else lesson(name, f"{owner.__name__}.", public)
    raise AttributeError(f"{owner.__name__!r} object has no attribute {name!r}" + (f": {told}" if told else ""))


def _offered(prefix: str, known: Iterable[str]) -> str:
    """What a submodule has; "" for the package and what is as large."""
    names = sorted(known)
    return f"it has {', '.join(names)}" if prefix and len(names) <= _FEW else ""


def _releases(row: Name) -> str:
    if not row.first:
        return f"no Ray release has a public {_spelt(row.name)}"
    if not row.last:
        return f"Ray {row.first} and later have {_spelt(row.name)}"
    span = row.first if row.first == row.last else f"{row.first} to {row.last}"
    return f"Ray {span} had {_spelt(row.name)}"


def _spelt(name: str) -> str:
    return name if name[0].isupper() and "." in name else f"serve.{name}"
