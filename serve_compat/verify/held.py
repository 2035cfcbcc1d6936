"""A program that runs in a process of its own, is held at its end, and ends when told."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

HOST = Path(__file__).with_name("host.py")
_GRACE_S = 20.0  # to end after Ctrl-C: the instance drains, the cluster stops


class Held:
    """A program from its start to its end. Use it as a context manager: leaving it ends the program.

    Args:
        python: the interpreter and its options.
        program: the script and its arguments.
        environ: of the process.
        settle_s: seconds its main thread stands at one line of it until that counts as being ready.
        output: where standard output goes, and standard error.
    """

    def __init__(
        self,
        python: Sequence[str],
        program: Sequence[str],
        environ: dict[str, str],
        settle_s: float,
        output: tuple[IO[bytes], IO[bytes]],
    ) -> None:
        self._heard, tell = os.pipe()
        hear, self._release = os.pipe()
        command = [*python, str(HOST), str(tell), str(hear), str(settle_s), *program]
        try:
            self._process = subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.PIPE,  # open and silent: a program that waits for Enter waits, and is ready
                stdout=output[0],
                stderr=output[1],
                pass_fds=(tell, hear),
                start_new_session=True,  # so that everything it started can be ended with it
            )
        finally:
            os.close(tell)
            os.close(hear)
        self.waiting_at: int | None = None
        self._is_at_its_end = False

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def next_event(self, timeout_s: float) -> str:
        """Wait for the program's end, or until it only waits; returns "ended", "raised", "waits" or "died".

        It may be called again after "waits": the program may have gone on.

        Raises:
            TimeoutError: neither came in time.
        """
        ready, _, _ = select.select([self._heard], [], [], max(0.0, timeout_s))
        if not ready:
            raise TimeoutError(f"the program neither ended nor came to rest within {timeout_s:g} s")
        events = os.read(self._heard, 1000).decode().splitlines()
        word, _, detail = events[-1].partition(" ") if events else ("died", "", "")
        self.waiting_at = int(detail) if word == "waits" else None
        self._is_at_its_end = word in ("ended", "raised")
        return word

    def end(self) -> int | None:
        """Let the program end, by Ctrl-C where it is not at its end; returns its exit status, None if it was killed."""
        if self._release >= 0:
            os.close(self._release)
            self._release = -1
        if self._process.poll() is None and not self._is_at_its_end:
            self._process.send_signal(signal.SIGINT)
        try:
            status: int | None = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            status = None
        with contextlib.suppress(ProcessLookupError):  # nothing is left of its session
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._heard >= 0:
            os.close(self._heard)
            self._heard = -1
        return status
