"""What is known about all given files together: who imports whom, and what each stage noted about each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import libcst as cst

from serve_compat.migrate.files.parsing import parsed

_UNREADABLE = (OSError, ValueError, SyntaxError, LookupError)
"""A file that is not there, or not in the encoding that it claims, or no Python: it tells nothing about others."""


@dataclass(frozen=True)
class Fact:
    """Something that a stage noted.

    Attributes:
        kind: what it is about: "endpoint", "tag", "deployment".
        key: which one.
        path: the file where it was seen.
        value: whatever the stage wants to know later.
    """

    kind: str
    key: Any
    path: str
    value: Any = None


class Project:
    """The registry of one run, filled by the surveys of a stage and read by its rewrites.

    Args:
        paths: all Python files that were given, whether they use Serve or not.
        read: gives the text of one of them.
    """

    def __init__(self, paths: Iterable[str] = (), read: Callable[[str], str] | None = None) -> None:
        self.paths = list(paths)
        self._by_module: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            self._by_module[_module_parts(path)[-1:][0] if _module_parts(path) else ""].append(path)
        self._read = read or (lambda path: "")
        self._facts: dict[str, list[Fact]] = defaultdict(list)
        self._linked: dict[str, str] = {}
        self.module_of = lru_cache(maxsize=64)(self._module_of)

    # facts

    def note(self, kind: str, key: Any, path: str, value: Any = None) -> Fact:
        """Remember something for all files of the run."""
        fact = Fact(kind, key, path, value)
        self._facts[kind].append(fact)
        return fact

    def facts(self, kind: str, key: Any = None) -> list[Fact]:
        """What was noted, in the order of the files: all of a kind, or those with a key."""
        return [each for each in self._facts[kind] if key is None or each.key == key]

    # imports

    def resolve(self, importer: str, module: str) -> str | None:
        """The given file that `import module` means in another one; None where it is not among them.

        Args:
            module: dotted, with leading dots when relative.
        """
        level = len(module) - len(module.lstrip("."))
        parts = tuple(each for each in module.split(".") if each)
        base = _module_parts(importer)
        if level:
            is_package = PurePath(importer).stem == "__init__"
            cut = len(base) - level + is_package
            parts = (*base[: max(cut, 0)], *parts)
        if not parts:
            return None
        found = [path for path in self._by_module[parts[-1]] if _module_parts(path)[-len(parts) :] == parts]
        found = [path for path in found if path != importer]
        return max(found, key=lambda path: _shared(base, _module_parts(path)), default=None)

    def definition(self, importer: str, name: str) -> cst.ClassDef | cst.FunctionDef | None:
        """The class or function of a dotted name that a file imports, read from the other file; None if not found."""
        module, _, last = name.rpartition(".")
        path = self.resolve(importer, module) if module.strip(".") else self.resolve(importer, name)
        parsed = self.module_of(path) if path else None
        for statement in parsed.body if parsed is not None else ():
            if isinstance(statement, cst.ClassDef | cst.FunctionDef) and statement.name.value == last:
                return statement
        return None

    def text_of(self, path: str) -> str:
        """The text of a given file; "" where it cannot be read."""
        try:
            return self._read(path)
        except _UNREADABLE:
            return ""

    def _module_of(self, path: str) -> cst.Module | None:
        try:
            return parsed(self._read(path))
        except (*_UNREADABLE, RecursionError):
            return None

    # files that must stay on the same side

    def link(self, path: str, other: str) -> None:
        """Two files share objects of Serve: both go to stock Ray Serve, or both stay on serve_compat."""
        self._linked[self._root(path)] = self._root(other)

    def linked(self, path: str, other: str) -> bool:
        """Whether two files share objects of Serve, directly or through others."""
        return self._root(path) == self._root(other)

    def _root(self, path: str) -> str:
        while path in self._linked and self._linked[path] != path:
            path = self._linked[path]
        return path


def _module_parts(path: str) -> tuple[str, ...]:
    parts = PurePath(path).with_suffix("").parts
    return parts[:-1] if parts and parts[-1] == "__init__" else parts


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
