import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from legacy.environments.create import (
    conda_program,
    created,
    package_name,
    package_specs,
    program_command,
    spec_digest,
)
from legacy.environments.local import local_prefix
from legacy.environments.lookup import LookupPaths
from legacy.environments.preflight import Needed
from legacy.environments.resolve import Activated
from legacy.environments.solver import as_conda_reads
from legacy.environments.wanted import wanted_environment
from legacy.errors import EnvironmentFailedError
from tests.conda_channel import wheel


@pytest.fixture(autouse=True)
def _no_conda_program(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("MAMBA_EXE", raising=False)


def wanted(channel_url, *dependencies, **more):
    spec = {"channels": [channel_url], "dependencies": list(dependencies), **more}
    return wanted_environment({"runtime_env": {"conda": spec}})


def said(prefix, code):
    command = [f"{prefix}/bin/python", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_environment_is_created_from_conda_and_pip_packages_once(channel_url, cache, job, steps, tmp_path):
    pip = str(wheel(tmp_path, "demo_wheel", "3.0"))
    spec = wanted(channel_url, "demo-dep=2", "shared-site", {"pip": [pip]}, variables={"DEMO": "a b"})
    prefix = local_prefix(spec, cache, job, LookupPaths())
    code = "import demo_dep, demo_wheel, sys; print(demo_dep.__version__, demo_wheel.__version__, sys.version_info[1])"
    assert said(prefix, code) == f"2.0 3.0 {sys.version_info[1]}"
    assert json.loads(Path(prefix, "conda-meta", "state").read_text())["env_vars"] == {"DEMO": "a b"}
    steps.clear()
    assert local_prefix(spec, cache, job, LookupPaths()) == prefix
    assert steps == []


def test_what_cannot_be_solved_is_named_and_leaves_nothing(channel_url, cache, job):
    with pytest.raises(EnvironmentFailedError, match=r"demo: creating failed .*\n[\s\S]*demo-dep 7") as error:
        local_prefix(wanted(channel_url, "demo-dep=7"), cache, job, LookupPaths())
    assert "Traceback" not in str(error.value)
    assert list((cache.root / "created").iterdir()) == []


def test_a_channel_that_is_not_there_is_named(cache, job, tmp_path):
    with pytest.raises(EnvironmentFailedError, match=r"creating failed .*\n[\s\S]*nowhere"):
        local_prefix(wanted((tmp_path / "nowhere").as_uri(), "demo-dep"), cache, job, LookupPaths())


def test_what_a_killed_creator_left_is_made_again(channel_url, cache, job):
    spec = wanted(channel_url, "demo-dep", "shared-site")
    prefix = Path(local_prefix(spec, cache, job, LookupPaths()))
    (prefix / ".serve-compat").unlink()  # the mark is written last
    (prefix / "half-done").write_text("")
    assert local_prefix(spec, cache, job, LookupPaths()) == str(prefix)
    assert not (prefix / "half-done").exists()


def test_the_users_conda_program_is_preferred(tmp_path, cache, job, monkeypatch, two_prefixes):
    program = tmp_path / "micromamba"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/said\ncat "$6" > {tmp_path}/file\n'
                       f'cp -r {two_prefixes["dep2"]} "$4"\n')  # fmt: skip
    program.chmod(0o755)
    monkeypatch.setenv("MAMBA_EXE", str(program))
    spec = wanted("conda-forge", "numpy=1.26")
    prefix = created(spec.value, cache, job, LookupPaths())
    assert (tmp_path / "said").read_text().split()[:5] == ["create", "--yes", "--prefix", prefix, "--file"]
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    asked = {"channels": ["conda-forge"], "dependencies": [f"python {minor}.*", "numpy=1.26"]}
    assert json.loads((tmp_path / "file").read_text()) == asked


def test_the_program_is_the_activated_one_or_the_fastest_on_the_path(tmp_path):
    for name in ("conda", "mamba"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    path = f"/nowhere{os.pathsep}{tmp_path}"
    assert conda_program(LookupPaths(), path) == str(tmp_path / "mamba")
    assert conda_program(LookupPaths(Activated(exe=str(tmp_path / "conda"))), path) == str(tmp_path / "conda")
    assert conda_program(LookupPaths(Activated(exe="/gone/conda")), "/nowhere") is None
    command = ["/x/conda", "env", "create", "--quiet", "--prefix", "/p", "--file", "/f"]
    assert program_command("/x/conda", "/p", "/f") == command


def test_a_spec_gets_this_python_when_it_names_none():
    assert package_specs({"dependencies": ["numpy"]}, "3.11") == (["python 3.11.*", "numpy"], [])
    given = {"dependencies": ["conda-forge::python=3.10", {"pip": ["x"]}]}
    assert package_specs(given, "3.11") == (["conda-forge::python=3.10"], ["x"])


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("numpy", "numpy"),
        ("numpy=1", "numpy"),
        ("a::NumPy >=1", "numpy"),
        ("x[build=1]", "x"),
        ("python-dateutil", "python-dateutil"),
    ],
)
def test_package_names(spec, name):
    assert package_name(spec) == name


@pytest.mark.parametrize(
    ("spec", "read"),
    [
        ("python 3.11", "python ==3.11"),
        ("python  3.11  # why", "python ==3.11"),
        ("numpy=1.26", "numpy 1.26.*"),
        ("numpy = 1.26", "numpy 1.26.*"),
        ("numpy=1.26.*", "numpy 1.26.*"),
        ("numpy 1.26.*", "numpy 1.26.*"),
        ("numpy 1.26*", "numpy 1.26.*"),
        ("numpy==1.26", "numpy ==1.26"),
        ("numpy >= 1.26 , < 2", "numpy >=1.26,<2"),
        ("numpy 1.25|1.26.*", "numpy ==1.25|1.26.*"),
        ("numpy=1.26=py311_0", "numpy ==1.26 py311_0"),
        ("numpy 1.26 *mkl", "numpy ==1.26 *mkl"),
        ("numpy=*", "numpy *"),
        ("NumPy", "numpy"),
        ("conda-forge::numpy 1.26", "conda-forge::numpy ==1.26"),
        ("conda-forge/noarch::numpy=1", "conda-forge/noarch::numpy 1.*"),
        ("numpy[version=1.26,build=py311_0]", "numpy ==1.26 py311_0"),
        ("numpy[version='>=1.26']", "numpy >=1.26"),
    ],
)
def test_every_form_of_a_spec_is_read_as_conda_reads_it(spec, read):
    assert str(as_conda_reads(spec)) == read


def test_specs_with_a_space_are_installed_without_conda(channel_url, cache, job):
    spec = wanted(channel_url, "demo-dep 2.0", "shared-site >=0")
    prefix = local_prefix(spec, cache, job, LookupPaths())
    assert said(prefix, "import demo_dep; print(demo_dep.__version__)") == "2.0"


def test_channels_are_those_that_conda_means(cache, job, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("legacy.environments.create.run", lambda command, *_, given, **__: asked.append(given) or "")
    spec = {"channels": ["defaults", "conda-forge", "nodefaults"], "dependencies": ["python"], "variables": {}}
    with pytest.raises(EnvironmentFailedError, match="left no"):
        created(json.dumps(spec), cache, job, LookupPaths())
    channels = json.loads(asked[0].text)["channels"]
    assert channels == ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r", "conda-forge"]


def test_the_name_of_what_is_created_depends_on_what_it_is_made_for():
    needs = [Needed("3.11", "2.60.0"), Needed("3.12", "2.60.0"), Needed("3.11", "2.50.0")]
    assert len({spec_digest("{}", each) for each in needs} | {spec_digest("{ }", needs[0])}) == 4
