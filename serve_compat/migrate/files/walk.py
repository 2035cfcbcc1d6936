"""Which files are meant: directories, globs and names, without what .gitignore and custom leave out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".pyi", ".ipynb")
_OF_OTHERS = """
    .git .hg .svn .venv venv node_modules build dist site-packages __pycache__ .tox .nox .mypy_cache .pytest_cache
    .ruff_cache .eggs .ipynb_checkpoints
"""
LEFT_OUT = frozenset(_OF_OTHERS.split())
PIN_FILES = (
    "requirements*.txt",
    "requirements*.in",
    "constraints*.txt",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "Dockerfile*",
    "*.Dockerfile",
    "environment*.y*ml",
    "conda*.y*ml",
)


class Walk:
    """All files of a run, each once.

    Args:
        given: what the command line names.
        exclude: further patterns in the form of .gitignore.
    """

    def __init__(self, given: Sequence[str], exclude: Sequence[str] = ()) -> None:
        self._given = given
        self._exclude = GitIgnoreSpec.from_lines(exclude)
        self._pins = GitIgnoreSpec.from_lines(PIN_FILES)
        self._seen: set[str] = set()
        self._links: list[tuple[str, list[tuple[str, GitIgnoreSpec]]]] = []
        self.sources: list[str] = []
        self.pin_files: list[str] = []
        self.missing: list[str] = []
        self.unreadable: list[str] = []

    def run(self) -> Walk:
        """Fill the lists, each in the order of the command line and then of the names."""
        for name in self._given:
            for path in self._expanded(name):
                if os.path.isdir(path):
                    self._directory(path, self._ignores_above(path))
                elif os.path.isfile(path):
                    self._take(path, named=True)
                else:
                    self.missing.append(path)
        for path, ignores in self._links:  # grows while it is gone through; files count under their own names first
            if os.path.isdir(path):
                self._directory(path, ignores)
            elif os.path.isfile(path):
                self._take(path)
        return self

    def _expanded(self, name: str) -> list[str]:
        if os.path.exists(name) or not has_magic(name):
            return [name]
        return sorted(glob(name, recursive=True)) or [name]

    def _ignores_above(self, directory: str) -> list[tuple[str, GitIgnoreSpec]]:
        """The .gitignore files from the repository's top down to the directory above."""
        found = []
        for parent in (Path(directory).resolve(), *Path(directory).resolve().parents):
            if parent != Path(directory).resolve():
                found.append(parent)
            if (parent / ".git").exists():
                break
        else:
            return []
        return [spec for parent in reversed(found) for spec in _ignore_file(str(parent))]

    def _directory(self, directory: str, ignores: list[tuple[str, GitIgnoreSpec]]) -> None:
        real = os.path.realpath(directory)
        if real in self._seen:
            return
        self._seen.add(real)
        ignores = [*ignores, *_ignore_file(directory)]
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            self.unreadable.append(directory)
            return
        for entry in entries:
            is_directory = entry.is_dir()
            if is_directory and (entry.name in LEFT_OUT or entry.name.endswith(".egg-info")):
                continue
            if not is_directory and not self._wanted(entry.name):
                continue
            path = entry.path[2:] if entry.path.startswith("./") else entry.path
            if self._ignored(path + "/" * is_directory, ignores):
                continue
            if entry.is_symlink():
                self._links.append((path, ignores))
            elif is_directory:
                if not os.path.exists(os.path.join(path, "pyvenv.cfg")):
                    self._directory(path, ignores)
            elif entry.is_file():  # no pipe, which would never end
                self._take(path)

    def _wanted(self, name: str) -> bool:
        return name.endswith(SUFFIXES) or self._pins.match_file(name)

    def _ignored(self, path: str, ignores: list[tuple[str, GitIgnoreSpec]]) -> bool:
        if self._exclude.patterns and self._exclude.match_file(path):
            return True
        ignored = False
        for base, spec in ignores:
            found = spec.check_file(os.path.relpath(path, base) + "/" * path.endswith("/")).include
            ignored = ignored if found is None else found
        return ignored

    def _take(self, path: str, named: bool = False) -> None:
        real = os.path.realpath(path)
        if real in self._seen:
            return
        self._seen.add(real)
        if self._pins.match_file(os.path.basename(path)):
            self.pin_files.append(path)
        if path.endswith(SUFFIXES) or (named and path not in self.pin_files):
            self.sources.append(path)


def _ignore_file(directory: str) -> Iterator[tuple[str, GitIgnoreSpec]]:
    try:
        with open(os.path.join(directory, ".gitignore"), encoding="utf-8", errors="replace") as lines:
            yield directory, GitIgnoreSpec.from_lines(lines)
    except OSError:
        return
