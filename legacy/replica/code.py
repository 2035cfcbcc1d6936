"""From the bytes the client sent to the user's function or constructed object."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

from legacy.large_code import LargeCode, Pickled
from legacy.replica.backends import IMPORT_PATH
from legacy.replica.code_pickle import unpacked


@dataclass(frozen=True)
class Code:
    """What the client sent: the user's function or class and the constructor's arguments."""

    target: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def prepare(setup: str) -> None:
    """Call the function of that dotted path, which makes this process fit for the user's code."""
    module, _, name = setup.rpartition(".")
    getattr(importlib.import_module(module), name)()


async def arrived(code: bytes | LargeCode) -> bytes | Pickled:
    """The code itself, wherever it is; RayError when it was lost on the way."""
    return await code.ref if isinstance(code, LargeCode) else code


async def load(code: bytes | Pickled) -> Code:
    """Unpickle the user's code and import what is named by path; the user's modules may raise anything."""
    target, args, kwargs = unpacked(code)
    path = target if isinstance(target, str) else getattr(target, IMPORT_PATH, None)
    return Code(import_path(path) if path else target, args, kwargs)


def import_path(path: str) -> Any:
    """The class or function named by a dotted path; nested classes are found too.

    Raises:
        ImportError: it is no such path, there is no module of that name, or the module has no such attribute.
    """
    module_name, _, rest = path.rpartition(".")
    if not module_name or not rest:
        raise ImportError(f"{path!r} is no import path such as 'package.module.Name'; name the module, too")
    names = [rest]
    while True:
        try:
            found = importlib.import_module(module_name)
            break
        except ModuleNotFoundError as error:
            outer, _, name = module_name.rpartition(".")
            if error.name != module_name or not outer:
                raise
            module_name, names = outer, [name, *names]
    for name in names:
        if not hasattr(found, name):
            raise ImportError(f"cannot import {path!r}: {found!r} has no attribute {name!r}")
        found = getattr(found, name)
    return found


async def construct(code: Code) -> Any:
    """The servable: a class's instance, whose `__init__` may be async and return anything (Ray 1.4+), or the function.

    Raises:
        TypeError: neither a class nor a function.
        Exception: whatever the user's constructor raises.
    """
    target: Any = code.target
    if not inspect.isclass(target):
        if not callable(target):
            raise TypeError(f"a backend must be a function or a class, not {target!r}")
        return target
    is_application = hasattr(target, "__serve_created__")
    made_by_metaclass = type(target).__call__ is not type.__call__ and not is_application
    if made_by_metaclass and not inspect.iscoroutinefunction(target.__init__):
        return target(*code.args, **code.kwargs)
    instance: Any = (
        target.__new__(target, *code.args, **code.kwargs) if _has_own_new(target) else target.__new__(target)
    )
    if is_application:
        instance.__serve_created__()
    if isinstance(instance, target):
        begun = type(instance).__init__(instance, *code.args, **code.kwargs)
        if inspect.isawaitable(begun):
            await begun
    return instance


def _has_own_new(target: type) -> bool:
    return target.__new__ is not object.__new__
