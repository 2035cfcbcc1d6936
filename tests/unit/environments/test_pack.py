import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from legacy.environments.cache import Cache
from legacy.environments.job import Job
from legacy.environments.pack import packed, taken_over
from legacy.environments.unpack import unpacked
from legacy.errors import EnvironmentFailedError
from tests.unit.environments.archives import archive

SITE = "site-packages"


@pytest.fixture
def prefix(two_prefixes, tmp_path):
    """A copy, in a place with a space in it, that a test may spoil."""
    return Path(shutil.copytree(two_prefixes["dep1"], tmp_path / "my envs" / "dep1", symlinks=True))


@pytest.fixture
def small(tmp_path):
    """An environment of a few files that conda could have made."""
    prefix = tmp_path / "envs" / "small"
    site = prefix / "lib" / "python3.11" / "site-packages"
    (site / "demo_dep").mkdir(parents=True)
    for number in range(20):
        (site / "demo_dep" / f"m{number}.py").write_text(f"where = {str(prefix)!r}\n")
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").write_text("#!/bin/sh\n")
    (prefix / "bin" / "python").chmod(0o755)
    files = ["bin/python", "lib/python3.11/site-packages/demo_dep/m0.py"]
    record = {"name": "python", "version": "3.11.0", "url": "", "files": files, "link": {"source": "/none", "type": 1}}
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / "python-3.11.0-0.json").write_text(json.dumps(record))
    return prefix


def site_of(prefix):
    return next(prefix.glob("lib/python*/site-packages"))


def python(prefix, code):
    command = [f"{prefix}/bin/python", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def test_an_environment_works_where_it_is_unpacked(prefix, cache, job):
    there = unpacked(packed(str(prefix), cache, job), cache, job)
    shutil.rmtree(prefix)
    code = (
        "import demo_dep, sys, sysconfig; print(demo_dep.__version__, sys.prefix, sysconfig.get_config_var('prefix'))"
    )
    assert python(there, code) == f"1.0 {there} {there}"
    mentions = subprocess.run(["grep", "-rlF", str(prefix), there], capture_output=True, text=True).stdout.split()
    assert [each for each in mentions if not each.endswith("/conda-unpack")] == []


def test_the_same_content_has_the_same_hash_whenever_and_however_often_it_was_copied(prefix, tmp_path, job):
    first = packed(str(prefix), Cache(tmp_path / "one", 10**10), job)
    kept = prefix.with_name("kept")
    prefix.rename(kept)
    shutil.copytree(kept, prefix, symlinks=True, copy_function=shutil.copyfile)  # new times, in another order
    for path in kept.rglob("*"):
        if path.is_file() and not path.is_symlink():
            (prefix / path.relative_to(kept)).chmod(path.stat().st_mode)
    second = packed(str(prefix), Cache(tmp_path / "two", 10**10), job)
    assert second.digest == first.digest


def test_it_is_packed_once_until_it_changes(small, cache, job, steps):
    first = packed(str(small), cache, job)
    steps.clear()
    assert packed(str(small), cache, job) == first
    assert not any(step.startswith("packing") for step in steps)
    (site_of(small) / "demo_dep" / "more.py").write_text("")
    assert packed(str(small), cache, job).digest != first.digest


def test_running_it_in_place_is_no_change(prefix, cache, job):
    first = packed(str(prefix), cache, job)
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([prefix / "bin/python", "-c", "import demo_dep"], check=True, env=environ)
    assert list(site_of(prefix).rglob("demo_dep/**/*.pyc")), "it must have been compiled"
    assert packed(str(prefix), cache, job) == first


def test_compiled_bytecode_stays_valid_and_stale_bytecode_stays_behind(prefix, cache, job):
    for name in ("stale", "fresh"):
        (site_of(prefix) / f"{name}.py").write_text("a = 1\n")
    python(prefix, f"import compileall; compileall.compile_dir({str(site_of(prefix))!r}, quiet=1)")
    (site_of(prefix) / "stale.py").write_text("a = 22\n")
    there = Path(unpacked(packed(str(prefix), cache, job), cache, job))
    assert not list(site_of(there).glob("__pycache__/stale.*"))
    said = subprocess.run([there / "bin/python", "-v", "-c", "import fresh"], capture_output=True, text=True).stderr
    assert re.search(r"__pycache__/fresh\.\S+ matches", said)


def test_an_editable_installation_is_refused_with_the_remedy(small, cache, job):
    info = site_of(small) / "mine-1.0.dist-info"
    info.mkdir()
    (info / "direct_url.json").write_text('{"url": "file:///home/me/mine", "dir_info": {"editable": true}}')
    with pytest.raises(EnvironmentFailedError, match=r"(?s)editable.*mine.*without -e .*py_modules"):
        packed(str(small), cache, job)
    assert list((cache.root / "archives").iterdir()) == []


def test_an_editable_installation_of_the_old_kind_is_refused_too(small, cache, job):
    (site_of(small) / "mine.egg-link").write_text("/home/me/mine\n.")
    with pytest.raises(EnvironmentFailedError, match=r"editable.*mine\.egg-link.*without -e"):
        packed(str(small), cache, job)


def test_a_package_that_pip_clobbered_is_refused_with_the_remedy(small, cache, job):
    (site_of(small) / "demo_dep" / "m0.py").unlink()
    with pytest.raises(EnvironmentFailedError, match=r"python.*install those packages again with conda"):
        packed(str(small), cache, job)


def test_a_directory_that_is_no_environment_is_refused(tmp_path, cache, job):
    with pytest.raises(EnvironmentFailedError, match=r"is not a conda environment.*conda-meta"):
        packed(str(tmp_path), cache, job)


def test_links_are_made_relative_or_followed_or_refused(small, tmp_path, cache, job):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "weights").write_text("w")
    (small / "inside").symlink_to(small / "lib")
    (small / "weights").symlink_to(tmp_path / "outside" / "weights")
    (small / "nothing").symlink_to("/nowhere")
    there = Path(unpacked(packed(str(small), cache, job), cache, job))
    assert os.readlink(there / "inside") == "lib"
    assert not (there / "weights").is_symlink()
    assert (there / "weights").read_text() == "w"
    assert not os.path.lexists(there / "nothing")
    (small / "directory").symlink_to(tmp_path / "outside")
    with pytest.raises(EnvironmentFailedError, match="the link directory leads out of it to the directory"):
        packed(str(small), cache, job)


def test_progress_is_told_and_the_deadline_kept(small, cache):
    told = []
    ticks = iter(range(10**6))
    packed(str(small), cache, Job("demo", 10**6, told.append, clock=lambda: next(ticks)))
    assert "packing 50%" in told
    (small / "changed").write_text("")
    with pytest.raises(EnvironmentFailedError, match=r"demo: .* took longer than 10 s"):
        packed(str(small), cache, Job("demo", 10, clock=lambda: next(ticks)))
    assert not list((cache.root / "archives").glob(".*"))


def test_a_users_archive_is_taken_as_it_lies(tmp_path, cache, job):
    given = archive(tmp_path / "mine.tar.gz")
    assert taken_over(given.path, cache, job) == given
    with pytest.raises(EnvironmentFailedError, match=r"reading in .*missing"):
        taken_over(str(tmp_path / "missing.tar.gz"), cache, job)
