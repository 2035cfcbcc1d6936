"""A script that starts an environment's Python as `conda activate` followed by `python` would, without conda."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import uuid
from pathlib import Path

from legacy.environments.cache import Cache
from legacy.environments.disk import explained

_TEMPLATE = """\
#!/usr/bin/env bash
# Starts the Python of a conda environment, activated. Written by serve-compat.
prefix={prefix}
old=${{CONDA_PREFIX-}}
unset PYTHONHOME
if [ -n "$old" ] && [ "$old" != "$prefix" ]; then
  for script in "$old"/etc/conda/deactivate.d/*.sh; do
    [ -r "$script" ] && . "$script" 1>&2
  done
  PATH=":$PATH:"
  PATH="${{PATH//":$old/bin:"/:}}"
  PATH="${{PATH#:}}"
  PATH="${{PATH%:}}"
  export "CONDA_PREFIX_${{CONDA_SHLVL:-1}}=$old"
fi
if [ "$old" != "$prefix" ] || [ -z "${{CONDA_SHLVL-}}" ]; then
  export CONDA_SHLVL=$(( ${{CONDA_SHLVL:-0}} + 1 ))
fi
export PATH="$prefix/bin${{PATH:+:$PATH}}"
export CONDA_PREFIX="$prefix" CONDA_DEFAULT_ENV={name} CONDA_PROMPT_MODIFIER={prompt}
{variables}for script in "$prefix"/etc/conda/activate.d/*.sh; do
  [ -r "$script" ] && . "$script" 1>&2
done
unset prefix old script
export PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}"{links}
exec {python} "$@"
"""


def script(prefix: str, name: str, python: str, links: str, variables: dict[str, str]) -> str:
    """The text of the script. Pure.

    Args:
        prefix: the environment's directory.
        name: the environment's name, for CONDA_DEFAULT_ENV.
        python: the interpreter to start.
        links: a directory that is appended to PYTHONPATH.
        variables: what conda sets besides; they go before the activation scripts, as conda does it.
    """
    exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in sorted(variables.items()))
    return _TEMPLATE.format(
        prefix=shlex.quote(prefix),
        name=shlex.quote(name),
        prompt=shlex.quote(f"({name}) "),
        variables=exports,
        links=shlex.quote(links),
        python=shlex.quote(python),
    )


def environment_variables(prefix: Path) -> dict[str, str]:
    """The variables that packages bring (etc/conda/env_vars.d) and those of `conda env config vars set`."""
    found: dict[str, object] = {}
    for file in sorted((prefix / "etc" / "conda" / "env_vars.d").glob("*.json")):
        found.update(_mapping(file))
    state = _mapping(prefix / "conda-meta" / "state").get("env_vars")
    found.update(state if isinstance(state, dict) else {})
    # conda marks a removed variable with this word
    return {name: str(value) for name, value in found.items() if name.isidentifier() and value != "***unset***"}


def write_wrapper(prefix: str, name: str, python: str, cache: Cache) -> Path:
    """Put the script into the cache, where the environment itself may not be written to; the same call, the same file.

    Raises:
        EnvironmentFailedError: it cannot be written.
    """
    links = package_links(cache)
    text = script(prefix, name, python, str(links), environment_variables(Path(prefix)))
    folder = cache.root / "wrappers" / hashlib.sha256(f"{prefix}\0{name}\0{python}".encode()).hexdigest()[:16]
    wrapper = folder / "python"
    with explained(name, "writing its start script", folder):
        if not wrapper.is_file() or wrapper.read_text() != text:
            folder.mkdir(mode=0o700, exist_ok=True)
            part = folder / f".{uuid.uuid4().hex}"
            part.write_text(text)
            part.chmod(0o700)
            os.replace(part, wrapper)
    return wrapper


def package_links(cache: Cache) -> Path:
    """A directory from which only this project's own packages can be imported, whatever lies beside them here.

    So replicas run the controller's version of this project, and environments need not have it installed.
    """
    root = Path(__file__).resolve().parents[2]
    links = cache.root / "links" / hashlib.sha256(str(root).encode()).hexdigest()[:16]
    with explained("serve-compat", "making links", links):
        links.mkdir(mode=0o700, exist_ok=True)
        for name in ("legacy", "serve_compat"):
            link = links / name
            if not link.is_symlink() and (root / name).is_dir():
                part = links / f".{uuid.uuid4().hex}"
                part.symlink_to(root / name)
                os.replace(part, link)
    return links


def _mapping(file: Path) -> dict[str, object]:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):  # conda ignores what it cannot read, too
        return {}
    return content if isinstance(content, dict) else {}
