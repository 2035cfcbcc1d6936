import os
import subprocess

import pytest

from legacy.environments.start_link import StartLinks, py_executable, sweep


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "a program"
    path.write_text("#!/bin/sh\necho started $1\n")
    path.chmod(0o755)
    return str(path)


def started(directory, key, raylet):
    command = f"exec {py_executable(str(directory), key)} it"
    env = {**os.environ, "RAY_RAYLET_PID": raylet}
    return subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=False).stdout


def test_one_text_starts_what_each_node_has(tmp_path, program):
    directory = tmp_path / "with space"
    StartLinks(str(directory), "71").put("key", program)
    assert started(directory, "key", "71") == "started it\n"
    assert started(directory, "key", "72") == ""


def test_a_key_leads_to_what_was_put_last_until_it_is_removed(tmp_path, program):
    links = StartLinks(str(tmp_path / "d"), "71")
    links.put("key", "/bin/false")
    links.put("key", program)
    assert started(tmp_path / "d", "key", "71") == "started it\n"
    links.remove("key")
    links.remove("key")
    assert started(tmp_path / "d", "key", "71") == ""


def test_closing_removes_the_links_and_an_empty_directory(tmp_path, program):
    one, other = (StartLinks(str(tmp_path / "d"), raylet) for raylet in ("71", "72"))
    one.put("key", program)
    other.put("key", program)
    one.close()
    assert started(tmp_path / "d", "key", "72") == "started it\n"
    other.close()
    assert not (tmp_path / "d").exists()


def test_only_the_links_of_nodes_that_are_gone_are_swept(tmp_path, program):
    child = subprocess.Popen(["true"])
    child.wait()
    for raylet in (str(child.pid), str(os.getpid())):
        StartLinks(str(tmp_path / "d"), raylet).put("key", program)
    sweep(str(tmp_path / "d"))
    assert os.listdir(tmp_path / "d") == [f"environments-{os.getpid()}"]


def test_a_directory_that_others_may_enter_is_refused(tmp_path, program):
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="0700"):
        StartLinks(str(tmp_path / "open"), "71").put("key", program)
