"""Runs a program as `python program.py` would and holds it at its end, so that what it serves can be asked.

A script of its own that needs nothing but the standard library: it also runs in interpreters that do not have this
project, old ones too. `python host.py TELL HEAR SETTLE_S PROGRAM [ARGS]...`: TELL and HEAR are file descriptors. A line
goes to TELL: "ended STATUS" or "raised STATUS" when the program is at its end, "waits LINE" each time its main thread
has waited at one line of the program for SETTLE_S seconds, as a loop that keeps it alive does. End of file at
HEAR ends it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from types import FrameType, ModuleType

_SAMPLE_S = 0.1
# A thread whose innermost frame is in one of these, or in the program itself (`time.sleep`), may be only waiting;
# in any other it is at work: a model is trained, or Ray starts something.
_WAITING_PLACES = (
    "threading.py",
    "selectors.py",
    "ray/serve/api.py",
    "ray/serve/_private/utils.py",  # serve.run(blocking=True)
    "serve_compat/graph/run.py",
)


def main() -> int:
    """Run the program named on the command line; returns its exit status."""
    tell, hear, settle_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    for descriptor in (tell, hear):
        os.set_inheritable(descriptor, False)  # what the program starts must not keep them open
    program = os.path.abspath(sys.argv[4])
    sys.argv = sys.argv[4:]
    sys.path[0] = os.path.dirname(program)
    watcher = threading.Thread(target=_tell_when_it_waits, args=(program, settle_s, tell), daemon=True)
    watcher.start()
    word, status = _run(program)
    sys.stdout.flush()
    _say(tell, f"{word} {status}")
    while os.read(hear, 1):
        pass
    return status


def _run(program: str) -> tuple[str, int]:
    module = ModuleType("__main__")
    module.__file__ = program
    sys.modules["__main__"] = module  # kept there at the end, since handlers that are still running need its names
    try:
        with open(program, "rb") as file:
            code = compile(file.read(), program, "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except SystemExit as end:
        if isinstance(end.code, int) or end.code is None:
            return "ended", end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return "ended", 1
    except KeyboardInterrupt:
        return "ended", 0  # we sent it, to end a program that would go on for ever
    except BaseException as error:  # as the interpreter itself does at the end of a program
        inner = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, inner)
        return "raised", 1
    return "ended", 0


def _tell_when_it_waits(program: str, settle_s: float, tell: int) -> None:
    main_thread = threading.main_thread().ident
    since, place, told = time.monotonic(), None, False
    while True:
        time.sleep(_SAMPLE_S)
        now = _waits_at(sys._current_frames().get(main_thread or 0), program)
        if now is None or now != place:
            since, place, told = time.monotonic(), now, False
        elif not told and time.monotonic() - since >= settle_s:
            _say(tell, f"waits {now}")
            told = True


def _waits_at(frame: FrameType | None, program: str) -> int | None:
    if frame is None or not frame.f_code.co_filename.endswith((program, *_WAITING_PLACES)):
        return None
    while frame is not None and frame.f_code.co_filename != program:
        frame = frame.f_back
    return frame.f_lineno if frame is not None else None


def _say(tell: int, text: str) -> None:
    os.write(tell, (text + "\n").encode())


if __name__ == "__main__":
    this = sys.modules["__main__"]  # a second reference, since the program's module takes its place
    sys.exit(main())
