"""Who may read a channel's or an index's password: nobody but the program that needs it."""

import glob
import http.server
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from legacy.environments.overlay import _parted
from serve_compat.cli import main

SECRETS = ("s3cret", "t0ken")


class Watching(http.server.ThreadingHTTPServer):
    """Has nothing, and notes the command lines of this machine whenever somebody asks for something."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Nothing)
        self.command_lines: set[bytes] = set()


class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                self.server.command_lines.add(Path(path).read_bytes())
            except OSError:  # it ended meanwhile
                continue
        self.send_error(404)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Watching() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Runs `serve-compat env check` on an environment.yml where there is no conda; gives what it says."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for name in ("MAMBA_EXE", "CONDA_EXE", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SERVE_COMPAT_ENVIRONMENTS_DIR", str(tmp_path / "cache"))

    def run(text):
        (tmp_path / "environment.yml").write_text(text)
        done = CliRunner().invoke(main, ["env", "check", str(tmp_path / "environment.yml")])
        assert done.exit_code == 1, done.output
        return done.output

    return run


def test_a_channels_password_is_on_no_command_line_and_in_no_error(server, check):
    url = f"http://me:s3cret@127.0.0.1:{server.server_port}/t/t0ken/ours"
    said = check(f"channels: ['{url}']\ndependencies: [nothing-like-it]\n")
    assert server.command_lines, said
    assert [line for line in server.command_lines for secret in SECRETS if secret.encode() in line] == []
    assert [secret for secret in SECRETS if secret in said] == [], said
    assert f"127.0.0.1:{server.server_port}" in said


def test_an_indexs_password_is_on_no_command_line_and_in_no_error(server, check, channel_url):
    index = f"http://me:s3cret@127.0.0.1:{server.server_port}/t0ken/simple"
    pip = f"{{pip: ['--index-url {index}', nothing-like-it]}}"
    said = check(f"channels: ['{channel_url}']\ndependencies: [demo-dep, shared-site, {pip}]\n")
    assert server.command_lines, said
    assert [line for line in server.command_lines for secret in SECRETS if secret.encode() in line] == []
    assert "s3cret" not in said
    assert "nothing-like-it" in said


def test_what_a_conda_program_is_given_and_says_is_for_nobody_else(server, check, tmp_path, monkeypatch):
    program = tmp_path / "micromamba"
    program.write_text(f'#!/bin/sh\nstat -c %a "$6" > {tmp_path}/mode\ncat "$6" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("MAMBA_EXE", str(program))
    said = check("channels: ['http://me:s3cret@127.0.0.1/ours']\ndependencies: [nothing-like-it]\n")
    assert "nothing-like-it" in said
    assert "s3cret" not in said
    assert (tmp_path / "mode").read_text().strip() == "600"


def test_what_pip_takes_on_its_command_line_only_stays_there_unless_it_may_hold_a_password():
    arguments = ("--timeout", "5", "-i", "https://me:pw@h", "--proxy=http://me:pw@p", "a @ https://u@h", "b==1")
    assert _parted(arguments) == (
        ["--timeout", "5", "b==1"], ["-i https://me:pw@h", "a @ https://u@h"], {"PIP_PROXY": "http://me:pw@p"}
    )  # fmt: skip
