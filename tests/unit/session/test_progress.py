import io

import pytest

from legacy.session import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def waits(monkeypatch):
    """How often the work is found not to be done yet."""
    answers = []
    monkeypatch.setattr(progress.ray, "wait", lambda refs, timeout: ([] if answers.pop(0) else refs, []))
    return answers


def test_what_is_done_is_shown_on_one_line_which_is_gone_in_the_end(waits):
    waits += [True, True, True, False]
    said = iter(["", "packing 10%", "packing 60%"])
    terminal = Terminal()
    progress.show_until_done("ref", "m", lambda: (next(said), ""), terminal, 60)
    assert terminal.getvalue() == "\r\x1b[Kpacking 10%\r\x1b[Kpacking 60%\r\x1b[K"


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_nothing_is_written_when_it_is_quick_or_nobody_looks(waits, stream):
    waits += [isinstance(stream, Terminal) is False, False]
    progress.show_until_done("ref", "m", lambda: ("packing", ""), stream, 60)
    assert stream.getvalue() == ""


def test_it_ends_when_the_time_is_up(waits):
    waits += [True] * 4
    terminal = Terminal()
    progress.show_until_done("ref", "m", lambda: ("packing", ""), terminal, 4 * progress.LOOK_S)
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_what_replicas_lack_is_logged_once_wherever_it_goes(waits, caplog):
    waits += [True, True, True, False]
    lacks = iter(["", "each needs {'CPU': 1.0}", "each needs {'CPU': 1.0}"])
    progress.show_until_done("ref", "m", lambda: ("", next(lacks)), io.StringIO(), 60)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'m' is not there yet: each needs {'CPU': 1.0}. It goes on as soon as" in caplog.text
