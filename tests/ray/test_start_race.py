"""Several programs start one detached instance at the same time: one effect, and all of them have it."""

import subprocess

import pytest

from tests.ray.cluster import environment, runner

START = """
import sys, ray
ray.init(sys.argv[1], namespace="all", log_to_driver=False)
from ray import serve
print("ready", flush=True)
sys.stdin.readline()
try:
    serve.init() if sys.argv[2] == "3" else serve.start(detached=True)
    serve.create_backend(sys.argv[2], lambda request: "here")
    print("done")
except Exception as error:
    print(type(error).__module__, type(error).__name__, error)
print("said", flush=True)
sys.stdin.readline()
print(sorted(serve.list_backends()), flush=True)
sys.stdin.readline()
if sys.argv[2] == "0":
    serve.shutdown()
"""


@pytest.mark.slow
def test_all_of_them_have_it(cluster, tmp_path):
    (tmp_path / "program.py").write_text(START)
    command = runner(str(tmp_path / "program.py"), cluster.address)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    env = environment(RAY_TMPDIR=cluster.directory)
    programs = [subprocess.Popen([*command, str(number)], env=env, **pipes) for number in range(4)]
    try:
        assert together(programs, "ready") == [[]] * 4
        assert together(programs, "said") == [["done"]] * 4
        assert [program.stdout.readline() for program in programs] == ["['0', '1', '2', '3']\n"] * 4
        for program in programs:
            assert program.communicate("end\n", timeout=90) == ("", None)
    finally:
        for program in programs:
            program.kill()
            program.communicate()


def together(programs, until):
    """Lets all go on at once; what each says before that word."""
    said = []
    for program in programs:
        lines = []
        while (line := program.stdout.readline().strip()) != until:
            assert line, "it ended"
            lines.append(line)
        said.append(lines)
    for program in programs:
        program.stdin.write("go\n")
        program.stdin.flush()
    return said
