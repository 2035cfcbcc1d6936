import json
import os
import subprocess
from pathlib import Path

import pytest

from legacy.environments import activate
from legacy.environments.activate import environment_variables, write_wrapper


@pytest.fixture
def prefix(tmp_path):
    """An environment in a place with a space and a quote in it, whose python shows its arguments and variables."""
    prefix = tmp_path / "Ann's envs" / "demo"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    (prefix / "bin" / "python").write_text('#!/bin/sh\nfor each; do echo "ARG_$each"; done\nenv\n')
    (prefix / "bin" / "python").chmod(0o755)
    return prefix


def script_in(prefix, name, text):
    (prefix / "etc" / "conda" / name).parent.mkdir(parents=True, exist_ok=True)
    (prefix / "etc" / "conda" / name).write_text(text)


def started(prefix, cache, *arguments, **environ):
    wrapper = write_wrapper(str(prefix), "demo", str(prefix / "bin" / "python"), cache)
    said = subprocess.run(
        [wrapper, *arguments], env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True, check=True
    ).stdout
    return dict(line.partition("=")[::2] for line in said.splitlines())


def test_it_sets_what_conda_activate_sets(prefix, cache):
    found = started(prefix, cache)
    assert found["CONDA_PREFIX"] == str(prefix)
    assert (found["CONDA_DEFAULT_ENV"], found["CONDA_SHLVL"]) == ("demo", "1")
    assert found["PATH"] == f"{prefix}/bin:/usr/bin:/bin"
    assert "LD_LIBRARY_PATH" not in found, "conda leaves it to the packages' scripts"


def test_activation_scripts_run_in_order_with_everything_in_place(prefix, cache):
    script_in(prefix, "activate.d/1.sh", 'export FIRST="$CONDA_PREFIX:$STATE" LD_LIBRARY_PATH="$CONDA_PREFIX/lib"\n')
    script_in(
        prefix, "activate.d/2.sh", 'words=(a b)\nif [[ -n $FIRST ]]; then export SECOND="${words[1]}"; fi\nfalse\n'
    )
    script_in(prefix, "env_vars.d/x.json", json.dumps({"STATE": "it's $HOME", "not a name": "x"}))
    found = started(prefix, cache)
    assert found["FIRST"] == f"{prefix}:it's $HOME"
    assert (found["SECOND"], found["LD_LIBRARY_PATH"]) == ("b", f"{prefix}/lib")


def test_scripts_that_print_do_not_disturb_the_output(prefix, cache):
    script_in(prefix, "activate.d/1.sh", "echo CONDA_PREFIX=wrong\n")
    assert started(prefix, cache)["CONDA_PREFIX"] == str(prefix)


def test_the_callers_environment_is_left_first(prefix, cache, tmp_path):
    old = tmp_path / "old"
    script_in(old, "deactivate.d/x.sh", "unset LD_LIBRARY_PATH\n")
    path = f"{old}/bin:/usr/bin:/bin:{old}/bin"
    found = started(prefix, cache, PATH=path, CONDA_PREFIX=str(old), CONDA_SHLVL="1", LD_LIBRARY_PATH=f"{old}/lib")
    assert found["PATH"] == f"{prefix}/bin:/usr/bin:/bin"
    assert (found["CONDA_SHLVL"], found["CONDA_PREFIX_1"]) == ("2", str(old))
    assert "LD_LIBRARY_PATH" not in found


def test_another_pythons_home_is_forgotten_and_its_import_path_kept(prefix, cache):
    found = started(prefix, cache, PYTHONHOME="/elsewhere", PYTHONPATH="/mine")
    assert "PYTHONHOME" not in found
    mine, links = found["PYTHONPATH"].split(":")
    assert mine == "/mine"
    assert sorted(os.listdir(links)) == ["legacy", "serve_compat"]
    assert Path(links, "legacy", "environments", "activate.py").samefile(activate.__file__)


def test_arguments_arrive_as_they_are(prefix, cache):
    assert {"ARG_a b", "ARG_$HOME", "ARG_*"} <= set(started(prefix, cache, "a b", "$HOME", "*"))


def test_the_same_environment_has_one_script_that_follows_changes(prefix, cache):
    write = (str(prefix), "demo", str(prefix / "bin" / "python"), cache)
    wrapper = write_wrapper(*write)
    before = wrapper.stat().st_mtime_ns
    assert write_wrapper(*write) == wrapper
    assert wrapper.stat().st_mtime_ns == before
    (prefix / "conda-meta" / "state").write_text('{"env_vars": {"NEW": "1", "GONE": "***unset***"}}')
    assert write_wrapper(*write) == wrapper
    assert "export NEW=1" in wrapper.read_text()
    assert environment_variables(prefix) == {"NEW": "1"}
