"""legacy.process: a process is ended only while it is the one that was meant."""

from __future__ import annotations

import signal
import subprocess

import pytest

from legacy.process import Process, _began, end, this_process


@pytest.fixture
def sleeping():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_this_process_is_told_from_others(sleeping):
    assert this_process() == this_process() != Process(sleeping.pid, _began(sleeping.pid))


def test_a_stopped_process_is_ended(sleeping):
    sleeping.send_signal(signal.SIGSTOP)
    assert end(Process(sleeping.pid, _began(sleeping.pid)))
    assert sleeping.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("began", ["", "1"])
def test_another_process_of_the_same_number_lives_on(sleeping, began):
    assert not end(Process(sleeping.pid, began))
    assert sleeping.poll() is None


def test_one_that_is_gone_is_none():
    with subprocess.Popen(["true"]) as process:
        meant = Process(process.pid, "1")
    assert not end(meant)
