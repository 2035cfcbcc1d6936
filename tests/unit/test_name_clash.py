import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from legacy.name_clash import packages_in_the_way, refusal

ROOT = Path(__file__).resolve().parents[2]


def make_package(directory, name="legacy"):
    (directory / name).mkdir(parents=True)
    (directory / name / "__init__.py").write_text("")
    return directory / name


def test_a_package_or_module_of_the_same_name_is_in_the_way(tmp_path):
    ours = make_package(tmp_path / "site")
    theirs = make_package(tmp_path / "theirs")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "legacy.py").write_text("")
    found = packages_in_the_way("legacy", ours, [str(tmp_path / "theirs"), str(tmp_path / "flat"), str(tmp_path)])
    assert found == [theirs, tmp_path / "flat" / "legacy.py"]
    assert str(theirs) in refusal(theirs)
    assert "Rename" in refusal(theirs)


def test_ourselves_another_copy_and_plain_directories_are_not_in_the_way(tmp_path):
    ours = make_package(tmp_path / "site")
    make_package(tmp_path / "checkout")
    (tmp_path / "checkout" / "serve_compat").mkdir()
    (tmp_path / "data" / "legacy").mkdir(parents=True)
    places = [str(tmp_path / name) for name in ("site", "checkout", "data", "nowhere")]
    assert packages_in_the_way("legacy", ours, places) == []


@pytest.mark.parametrize("statement", ["import serve_compat", "from serve_compat.exceptions import RayServeException"])
def test_a_script_beside_a_package_of_that_name_is_told_so(tmp_path, statement):
    make_package(tmp_path)
    (tmp_path / "script.py").write_text(f"import sys\nsys.path.append({str(ROOT)!r})\n{statement}\n")
    done = subprocess.run([sys.executable, "-E", str(tmp_path / "script.py")], capture_output=True, text=True)
    assert "ImportError" in done.stderr
    assert str(tmp_path / "legacy") in done.stderr
    assert "Rename" in done.stderr


def test_a_package_of_that_name_in_the_current_directory_would_break_workers(tmp_path):
    make_package(tmp_path)
    code = f"import sys\nsys.path[0] = {str(ROOT)!r}\nimport legacy"
    done = subprocess.run([sys.executable, "-E", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "ImportError" in done.stderr
    assert "Ray's workers" in done.stderr
    shutil.rmtree(tmp_path / "legacy")
    subprocess.run([sys.executable, "-E", "-c", code], cwd=tmp_path, check=True)
