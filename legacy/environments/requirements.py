"""The forms in which `pip` packages are written, as arguments of `pip install` that need no other file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from legacy.redaction import redacted

NESTED_AT_MOST = 10  # requirement files that name each other


def pip_arguments(pip: Any, base_dir: str = ".") -> tuple[str, ...]:
    """The arguments of `pip install` for runtime_env["pip"]: a list, a requirements file, or a dict with "packages".

    Args:
        base_dir: directory of relative paths.

    Raises:
        TypeError, ValueError: another form, or something that cannot work on other nodes.
    """
    if pip is None:
        return ()
    if isinstance(pip, str | os.PathLike):
        return tuple(without_files(["-r", os.fspath(pip)], base_dir))
    if isinstance(pip, list | tuple):
        return tuple(without_files(pip, base_dir))
    if not isinstance(pip, Mapping):
        raise TypeError(
            f"runtime_env['pip'] must be a list of packages, a requirements file or a dict, not {redacted(repr(pip))}"
        )
    unknown = set(pip) - {"packages", "pip_check", "pip_version", "pip_install_options"}
    if unknown or "packages" not in pip:
        raise ValueError(
            f"runtime_env['pip'] must have 'packages' and perhaps 'pip_install_options', not {redacted(repr(pip))}"
        )
    if pip.get("pip_version"):
        raise ValueError(
            "runtime_env['pip']['pip_version'] cannot be used beside a conda environment: its own pip is used; "
            "name the version of pip among the environment's packages"
        )
    options = [str(each) for each in pip.get("pip_install_options") or []]
    packages = pip["packages"]
    listed = ["-r", packages] if isinstance(packages, str) else packages
    return (*options, *without_files(listed, base_dir))


def without_files(requirements: Iterable[Any], base_dir: str, depth: int = 0) -> Iterator[str]:
    """Requirements with the files among them (`-r FILE`) replaced by what is in them, and paths made absolute.

    Raises:
        TypeError, ValueError: something that is no requirement, an editable one, or a file that cannot be read.
    """
    words: list[str] = []
    for each in requirements:
        if not isinstance(each, str):
            raise TypeError(f"a pip requirement must be a str such as 'numpy==1.26', not {redacted(repr(each))}")
        words += _words(each)
    turns = iter(words)
    for word in turns:
        option, _, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:].strip())
        if option in ("-e", "--editable"):
            raise ValueError(
                f"the editable requirement {redacted(repr(word))} exists on this machine only; name the package "
                "without -e, or send its directory with runtime_env['py_modules']"
            )
        if option in ("-r", "--requirement"):
            yield from _contents(Path(base_dir, os.path.expanduser(value or next(turns, ""))), depth)
        elif option in ("-c", "--constraint"):
            yield from ("-c", str(Path(base_dir, value or next(turns, "")).absolute()))
        elif word.startswith((".", "~")) and not word.startswith("-"):
            yield str(Path(base_dir, os.path.expanduser(word)).absolute())
        else:
            yield word


def _words(requirement: str) -> list[str]:
    # only options have arguments; "numpy >= 1.26 ; python_version > '3.9'" is one word
    return shlex.split(requirement) if requirement.lstrip().startswith("-") else [requirement.strip()]


def _contents(path: Path, depth: int) -> Iterator[str]:
    if depth >= NESTED_AT_MOST:
        raise ValueError(f"the requirements file {path} is nested more than {NESTED_AT_MOST} deep")
    try:
        text = path.read_text().replace("\\\n", "")
    except OSError as error:
        raise ValueError(f"the requirements file {path} cannot be read: {error.strerror}") from error
    lines = (line.split(" #")[0].strip() for line in text.splitlines())
    yield from without_files((line for line in lines if line and line[0] != "#"), str(path.parent), depth + 1)
