"""Text that came from outside, shown so that it steers no terminal and looks like nothing it is not."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """A text that cannot steer a terminal, whoever wrote it: escape sequences and the like are shown as in Python.

    Args:
        keep: characters that stay as they are, such as line ends.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text)
