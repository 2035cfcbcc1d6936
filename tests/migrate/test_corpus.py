"""Whole programs: whatever becomes of them compiles, stays as it is, and is the same by steps and directly."""

from pathlib import Path

import pytest

from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import migrate
from serve_compat.migrate.rule import STAGES

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("examples/*.py", "tests/migrate/programs/*.py", "tests/ray/test_*.py")
PROGRAMS = sorted(path for pattern in FOLDERS for path in ROOT.glob(pattern))


def after(text, stage):
    [result] = migrate({"program.py": text}, Options(to=stage))
    assert not result.error
    return result.after


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_result_compiles_and_does_not_depend_on_the_way(path):
    steps = text = path.read_text()
    for stage in STAGES:
        made = after(text, stage)
        compile(made, str(path), "exec", dont_inherit=True)
        steps = after(steps, stage)
        assert steps == made
        assert after(made, stage) == made


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/migrate/programs/*.py")), ids=lambda path: path.stem)
def test_ordinary_programs_need_no_hand_on_their_way_to_stock_ray(path):
    made = after(path.read_text(), "serve")
    assert "TODO" not in made
    assert "serve_compat" not in made


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_compat_stage_changes_lines_with_imports_only(path):
    before = path.read_text().splitlines()
    made = after("\n".join(before) + "\n", "compat").splitlines()
    assert all("import" in line or "ray.serve" in line for line in set(before) - set(made))
