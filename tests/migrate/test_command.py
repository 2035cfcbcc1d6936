"""The manners of `serve-compat migrate`."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from serve_compat.migrate.command import migrate

OLD = "from ray import serve\n\nclient = serve.connect()\nclient.create_backend('b', str)\n"
NEW = OLD.replace("from ray import serve", "import serve_compat as serve")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments, given=None):
    return CliRunner().invoke(migrate, ["--to", "compat", *arguments], input=given, catch_exceptions=False)


def git(*arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    done = subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_patch_is_printed_and_nothing_is_written_by_default():
    Path("a.py").write_text(OLD)
    done = run("a.py")
    assert done.exit_code == 1
    assert done.stdout.startswith("--- a/a.py\n+++ b/a.py\n")
    assert Path("a.py").read_text() == OLD


def test_check_says_it_by_the_exit_status_only():
    Path("a.py").write_text(OLD)
    done = run("--check", "a.py")
    assert (done.exit_code, done.stdout) == (1, "")
    Path("a.py").write_text(NEW)
    assert run("--check", "a.py").exit_code == 0


def test_write_keeps_mode_bits_and_symbolic_links():
    Path("real.py").write_text(OLD)
    Path("real.py").chmod(0o754)
    Path("link.py").symlink_to("real.py")
    assert run("--write", "link.py").exit_code == 0
    assert Path("link.py").is_symlink()
    assert Path("real.py").read_text() == NEW
    assert stat.S_IMODE(Path("real.py").stat().st_mode) == 0o754
    assert sorted(os.listdir()) == ["link.py", "real.py"]


@pytest.mark.parametrize(
    "content",
    [
        OLD.encode(),
        OLD.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + OLD.encode(),
        ("# -*- coding: latin-1 -*-\n# caf\xe9\n" + OLD).encode("latin-1"),
        OLD.rstrip("\n").encode(),
        OLD.replace("\n\n", "\n\n\x0c\n").encode(),
        ("if 1:\n\tx = (1,\n\t     2)   # two\n" + OLD + "\n\n\n").encode(),
        OLD.encode() + b"x = 1\r\ny = 2\n",
    ],
    ids=["plain", "crlf", "mark", "latin-1", "no-end", "form-feed", "tabs", "mixed-ends"],
)
def test_the_patch_equals_what_is_written_and_other_bytes_stay(content):
    git("init", "-q")
    Path("a b.py").write_bytes(content)
    git("add", ".")
    git("commit", "-qm", "old")
    Path("p.patch").write_bytes(run("a b.py").stdout_bytes)
    git("-c", "core.autocrlf=false", "apply", "p.patch")
    patched = Path("a b.py").read_bytes()
    git("checkout", "-q", "a b.py")
    assert run("--write", "a b.py").exit_code == 0
    assert Path("a b.py").read_bytes() == patched
    assert patched == content.replace(b"from ray import serve", b"import serve_compat as serve")


def test_a_dirty_work_tree_is_refused_unless_forced():
    git("init", "-q")
    Path("a.py").write_text(OLD)
    Path("b.py").write_text("")
    git("add", ".")
    git("commit", "-qm", "old")
    Path("b.py").write_text("x = 1\n")
    done = run("--write", "a.py")
    assert done.exit_code == 2
    assert "not committed" in done.stderr
    assert Path("a.py").read_text() == OLD
    assert run("--write", "--force", "a.py").exit_code == 0
    assert Path("a.py").read_text() == NEW


def test_one_bad_file_does_not_stop_the_others():
    Path("bad.py").write_text("from ray import serve\ndef f(:\n")
    Path("old.py").write_text("from ray import serve\nprint 'two'\n")
    Path("wrong.py").write_bytes(b"# from ray import serve\nx = '\xff'\n")
    Path("good.py").write_text(OLD)
    done = run("--write", "bad.py", "old.py", "wrong.py", "good.py")
    assert done.exit_code == 2
    assert Path("good.py").read_text() == NEW
    assert "bad.py: line 2" in done.stderr
    assert "Python 2 syntax" in done.stderr
    assert "wrong.py: it cannot be read" in done.stderr


def test_a_file_that_has_nothing_to_do_with_serve_need_not_parse():
    Path("bad.py").write_text("def f(: # array, observe\n")
    Path("latin.py").write_bytes(b"x = '\xe9'  # array, observer\n")
    assert run("bad.py", "latin.py").exit_code == 0


def test_standard_input_becomes_standard_output():
    done = run("--write", "-", given=OLD)
    assert (done.exit_code, done.stdout) == (0, NEW)
    assert run("-", given=OLD).stdout.startswith("--- a/stdin\n")


def test_the_report_has_a_schema_version_and_every_finding():
    Path("a.py").write_text(OLD + "serve.router('e', {})\n")
    done = run("--report", "out.json", "--write", "a.py")
    report = json.loads(Path("out.json").read_text())
    assert done.exit_code == 2
    assert (report["schema_version"], report["to"]) == (1, "compat")
    found = [(each["rule"], each["line"], each["action"]) for each in report["findings"]]
    assert found == [("SC001", 1, "changed"), ("SC003", 5, "never-existed")]
    assert report["summary"]["unresolved"] == 1


def test_unresolved_places_may_be_allowed():
    Path("a.py").write_text("from ray import serve\nserve.router('e', {})\n")
    assert run("--write", "a.py").exit_code == 2
    assert run("--write", "--allow-unresolved", "a.py").exit_code == 0


def test_rules_are_listed_and_chosen_by_id_or_prefix():
    Path("a.py").write_text(OLD)
    listed = run("--list-rules").stdout.splitlines()
    assert any(line.startswith("SC001  compat") for line in listed)
    assert run("--ignore", "SC0", "--write", "a.py").exit_code == 0
    assert Path("a.py").read_text() == OLD
    wrong = run("--select", "XY1", "a.py")
    assert wrong.exit_code == 2
    assert "--list-rules" in wrong.stderr


@pytest.mark.parametrize("arguments", [[], ["nowhere.py"], ["-", "a.py"], ["--to", "moon", "a.py"]])
def test_wrong_usage_is_status_2_and_says_what_is_wrong(arguments):
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Error" in done.stderr


def test_pins_of_an_old_ray_are_told_and_left():
    Path("requirements.txt").write_text("numpy\nray[serve]==1.2.0  # old\n")
    Path("Dockerfile").write_text("FROM rayproject/ray:1.4.1\nRUN pip install 'ray==1.4.1'\n")
    Path("pyproject.toml").write_text('[tool.poetry.dependencies]\nray = "^1.2"\npytest-ray = "1.0"\n')
    Path("environment.yml").write_text("dependencies:\n  - ray=1.1.0\n  - pip:\n    - ray>=2.50\n")
    done = run(".")
    places = sorted(line.split(": SC007")[0] for line in done.stderr.splitlines() if "SC007" in line)
    assert places == ["Dockerfile:1", "Dockerfile:2", "environment.yml:2", "pyproject.toml:2", "requirements.txt:2"]
    assert done.exit_code == 0


def test_it_runs_where_ray_is_not_installed(tmp_path):
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError('No module named ray')\n")
    Path("a.py").write_text(OLD)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "serve_compat", "migrate", "--to", "compat", "--write", "a.py"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, Path("a.py").read_text()) == (0, NEW), done.stderr


@pytest.mark.parametrize("name", ['a "q".py', "a\tb.py", "back\\slash.py", "\u00e9.py", "a  b.py", "real/../real.py"])
def test_a_patch_for_any_name_applies(name):
    git("init", "-q")
    Path("real").mkdir()
    Path(name).write_text(OLD)
    Path("p.patch").write_bytes(run(name).stdout_bytes)
    git("apply", "p.patch")
    assert Path(name).read_text() == NEW


def test_a_patch_names_the_file_behind_a_link_and_the_top_for_files_above(monkeypatch):
    git("init", "-q")
    Path("sub").mkdir()
    Path("real.py").write_text(OLD)
    Path("sub/link.py").symlink_to("../real.py")
    monkeypatch.chdir("sub")
    done = run("link.py")
    assert "--- a/real.py\n" in done.stdout
    assert f"the patch is to be applied in {Path.cwd().parent}" in done.stderr


@pytest.mark.parametrize(
    "expression",
    ["(" * 20_000 + ")" * 20_000, "+".join("1" * 5000), "+".join("1" * 700), "a" + ".b()" * 9000],
    ids=["parentheses", "sum", "shorter-sum", "calls"],
)
def test_an_expression_too_deep_for_the_parser_spoils_no_other_file(expression):
    Path("deep.py").write_text(f"from ray import serve\nx = {expression}\n")
    Path("good.py").write_text(OLD)
    done = run("--write", "deep.py", "good.py")
    assert done.exit_code == 2
    assert "deep.py: its expressions are nested too deeply" in done.stderr
    assert Path("good.py").read_text() == NEW


def test_unreadable_neighbours_spoil_no_other_file():
    Path("cookie.py").write_text("# -*- coding: nonsense -*-\n# ray serve\n")
    Path("requirements.txt").symlink_to("nowhere")
    Path("good.py").write_text(OLD + "from cookie import x\n")
    done = run("--to", "deployment", "--write", ".")
    assert "cookie.py: it cannot be read: unknown encoding" in done.stderr
    assert "stage failed" not in done.stderr
    assert "serve_compat" in Path("good.py").read_text()


def test_a_file_that_changes_meanwhile_is_not_overwritten(monkeypatch):
    Path("a.py").write_text(OLD)
    monkeypatch.setattr(
        "serve_compat.migrate.files.git.uncommitted", lambda paths: Path("a.py").write_text("mine\n") and []
    )
    done = run("--write", "a.py")
    assert (done.exit_code, Path("a.py").read_text()) == (2, "mine\n")
    assert "it changed while the tool ran" in done.stderr


def test_stopping_leaves_whole_files_and_has_a_status_of_its_own(monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    Path("a.py").write_text(OLD)
    monkeypatch.setattr(os, "replace", stop)
    done = run("--write", "a.py")
    assert (done.exit_code, Path("a.py").read_text(), os.listdir()) == (130, OLD, ["a.py"])


def test_what_python_thinks_of_the_users_strings_is_not_told():
    Path("a.py").write_text(OLD + "x = '\\d'\n")
    command = [sys.executable, "-W", "always", "-m", "serve_compat", "migrate", "-q", "--to", "compat", "a.py"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "invalid escape" in done.stderr) == (1, False), done.stderr


def test_the_report_tells_what_could_not_be_written_and_needs_a_place_itself(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    Path("a.py").write_text(OLD)
    done = run("--report", "no/where.json", "a.py")
    assert (done.exit_code, "no/where.json" in done.stderr) == (2, True)
    monkeypatch.setattr("serve_compat.migrate.files.source.write", full)
    assert run("--report", "out.json", "--write", "a.py").exit_code == 2
    [file] = json.loads(Path("out.json").read_text())["files"]
    assert "No space left" in file["error"]


def test_a_patch_for_files_outside_of_the_repository_applies_above_both(monkeypatch):
    Path("repository").mkdir()
    Path("beside.py").write_text(OLD)
    monkeypatch.chdir("repository")
    git("init", "-q")
    done = run("../beside.py")
    assert "--- a/beside.py\n" in done.stdout
    assert f"the patch is to be applied in {Path.cwd().parent}" in done.stderr
