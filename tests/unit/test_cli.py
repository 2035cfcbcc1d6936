import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from legacy.settings import with_changes
from serve_compat.cli import main
from serve_compat.runner.alias import SITE
from serve_compat.runner.variables import environment_changes

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments, cwd, path=()):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), str(ROOT)]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "serve_compat", "run", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "import sys\n"
        "print(__name__, sys.argv, sys.path[0] == sys.argv[0].rpartition('/')[0])\n"
        "from ray import serve\n"
        "print(serve.__name__)\n"
        "sys.exit(3)\n"
    )
    return path


def test_a_script_runs_as_if_started_plainly(program, tmp_path):
    done = run(str(program), "a", "--b", "-m", "--help", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert done.stdout.splitlines() == [f"__main__ {[str(program), 'a', '--b', '-m', '--help']} True", "serve_compat"]


def test_a_module_runs_with_its_own_arguments(program, tmp_path):
    done = run("-m", "program", "--help", "x", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "--help" in done.stdout
    assert done.stdout.endswith("serve_compat\n")


def test_sub_processes_of_the_program_are_aliased_too(tmp_path):
    (tmp_path / "outer.py").write_text(
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'from ray import serve; print(serve.__name__)'], check=True)\n"
    )
    assert run(str(tmp_path / "outer.py"), cwd=tmp_path).stdout == "serve_compat\n"


def test_the_users_own_sitecustomize_still_runs(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import sys\nsys.custom = 'mine'\n")
    (tmp_path / "program.py").write_text("import sys\nprint(sys.custom)\n")
    assert run(str(tmp_path / "program.py"), cwd=tmp_path, path=[tmp_path / "own"]).stdout == "mine\n"


def test_rays_own_servers_keep_the_real_ray_serve(tmp_path):
    server = tmp_path / "ray" / "dashboard" / "agent.py"
    server.parent.mkdir(parents=True)
    server.write_text(
        "import sys\nprint([type(finder).__name__ for finder in sys.meta_path if '_Finder' in repr(finder)])\n"
    )
    done = subprocess.run(
        [sys.executable, str(server)], env=with_changes(environment_changes(str(ROOT))), capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("arguments", [[], ["-m"], ["no/such/script.py"]])
def test_a_program_that_is_not_there_is_a_usage_error(arguments):
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 2
    assert "Error" in result.output


def test_help_says_what_run_does():
    result = CliRunner().invoke(main, ["run", "--help"])
    assert result.exit_code == 0
    assert "from ray import serve" in result.output


def test_the_environment_puts_our_directory_first_once():
    again = environment_changes(environment_changes(f"/a{os.pathsep}/b")["PYTHONPATH"])
    assert again == {"PYTHONPATH": os.pathsep.join([SITE, "/a", "/b"])}


def test_the_era_reaches_the_program_and_its_sub_processes(tmp_path):
    (tmp_path / "program.py").write_text(
        "import subprocess, sys\n"
        "code = 'from legacy import eras; print(eras.chosen().name)'\n"
        "exec(code)\n"
        "subprocess.run([sys.executable, '-c', code], check=True)\n"
        "print(sys.argv[1:])\n"
    )
    done = run("--era", "1.0", str(tmp_path / "program.py"), "--era", "x", cwd=tmp_path)
    assert sorted(done.stdout.splitlines()) == ["1.0", "1.0", "['--era', 'x']"], done.stderr


def test_an_unknown_era_is_a_usage_error():
    result = CliRunner().invoke(main, ["run", "--era", "1.1", __file__])
    assert result.exit_code == 2
    assert "1.13" in result.output


def test_an_interpreter_too_old_for_us_is_left_alone(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('own')\n")
    site = os.path.join(SITE, "sitecustomize.py")
    code = f"import runpy, sys; sys.version_info = (3, 8); del sys.orig_argv; runpy.run_path({site!r})"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("own\n", "")


def test_every_verb_is_listed_and_has_a_help_text():
    context = click.Context(main)
    verbs = main.list_commands(context)
    assert {"run", "status", "verify", "explain"} <= set(verbs)
    assert all(main.get_command(context, verb).help for verb in verbs)


def test_explaining_needs_no_ray(tmp_path):
    code = (
        "import sys; sys.modules['ray'] = None; from serve_compat.cli import main; main(['explain', 'create_backend'])"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "deployment" in done.stdout


WITHOUT_RAY = (
    "import sys\n"
    "class Absent:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.partition('.')[0] in ('ray', 'pydantic', 'starlette', 'uvicorn'):\n"
    "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
    "sys.meta_path.insert(0, Absent())\n"
    "from serve_compat.cli import main\n"
    "main()\n"
)


def without_ray(*arguments, cwd):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WITHOUT_RAY, *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100)


def test_migrate_and_explain_work_where_ray_is_not_installed(tmp_path):
    (tmp_path / "old.py").write_text("from ray import serve\nclient = serve.start()\nclient.create_backend('b', len)\n")
    assert without_ray("migrate", "--diff", "old.py", cwd=tmp_path).stdout.startswith("--- a/old.py")
    assert "create_backend" in without_ray("explain", "create_backend", cwd=tmp_path).stdout


@pytest.mark.parametrize("verb", ["status", "verify a.py b.py", "run old.py"])
def test_a_verb_that_needs_what_is_not_installed_says_so(verb, tmp_path):
    done = without_ray(*verb.split(), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: this needs ")
    assert re.search(r"which is not installed here: pip install '\w+.*>=[^']+'\n$", done.stderr)


def test_the_help_lists_all_verbs_where_ray_is_not_installed(tmp_path):
    assert "\n  migrate " in without_ray("--help", cwd=tmp_path).stdout
