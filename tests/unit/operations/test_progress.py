import io
import threading

import pytest

from legacy.errors import InstanceError
from serve_compat.operations import progress


class Terminal(io.StringIO):
    """Sets an event once a line was shown."""

    def __init__(self):
        super().__init__()
        self.seen = threading.Event()

    def isatty(self):
        return True

    def write(self, text):
        if ", " in text:
            self.seen.set()
        return super().write(text)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(progress, "QUIET_S", 0.01)
    monkeypatch.setattr(progress, "STEP_S", 0.01)


def test_without_a_terminal_nothing_is_shown():
    stream = io.StringIO()
    assert (progress.waiting("scaling", lambda: 7, stream=stream), stream.getvalue()) == (7, "")


def test_on_a_terminal_a_line_shows_how_far_it_is_and_goes_away():
    terminal = Terminal()
    assert progress.waiting("scaling", lambda: terminal.seen.wait(10), lambda: "1/2 replicas", terminal) is True
    assert "scaling, 0 s: 1/2 replicas" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_its_error_is_raised_here():
    def fail():
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        progress.waiting("scaling", fail, stream=Terminal())


def test_a_look_that_fails_does_not_end_the_wait():
    terminal = Terminal()

    def look():
        raise InstanceError("gone")

    assert progress.waiting("deleting", lambda: terminal.seen.wait(10), look, terminal) is True


def test_giving_up_says_that_the_cluster_goes_on():
    terminal = Terminal()

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        progress.waiting("scaling", lambda: terminal.seen.wait(10), interrupt, terminal)
    terminal.seen.set()
    assert "the cluster goes on" in terminal.getvalue()


def test_what_a_block_does_is_shown_on_a_terminal_only():
    terminal, plain = Terminal(), io.StringIO()
    with progress.announced("connecting", terminal), progress.announced("connecting", plain):
        assert terminal.getvalue() == "\r\x1b[Kconnecting ..."
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert plain.getvalue() == ""
