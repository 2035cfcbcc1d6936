"""What conda-pack's `conda-unpack` does after unpacking, done before the directory is at its final place."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from conda_pack.prefixes import replace_prefix

from legacy.environments.job import Job
from legacy.errors import EnvironmentFailedError

SCRIPT = "bin/conda-unpack"
_RECORDS = "_prefix_records = "


def relocate(directory: Path, final: Path, job: Job) -> None:
    """Write the final path into every file that mentions the path the environment was made at.

    The list of those files is read out of the archive's own conda-unpack script, which is not run: it would write the
    path that the directory has now. Without a script (an archive packed for a fixed place) nothing is written.

    Args:
        directory: the unpacked environment.
        final: where it will be.

    Raises:
        EnvironmentFailedError: the script has another form, or a file cannot hold the path.
    """
    script = directory / SCRIPT
    if not script.is_file():
        return
    records = prefix_records(script.read_text(errors="replace"), job.label)
    root = os.path.realpath(directory)
    for number, (name, placeholder, mode) in enumerate(records):
        job.step("relocating", number / len(records))
        path = directory / name
        if not os.path.realpath(path).startswith(root + os.sep) or not path.is_file() or path.is_symlink():
            raise EnvironmentFailedError(
                f"environment {job.label}: the archive is refused: it wants to rewrite {name!r}, which is no file in it"
            )
        data = path.read_bytes()
        try:
            changed = replace_prefix(data, mode, placeholder, str(final))
        except ValueError as error:
            raise EnvironmentFailedError(
                f"environment {job.label}: {name} has no room for the path {final} ({error}); choose a shorter "
                "one with SERVE_COMPAT_ENVIRONMENTS_DIR"
            ) from error
        if changed != data:
            path.write_bytes(changed)


def prefix_records(script: str, label: str = "") -> list[tuple[str, str, str]]:
    """(file, the path to replace, "text" or "binary") of every file that conda-unpack would rewrite.

    Raises:
        EnvironmentFailedError: the script does not say it in the known form.
    """
    try:
        listed = script[script.index(_RECORDS) + len(_RECORDS) :]
        found = ast.literal_eval(listed[: listed.index("\n]") + 2])
        return [(str(name), str(placeholder), str(mode)) for name, placeholder, mode in found]
    except (ValueError, SyntaxError, TypeError) as error:
        raise EnvironmentFailedError(
            f"environment {label}: the archive's {SCRIPT} has an unknown form; pack it again with "
            "`serve-compat env pack` or conda-pack 0.7 or newer"
        ) from error
