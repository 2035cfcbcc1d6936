from pathlib import Path

import pytest

from legacy import settings
from legacy.environments.lookup import LookupPaths, known_environments, lookup_paths, resolved
from legacy.environments.resolve import Activated
from legacy.environments.wanted import Wanted
from legacy.errors import EnvironmentFailedError, EnvironmentMissingError


def made(prefix: Path):
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").write_text("#!/bin/sh\n")
    (prefix / "bin" / "python").chmod(0o755)
    return str(prefix)


def named(name):
    return Wanted("name", name, name)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def everywhere(tmp_path, home):
    """One environment in each place that conda knows; and the paths."""
    made(tmp_path / "root")
    made(tmp_path / "root" / "envs" / "below")
    made(tmp_path / "mamba" / "envs" / "by_mamba")
    made(tmp_path / "path1" / "by_path")
    made(tmp_path / "configured" / "by_condarc")
    made(home / "shared" / "by_home")
    made(home / ".conda" / "envs" / "by_default")
    made(tmp_path / "project" / "remembered")
    (home / ".condarc").write_text(f"envs_dirs: [{tmp_path}/configured, ~/shared]\n")
    (home / ".conda" / "environments.txt").write_text(f"{tmp_path}/project/remembered\n/gone\n\n")
    return LookupPaths(
        Activated(exe=str(tmp_path / "root" / "bin" / "conda")), str(home), "", f"{tmp_path}/path1:/none",
        str(tmp_path / "mamba"),
    )  # fmt: skip


def test_environments_are_found_wherever_conda_finds_them(everywhere, tmp_path):
    names = {"base", "below", "by_mamba", "by_path", "by_condarc", "by_home", "by_default", "remembered"}
    assert set(known_environments(everywhere)) == names
    for name in names:
        prefix = resolved(named(name), everywhere)
        assert prefix.kind == "prefix"
        assert Path(prefix.value, "conda-meta").is_dir()
    assert resolved(named("base"), everywhere).value == str(tmp_path / "root")


def test_the_rule_of_ray_1_comes_first(tmp_path, home):
    here = made(tmp_path / "envs" / "tf1")
    made(tmp_path / "path1" / "tf1")
    now = made(tmp_path / "envs" / "now")
    paths = LookupPaths(Activated(prefix=now, name="now"), str(home), "", str(tmp_path / "path1"))
    assert resolved(named("tf1"), paths).value == here


def test_a_missing_environment_raises_a_value_error_that_lists_what_there_is(everywhere, tmp_path):
    with pytest.raises(EnvironmentMissingError, match="'missing' does not exist") as error:
        resolved(named("missing"), everywhere)
    assert isinstance(error.value, ValueError)
    assert f"by_path ({tmp_path}/path1/by_path)" in str(error.value)
    assert f"remembered ({tmp_path}/project/remembered)" in str(error.value)


def test_without_any_sign_of_conda_it_is_no_value_error(home):
    with pytest.raises(EnvironmentFailedError, match="neither CONDA_PREFIX nor CONDA_EXE") as error:
        resolved(named("tf1"), LookupPaths(home=str(home)))
    assert not isinstance(error.value, ValueError)


def test_a_directory_must_be_an_environment_with_python(tmp_path):
    prefix = made(tmp_path / "tf1")
    wanted = Wanted("prefix", prefix, "tf1", ("numpy",))
    assert resolved(wanted, LookupPaths()) == wanted
    (tmp_path / "tf1" / "bin" / "python").unlink()
    with pytest.raises(EnvironmentMissingError, match=r"no bin/python; .*conda install"):
        resolved(wanted, LookupPaths())
    with pytest.raises(EnvironmentMissingError, match=r"/none does not exist; no environments were found"):
        resolved(Wanted("prefix", "/none", "none"), LookupPaths())


def test_an_archive_must_be_a_file(tmp_path):
    with pytest.raises(EnvironmentMissingError, match=r"x\.tar\.gz does not exist; .*serve-compat env pack"):
        resolved(Wanted("archive", str(tmp_path / "x.tar.gz"), "x.tar.gz"), LookupPaths())


def test_an_unreadable_configuration_is_left_to_conda(home):
    (home / ".condarc").write_text("envs_dirs: [unclosed")
    assert known_environments(LookupPaths(home=str(home))) == {}


def test_the_places_come_from_the_settings():
    variables = {"CONDA_PREFIX": "/p", "CONDA_ENVS_PATH": "/a", "CONDA_ENVS_DIRS": "/b", "MAMBA_ROOT_PREFIX": "/m"}
    found = lookup_paths(settings.load(variables))
    assert (found.active.prefix, found.envs_path, found.mamba_root_prefix) == ("/p", "/a:/b", "/m")
