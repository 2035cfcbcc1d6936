import os
import sys
import tempfile

import pytest

from serve_compat.verify.held import Held


@pytest.fixture
def hold(tmp_path):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:

        def held(source, *arguments):
            program = tmp_path / "program.py"
            program.write_text(source)
            return Held([sys.executable], [str(program), *arguments], dict(os.environ), 0.3, (out, err))

        def printed():
            out.seek(0), err.seek(0)
            return out.read().decode(), err.read().decode()

        held.printed = printed
        yield held


def test_a_program_is_main_with_its_own_arguments_and_place(hold, tmp_path):
    source = (
        "import sys, pickle, __main__\n"
        "class A: pass\n"
        "assert type(pickle.loads(pickle.dumps(A()))) is A\n"
        "assert sys.path[0] == __file__.rpartition('/')[0]\n"
        "print(__name__, sys.argv[1:], __main__.A is A)\n"
    )
    with hold(source, "a", "-b") as program:
        assert program.next_event(20) == "ended"
        assert program.end() == 0
    assert hold.printed() == ("__main__ ['a', '-b'] True\n", "")


@pytest.mark.parametrize(("end", "status"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('no')", 1)])
def test_the_exit_status_is_the_programs_own(hold, end, status):
    with hold(f"import sys\n{end}\n") as program:
        assert program.next_event(20) == "ended"
        assert program.end() == status


def test_a_program_that_waits_for_enter_is_ready(hold):
    with hold("print('up')\ninput()\nprint('down')\n") as program:
        assert program.next_event(20) == "waits"
        assert program.end() == 0
    assert hold.printed() == ("up\n", "")


def test_an_error_is_told_with_its_traceback_and_nothing_of_ours_in_it(hold):
    with hold("def f():\n    1 / 0\nf()\n") as program:
        assert program.next_event(20) == "raised"
        assert program.end() == 1
    assert "line 2, in f" in hold.printed()[1]
    assert "host.py" not in hold.printed()[1]


def test_a_program_that_keeps_itself_alive_is_ready_where_it_waits_and_ends_as_by_ctrl_c(hold):
    source = "import time\ntry:\n    while True:\n        time.sleep(0.05)\nfinally:\n    print('clean')\n"
    with hold(source) as program:
        assert program.next_event(20) == "waits"
        assert program.waiting_at == 4
        assert program.end() == 0
    assert hold.printed()[0] == "clean\n"


def test_a_program_that_serve_run_keeps_alive_is_ready(hold):
    wait = "def wait():\n    import time\n    while True:\n        time.sleep(0.05)\n"
    source = f"exec(compile({wait!r}, '/site-packages/ray/serve/_private/utils.py', 'exec'))\nwait()\n"
    with hold(source) as program:
        assert program.next_event(20) == "waits"
        assert program.waiting_at == 2


def test_one_that_works_does_not_wait(hold):
    with hold("import re\nwhile True:\n    re.sub('(a?)*b', '', 'a' * 15)\n") as program:
        with pytest.raises(TimeoutError, match=r"neither ended nor came to rest within 1\.5 s"):
            program.next_event(1.5)


def test_what_the_program_started_ends_with_it(hold, tmp_path):
    os.mkfifo(tmp_path / "alive")
    child = f"import time; file = open({str(tmp_path / 'alive')!r}, 'w'); time.sleep(600)"
    with hold(f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}])\n") as program:
        assert program.next_event(20) == "ended"
        with open(tmp_path / "alive") as alive:  # the child has it open now
            program.end()
            assert alive.read() == ""  # returns when nobody has it open for writing any more


def test_one_that_dies_is_told(hold):
    with hold("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n") as program:
        assert program.next_event(20) == "died"
