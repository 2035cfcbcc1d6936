"""What is installed into a user's environment: what replicas import, in the versions this project allows."""

import importlib.metadata
import json
import shutil

import pytest
from click.testing import CliRunner
from packaging.requirements import InvalidRequirement, Requirement

from serve_compat.cli import main

PIP = """
import json, pathlib, sys
files = [pathlib.Path(each) for each in sys.argv[1:] if pathlib.Path(each).is_file()]
lines = [line for file in files for line in file.read_text().split("\\n")]
pathlib.Path({said!r}).write_text(json.dumps([*sys.argv[1:], *lines]))
sys.exit(1)
"""
OURS = [Requirement(each) for each in importlib.metadata.requires("serve-compat") if "extra ==" not in each]
NEEDED = {"uvicorn", "starlette", "httptools", "uvloop", "pydantic", "websockets"}


@pytest.fixture
def asked_of_pip(tmp_path, monkeypatch):
    """Gives the requirements that an environment's pip is asked for."""
    (tmp_path / "site" / "pip").mkdir(parents=True)
    (tmp_path / "site" / "pip" / "__init__.py").touch()
    (tmp_path / "site" / "pip" / "__main__.py").write_text(PIP.format(said=str(tmp_path / "said")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("SERVE_COMPAT_ENVIRONMENTS_DIR", str(tmp_path / "cache"))

    def asked():
        found = {}
        for each in json.loads((tmp_path / "said").read_text()):
            try:
                found[Requirement(each).name] = Requirement(each).specifier
            except InvalidRequirement:  # an option
                continue
        return found

    return asked


def test_what_a_list_of_packages_lacks_is_installed_in_the_versions_that_are_allowed(
    asked_of_pip, channel_url, tmp_path
):
    (tmp_path / "environment.yml").write_text(f"channels: ['{channel_url}']\ndependencies: [demo-dep]\n")
    done = CliRunner().invoke(main, ["env", "check", str(tmp_path / "environment.yml")])
    assert done.exit_code == 1, done.output
    found = asked_of_pip()
    assert set(found) >= {"ray"} | NEEDED
    assert {each.name: str(each.specifier) for each in OURS if each.name in NEEDED} == {
        name: str(found[name]) for name in NEEDED
    }


def test_the_repair_of_an_environment_names_the_versions_that_are_allowed(two_prefixes, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(two_prefixes["dep2"], bare, symlinks=True)
    next(bare.glob("lib/python*/site-packages/zz_shared.pth")).unlink()
    done = CliRunner().invoke(main, ["env", "check", str(bare)])
    assert done.exit_code == 1, done.output
    assert f"{bare}/bin/python -m pip install" in done.output
    (uvicorn,) = (each for each in OURS if each.name == "uvicorn")
    assert "serve-compat" not in done.output.split("pip install")[1]
    assert [bound for bound in str(uvicorn.specifier).split(",") if bound not in done.output] == []
