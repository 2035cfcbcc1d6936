"""A request that is not served because of how it is written."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - a decision, not a failure
    """The status and text to answer; the connection is closed afterwards."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text
