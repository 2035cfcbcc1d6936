"""A patch that `git apply` and `patch` take: byte for byte, whatever the encoding and the line ends."""

from __future__ import annotations

import difflib
import os
import string


def patch(path: str, before: bytes, after: bytes) -> bytes:
    """The unified diff between two versions of a file; b"" when they are the same.

    Args:
        path: relative to where the patch will be applied.
    """
    name = os.path.normpath(path).replace(os.sep, "/")
    head, tail = ("", "\t" if " " in name else "") if name.isprintable() and not set(name) & {'"', "\\"} else ('"', '"')
    name = _escaped(name) if head else name
    # latin-1 maps every byte to one character and back, so no encoding can get in the way
    old, new = _lines(before), _lines(after)
    made = difflib.unified_diff(old, new, f"{head}a/{name}{tail}", f"{head}b/{name}{tail}")
    return b"".join(_ended(line, head=number < 2) for number, line in enumerate(made))


def _escaped(name: str) -> str:
    """As git writes a name with quotation marks, tabs or bytes that are no text, between quotation marks."""
    plain = {ord(character) for character in string.ascii_letters + string.digits + "/._- ~+@"}
    return "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in os.fsencode(name))


def _lines(content: bytes) -> list[str]:
    parts = content.decode("latin-1").split("\n")
    return [*(f"{part}\n" for part in parts[:-1]), *([parts[-1]] if parts[-1] else [])]


def _ended(line: str, head: bool) -> bytes:
    if head:  # the names, which are not latin-1
        return line.encode("utf-8", "surrogateescape")
    ending = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
    return (line + ending).encode("latin-1")
