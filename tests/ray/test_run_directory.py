"""What instances remove in the directory that holds their sockets: their own, and nothing of anybody else."""

import os
import socket
import subprocess
import sys
import tempfile

import pytest

import serve_compat as serve
from legacy.replica.server import bind_private
from tests.ray.instance import running_instance

pytestmark = pytest.mark.usefixtures("ray_session")

ELSEWHERE = """
import sys
from legacy.environments.start_link import StartLinks
from legacy.replica.server import bind_private
sock, _ = bind_private(sys.argv[1])
StartLinks(sys.argv[1], "4194303").put("key", "/bin/true")  # no process of this number lives on this side
sock.close()
"""
PLACES = {
    "another pid namespace": ["unshare", "-p", "-f", "--mount-proc"],
    "another boot": [
        *("unshare", "-m", "bash", "-c"),
        'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"',
        "{boot_id}",
    ],
}


@pytest.fixture
def run_directory(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="sc-", dir="/tmp") as place:  # short: the kernel cuts paths of sockets
        monkeypatch.setenv("SERVE_COMPAT_RUN_DIR", place)
        yield place


def below(directory):
    return sorted(os.path.join(top, name) for top, inner, files in os.walk(directory) for name in (*inner, *files))


def test_an_instance_leaves_directories_of_other_programs_alone_whatever_they_are_called(run_directory):
    kept = os.path.join(run_directory, "serve-mine", "environments-4194303")
    os.makedirs(kept, mode=0o700)
    open(os.path.join(kept, "results.csv"), "w").close()
    os.makedirs(os.path.join(run_directory, "serve-empty"), mode=0o700)
    with listening_once(os.path.join(run_directory, "serve-mine", "app.sock")):
        pass  # bound once, and nobody listens: as after a crash of its program
    before = below(run_directory)
    with running_instance(standby_after_s=0):
        serve.create_backend("b", lambda request: "b")
    assert below(run_directory) == before


@pytest.mark.parametrize("place", PLACES)
def test_what_an_instance_of_another_machine_or_container_left_in_a_shared_directory_stays(
    run_directory, tmp_path, place
):
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("3b5d6bd0-0000-4000-8000-5d0f3a2b1c00\n")
    command = [part.format(boot_id=boot_id) for part in PLACES[place]]
    if subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("this user may not make namespaces")
    theirs = os.path.join(run_directory, "serve-theirs")
    subprocess.run([*command, sys.executable, "-c", ELSEWHERE, theirs], check=True)
    before = below(theirs)
    sock, _ = bind_private(os.path.join(run_directory, "serve-ours"))
    with sock:
        assert below(theirs) == before


def listening_once(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    return sock
