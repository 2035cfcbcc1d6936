"""Run another program with the job's deadline; nothing of it outlives the deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from legacy.environments.job import Job
from legacy.errors import EnvironmentFailedError
from legacy.redaction import redacted

SHOWN_CHARACTERS = 3000  # of what a program said before it failed


@dataclass(frozen=True)
class Given:
    """What a program is given besides its command line, which everybody on the machine can read.

    Attributes:
        text: its standard input.
        secrets: what errors must not show.
    """

    text: str = ""
    secrets: Collection[str] = ()


NOTHING = Given()


def run(
    command: Sequence[str],
    job: Job,
    what: str,
    environ: Mapping[str, str],
    cwd: str | None = None,
    given: Given = NOTHING,
) -> str:
    """Run the command; returns what it wrote to its standard output.

    Args:
        what: the step, for status and errors.
        environ: the program's whole environment.

    Raises:
        EnvironmentFailedError: it cannot be started, fails, or takes longer than the job's step may.
    """
    job.step(what)
    with tempfile.TemporaryFile() as put, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        put.write(given.text.encode())
        put.seek(0)
        try:
            process = subprocess.Popen(
                command, stdin=put, stdout=out, stderr=err, env=dict(environ), cwd=cwd,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise EnvironmentFailedError(f"environment {job.label}: {what}: {command[0]}: {error}") from error
        try:
            while not _ended(process):
                job.step(what)
        finally:
            # also its children, and also when the time is up or the job was cancelled
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        said = out.read().decode(errors="replace")
        if process.returncode:
            err.seek(0)
            errors = err.read().decode(errors="replace").strip() or said.strip()
            text = f"{' '.join(command[:4])} ...\n{errors[-SHOWN_CHARACTERS:]}"
            raise EnvironmentFailedError(
                f"environment {job.label}: {what} failed with status {process.returncode}: "
                f"{redacted(text, given.secrets)}"
            )
        return said


def _ended(process: subprocess.Popen[bytes]) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)
        return True
    return False
