import json
import time
from pathlib import Path

import pytest

from legacy.environments import preflight
from legacy.environments.interpreter import prepare_interpreter
from legacy.environments.job import Job
from legacy.environments.preflight import Found, Needed, check, judge, needed_here, probe
from legacy.environments.wanted import Wanted
from legacy.errors import EnvironmentFailedError
from tests.conda_channel import environment

NEEDED = Needed("3.11", "2.60.0", ("uvicorn", "legacy.replica.replica"))


def fake(tmp_path, cache, text):
    """An environment whose python is this shell script."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").write_text("#!/bin/sh\n" + text)
    (tmp_path / "env" / "bin" / "python").chmod(0o755)
    prefix = str(tmp_path / "env")
    return prepare_interpreter(prefix, Wanted("prefix", prefix, "demo"), cache, Job("demo", 30))[0]


def answering(tmp_path, cache, **answer):
    said = json.dumps({"python": "3.11", "ray": "2.60.0", "errors": {}, **answer})
    return fake(tmp_path, cache, f"echo noise\necho '{preflight._ANSWER}{said}'\n")


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        (Found("3.11", "2.60.0"), ()),
        (Found("3.9", "2.50.0", {"uvicorn": "x"}), ("it has Python 3.9, the cluster has 3.11",)),
        (Found("3.11", "2.50.0"), ("it has Ray 2.50.0, the cluster has 2.60.0",)),
        (Found("3.11", "", {"ray": "No module"}), ("it cannot import ray (No module), the cluster has Ray 2.60.0",)),
        (
            Found("3.11", "2.60.0", {"uvicorn": "No module", "legacy.replica.replica": "No module"}),
            ("it cannot import uvicorn (No module)",),
        ),
        (
            Found("3.11", "2.60.0", {"legacy.replica.replica": "broken"}),
            ("it cannot import legacy.replica.replica (broken)",),
        ),
    ],
)
def test_the_verdict_names_what_was_found_and_what_is_needed(found, problems):
    assert judge(found, NEEDED) == problems


def test_a_real_environment_passes_and_says_what_it_has(two_prefixes, cache, job):
    prefix = str(two_prefixes["dep1"])
    made, lease = prepare_interpreter(prefix, Wanted("prefix", prefix, "dep1"), cache, job)
    with lease:
        check(made, "n1", job)
        needed = needed_here()
        assert probe(made, needed, job) == Found(needed.python, needed.ray, {})


def test_an_environment_without_ray_is_refused_with_the_command_that_mends_it(conda_directory, channel_url, cache, job):
    prefix = str(environment(conda_directory, channel_url, "bare", share=False))
    made, _ = prepare_interpreter(prefix, Wanted("prefix", prefix, "bare"), cache, job)
    said = rf"environment bare \({prefix}\) cannot run replicas on node n1: .*cannot import ray .*ModuleNotFoundError"
    with pytest.raises(EnvironmentFailedError, match=said) as error:
        check(made, "n1", job)
    assert f"{prefix}/bin/python -m pip install ray=={needed_here().ray} 'uvicorn>=" in str(error.value)


def test_another_python_is_refused_with_the_command_that_mends_it(tmp_path, cache, job):
    made = answering(tmp_path, cache, python="2.7")
    with pytest.raises(EnvironmentFailedError, match=r"has Python 2\.7, the cluster has .*conda install -p .*python="):
        check(made, "n1", job)


def test_a_python_that_does_not_start_or_answer_is_named(tmp_path, cache, job):
    with pytest.raises(EnvironmentFailedError, match=r"checking failed with status 1[\s\S]*libssl\.so is missing"):
        check(fake(tmp_path / "1", cache, "echo libssl.so is missing >&2; exit 1\n"), "n1", job)
    with pytest.raises(EnvironmentFailedError, match=r"ended without an answer: 'hello"):
        check(fake(tmp_path / "2", cache, "echo hello\n"), "n1", job)


def test_a_python_that_hangs_is_given_up_with_its_children(tmp_path, cache):
    made = fake(tmp_path, cache, f"sleep 600 & echo $! > {tmp_path}/pid; wait\n")
    with pytest.raises(EnvironmentFailedError, match=r"checking took longer than 0\.5 s"):
        check(made, "n1", Job("demo", 0.5))
    process = Path("/proc", (tmp_path / "pid").read_text().strip())
    while process.exists():  # until the kernel has removed it; the test's time limit ends this otherwise
        if process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break  # dead, and only not yet collected by whoever inherited it
        time.sleep(0.01)


def test_the_replicas_variables_count(tmp_path, cache, job):
    made = fake(
        tmp_path,
        cache,
        f'echo "{preflight._ANSWER}{{\\"python\\": \\"$MINE\\", \\"ray\\": \\"\\", \\"errors\\": {{}}}}"\n',
    )
    assert probe(made, NEEDED, job, {"MINE": "yes"}).python == "yes"
