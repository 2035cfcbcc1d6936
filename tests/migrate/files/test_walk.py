import os
from pathlib import Path

import pytest

from serve_compat.migrate.files.walk import Walk


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")


def test_directories_are_walked_without_what_others_made():
    make("a.py", "b/c.ipynb", "b/d.txt", ".venv/x.py", "node_modules/y.py", "env/pyvenv.cfg", "env/z.py", "build/w.py")
    assert Walk(["."]).run().sources == ["a.py", "b/c.ipynb"]


def test_ignore_files_hold_from_the_top_of_the_repository_down():
    make(".git/HEAD", "p/a.py", "p/out/b.py", "p/q/gen_c.py", "p/q/gen_keep.py")
    Path(".gitignore").write_text("out/\ngen_*.py\n")
    Path("p/q/.gitignore").write_text("!gen_keep.py\n")
    assert Walk(["p"]).run().sources == ["p/a.py", "p/q/gen_keep.py"]


def test_a_file_that_is_named_is_taken_even_when_ignored():
    make(".git/HEAD", "out/b.py")
    Path(".gitignore").write_text("out/\n")
    assert Walk(["out/b.py", "*.nothing"]).run().sources == ["out/b.py"]
    assert Walk(["*.nothing"]).run().missing == ["*.nothing"]


def test_globs_and_excludes_and_absolute_paths(tmp_path):
    make("a/x.py", "a/test_x.py", "b/y.py")
    assert Walk(["*/*.py"]).run().sources == ["a/test_x.py", "a/x.py", "b/y.py"]
    assert Walk(["."], ["test_*"]).run().sources == ["a/x.py", "b/y.py"]
    assert Walk([str(tmp_path / "b")]).run().sources == [str(tmp_path / "b" / "y.py")]


def test_links_are_followed_once_only():
    make("a/x.py")
    Path("a/again").symlink_to(Path("a").resolve())
    Path("z.py").symlink_to("a/x.py")
    assert Walk(["."]).run().sources == ["a/x.py"]


def test_files_that_may_pin_ray_are_kept_apart():
    make("requirements-dev.txt", "setup.py", "x/Dockerfile.gpu", "conda/environment.yaml", "README.md")
    walk = Walk(["."]).run()
    assert walk.pin_files == ["conda/environment.yaml", "requirements-dev.txt", "setup.py", "x/Dockerfile.gpu"]
    assert walk.sources == ["setup.py"]


def test_a_file_counts_under_its_own_name_not_under_that_of_a_link():
    make("z/x.py", "z/y.py")
    Path("a.py").symlink_to("z/x.py")
    Path("b").symlink_to("z")
    Path("broken.py").symlink_to("nowhere.py")
    os.mkfifo("pipe.py")
    assert Walk(["."]).run().sources == ["z/x.py", "z/y.py"]
