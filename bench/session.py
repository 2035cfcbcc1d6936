"""Starts a system under test as a process of its own, alone in a network namespace when the machine allows it."""

from __future__ import annotations

import functools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from bench.peers import ROOT
from bench.systems import SPECS
from bench.systems.base import MARK

ISOLATED = ["unshare", "-n", "bash", "-c", 'ip link set lo up; exec "$@"', "bash"]
ISOLATED_PORT = 8000
ANSWER_S = 300.0  # the longest a command may take
STOP_S = 30.0


class SystemFailedError(RuntimeError):
    """A system under test died or reported an error; the text holds what it said last."""


@functools.cache
def can_isolate() -> bool:
    """Whether this user may make network namespaces."""
    try:
        return subprocess.run([*ISOLATED, "true"], capture_output=True, timeout=20).returncode == 0
    except OSError:
        return False


class Session:
    """One running system; use it as a context manager.

    Args:
        system: a key of SPECS.
        interpreters: "project" and "peers" -> the interpreter of that virtual environment.
        cpus: how many CPUs Ray is told it has in there.
    """

    def __init__(self, system: str, interpreters: dict[str, Path], cpus: int = 4) -> None:
        self.system = system
        self._spec = SPECS[system]
        self._interpreter = interpreters[self._spec.environment]
        self._cpus = cpus
        self._alone = can_isolate()
        self.port = ISOLATED_PORT if self._alone else _free_port()
        self._answers: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> Session:
        self._scratch = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
        self._log = Path(self._scratch.name) / "system.log"
        command = [str(self._interpreter), "-m", self._spec.module, f"--port={self.port}", f"--cpus={self._cpus}"]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*(ISOLATED if self._alone else []), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=self._environment(),
                start_new_session=True,
            )
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.do("start")
        except BaseException:  # also on Ctrl-C: no process may outlive the run
            self._end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                self.do("stop")
        finally:
            self._end()

    @property
    def prefix(self) -> list[str]:
        """The command that enters the system's network namespace."""
        return ["nsenter", f"--net=/proc/{self._process.pid}/ns/net"] if self._alone else []

    def url(self, path: str) -> str:
        """The address of a path, valid behind `prefix`."""
        return f"http://127.0.0.1:{self.port}{path}"

    def do(self, command: str, **args: Any) -> Any:
        """Give the system a command; returns its answer.

        Raises:
            SystemFailedError: it raised, died, or did not answer within ANSWER_S seconds.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": command, "args": args}) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=ANSWER_S)
        except (BrokenPipeError, queue.Empty) as error:
            raise SystemFailedError(f"{self.system}: no answer to {command!r}\n{self._log_tail()}") from error
        if line is None:
            raise SystemFailedError(f"{self.system}: ended during {command!r}\n{self._log_tail()}")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemFailedError(f"{self.system}: {command!r} failed\n{answer['error']}\n{self._log_tail()}")
        return answer["value"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(MARK):
                self._answers.put(line[len(MARK) :])
        self._answers.put(None)

    def _environment(self) -> dict[str, str]:
        scratch = self._scratch.name
        own = {name: text.replace("{scratch}", scratch) for name, text in self._spec.variables.items()}
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("RAY_", "SERVE_"))}
        return {**inherited, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", **own}

    def _log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._scratch.cleanup()


def project_interpreter() -> Path:
    """The interpreter that runs the benchmark: it has this project installed."""
    return Path(sys.executable)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
