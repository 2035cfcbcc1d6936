import os
import signal
import subprocess
import sys

import pytest

from legacy.control.process_state import computes

HOLDS_THE_LOCK = "print('go', flush=True); pow(3, 10**9)"
SLEEPS = "print('go', flush=True); import time; time.sleep(60)"


@pytest.fixture
def process():
    started = []

    def start(code):
        started.append(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "go\n"
        return started[-1].pid

    yield start
    for each in started:
        each.kill()
        each.communicate()


def test_a_process_that_computes_with_pythons_lock_held_is_seen_to(process):
    assert computes(process(HOLDS_THE_LOCK))


def test_a_process_that_sleeps_or_is_stopped_does_not_compute(process):
    assert not computes(process(SLEEPS))
    stopped = process(HOLDS_THE_LOCK)
    os.kill(stopped, signal.SIGSTOP)
    assert not computes(stopped)


def test_a_process_that_is_gone_does_not_compute():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not computes(gone.pid)
