from pathlib import Path

import pytest

from legacy.dependencies import REQUIREMENTS

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_what_users_are_told_to_install_is_what_this_project_asks_for():
    tomllib = pytest.importorskip("tomllib", reason="it came with Python 3.11")
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    assert sorted(REQUIREMENTS.values()) == sorted([*project["dependencies"], *extras["fastapi"], *extras["flask"]])
