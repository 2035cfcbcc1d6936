"""A program that gets SIGTERM has all the time it needs to end in order, under the runner and without it."""

import signal
import sys

import pytest

from tests.ray.cluster import free_port, runner
from tests.ray.test_runner_lives import KEEPS_ALIVE, left_behind, started

SLOWLY = """
import atexit
atexit.register(lambda: (time.sleep(4), print("ended in order", flush=True)))
"""
COMMANDS = {
    "from ray import serve": runner,
    "import serve_compat as serve": lambda *arguments: [sys.executable, *arguments],
}


@pytest.mark.slow
@pytest.mark.parametrize("imported", COMMANDS)
def test_an_end_that_takes_longer_than_rays_alarm_is_no_abort(imported, tmp_path):
    text = KEEPS_ALIVE.replace('print("ready"', f'{SLOWLY}print("ready"').replace("from ray import serve", imported)
    with started(text, tmp_path, free_port(), command_of=COMMANDS[imported]) as (process, mark):
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "ended in order\n"
        assert process.wait(60) == 15
        assert left_behind(mark) == []
