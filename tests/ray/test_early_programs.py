"""Whole programs as people wrote them for Ray 0.7 to 1.1 print the lines that the original release printed."""

from __future__ import annotations

import pytest

from tests.programs import ROOT, run_program

PROGRAMS = ROOT / "tests" / "early_programs"
# What the program was written for. The lines were recorded on that release, except those of 0.7, which runs nowhere
# any more; they follow its documents.
WRITTEN_FOR = {"first_echo": "0.7", "counter_tutorial": "0.8.5", "sentiment_service": "0.8.7", "client_flask": "1.1.0"}
OPTIONS = {"client_flask": ("--era", "1.0")}


@pytest.mark.parametrize("name", WRITTEN_FOR)
def test_a_program_prints_what_it_printed_on_its_release(name):
    pytest.importorskip("werkzeug")
    printed = run_program(PROGRAMS / f"{name}.py", options=OPTIONS.get(name, ()))
    assert printed == (PROGRAMS / f"{name}.expected").read_text()


def test_every_program_is_run():
    assert {path.stem for path in PROGRAMS.glob("*.py")} == set(WRITTEN_FOR)
