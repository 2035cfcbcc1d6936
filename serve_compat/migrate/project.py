"""The given files together: who imports whom, and what from it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache, cached_property, lru_cache
from pathlib import PurePath

import libcst as cst

from serve_compat.migrate.files.parsing import parsed

_UNREADABLE = (OSError, ValueError, SyntaxError, LookupError)
"""A file that is not there, or not in the encoding that it claims, or no Python: it tells nothing about others."""


class Project:
    """The files of one run.

    Args:
        paths: all Python files that were given, whether they use Serve or not.
        read: gives the text of one of them.
    """

    def __init__(self, paths: Iterable[str] = (), read: Callable[[str], str] | None = None) -> None:
        self.paths = list(paths)
        self._by_module: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            self._by_module["".join(_module_parts(path)[-1:])].append(path)
        self._read = read or (lambda path: "")
        self.module_of = lru_cache(maxsize=64)(self._module_of)

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

    def imported_from(self, path: str) -> frozenset[str]:
        """The names that other files import from one: they must stay what they are. `*` for all."""
        return frozenset(self._imported.get(path, ()))

    @cached_property
    def _imported(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for path in self.paths:
            for module, names in _FROM.findall(self.text_of(path)):
                target = self.resolve(path, module)
                if target is not None:
                    found[target].update(re.findall(r"[\w*]+", re.sub(r"\bas[ \t]+\w+|#[^\n]*", "", names)))
        return found


_FROM = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)


@cache
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


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Of each member all that pairs join to it, and itself."""
    groups: dict[str, set[str]] = {}
    for one, other in pairs:
        small, large = sorted((groups.setdefault(each, {each}) for each in (one, other)), key=len)
        if small is not large:
            large |= small
            groups.update(dict.fromkeys(small, large))
    whole = {id(group): frozenset(group) for group in groups.values()}
    return {member: whole[id(group)] for member, group in groups.items()}
