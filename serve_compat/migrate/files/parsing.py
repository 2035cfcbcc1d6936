"""From a text to a module, without the texts that would end the process."""

from __future__ import annotations

import ast
import re
import sys

import libcst as cst

DEEPEST = 900
"""Levels of nested expressions. The parser is native code that recurses: some thousands end the process."""
LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def parsed(text: str) -> cst.Module:
    """The module of a text.

    Raises:
        SyntaxError: it is not valid for the Python that runs this.
        RecursionError: its expressions are nested too deeply.
    """
    check(text)
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        message = "the parser does not know this syntax yet"
        raise SyntaxError(message, ("", error.raw_line, 0, "")) from error


def check(text: str) -> None:
    """Let Python itself look at the text first.

    Raises:
        SyntaxError, RecursionError: as `parsed` does.
    """
    try:
        level: list[ast.AST] = [ast.parse(text)]
    except SyntaxError as error:
        if "too many nested" in str(error.msg):
            raise RecursionError(error.msg) from error
        raise
    except MemoryError as error:  # how some releases of Python say it
        raise RecursionError("nested too deeply") from error
    except ValueError as error:  # a null character
        raise SyntaxError(str(error), ("", text[: text.find("\0")].count("\n") + 1, 0, "")) from error
    depth = 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise RecursionError("nested too deeply")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def why(error: SyntaxError) -> str:
    """What is wrong with a text, with its line."""
    if error.msg == "the parser does not know this syntax yet":
        return f"line {error.lineno}: {error.msg}"
    release = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"line {error.lineno}: it is not valid Python {release} ({error.msg})"


def lines(text: str) -> list[str]:
    """The lines as Python counts them, without their ends: a form feed, say, does not begin one."""
    return [line.rstrip("\r\n") for line in LINE.findall(text)]
