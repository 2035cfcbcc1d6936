import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from serve_compat.cli import main


@pytest.fixture
def env(two_prefixes, tmp_path, monkeypatch):
    """Runs `serve-compat env ...` where the two environments are conda's and the cache is empty."""
    for name in ("CONDA_PREFIX", "CONDA_EXE", "CONDA_DEFAULT_ENV", "MAMBA_ROOT_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDA_ENVS_PATH", str(two_prefixes["dep1"].parent))
    monkeypatch.setenv("SERVE_COMPAT_ENVIRONMENTS_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["env", *arguments])


def test_environments_and_the_cache_are_listed(env, two_prefixes):
    done = env("list")
    assert done.exit_code == 0
    assert any(line.split()[0] == "dep1" and str(two_prefixes["dep1"]) in line for line in done.output.splitlines()[1:])
    listed = json.loads(env("list", "--json").output)
    assert {"dep1", "dep2"} <= set(listed["environments"])
    assert listed["environments"]["dep1"]["python"].startswith(listed["needed"]["python"])


def test_a_packed_environment_can_be_checked_and_lies_in_the_cache_then(env, tmp_path):
    done = env("pack", "dep1")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("dep1.tar.zst: ")
    done = env("check", "./dep1.tar.zst")
    assert done.exit_code == 0, done.output
    assert "replicas can run" in done.output
    assert [one["kind"] for one in json.loads(env("list", "--json").output)["cache"]["entries"]] == ["prefixes"]


def test_a_file_is_not_replaced_unasked(env, tmp_path):
    (tmp_path / "x.tar.zst").write_text("mine")
    done = env("pack", "dep1", "-o", "x.tar.zst")
    assert (done.exit_code, (tmp_path / "x.tar.zst").read_text()) == (1, "mine")
    assert "--force" in done.output
    assert env("pack", "dep1", "-o", "x.zip").exit_code == 2


def test_an_environment_that_cannot_run_replicas_is_refused(env, two_prefixes, tmp_path):
    prefix = tmp_path / "mine"
    shutil.copytree(two_prefixes["dep2"], prefix, symlinks=True)
    next(prefix.glob("lib/python*/site-packages/zz_shared.pth")).unlink()
    done = env("check", str(prefix))
    assert done.exit_code == 1
    assert "cannot import ray" in done.output
    assert f"{prefix}/bin/python -m pip install" in done.output
    assert json.loads(env("check", "--json", str(prefix)).output)["problems"]


def test_a_name_that_is_none_lists_those_that_are(env):
    done = env("check", "missing")
    assert done.exit_code == 1
    assert "dep2 (" in done.output
    assert not Path("missing.tar.zst").exists()
