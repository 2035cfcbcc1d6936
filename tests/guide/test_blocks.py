"""Every block of the hand-written pages is run: programs and commands, and they print what the page shows."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from tests.guide.pages import GUIDE, Command, matches, read
from tests.programs import ROOT

PAGES = sorted(GUIDE.glob("*.md"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_does_what_it_says(page, tmp_path):
    for step in read(page).steps:
        if isinstance(step, Command):
            run(step, tmp_path)
        else:
            (tmp_path / step[0]).write_text(step[1])


def run(command, folder):
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    env = {**os.environ, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0", "RAY_ADDRESS": "local", "COLUMNS": "120"}
    words = shlex.split(command.line)
    assert words[0] in ("serve-compat", "git", "cat"), f"what is {command.line!r}? Commands of this project are run."
    start = [sys.executable, "-m", "serve_compat"] if words[0] == "serve-compat" else words[:1]
    done = subprocess.run([*start, *words[1:]], cwd=folder, env=env, capture_output=True, text=True, timeout=110)
    told = f"$ {command.line}\n{done.stdout}\n--- stderr\n{done.stderr[-2000:]}"
    assert done.returncode == command.status, told
    shown = done.stdout + (done.stderr if words[1:2] == ["migrate"] else "")  # what others write there is Ray's
    assert matches(command.output, shown), f"promised:\n{command.output}\ngot:\n{told}"


@pytest.mark.parametrize("text", ["```shell\nls\n```\n", "Then:\n\n    ls\n", "```python\npass\n```\n"])
def test_a_block_that_would_not_be_run_is_refused(text, tmp_path):
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(AssertionError):
        read(tmp_path / "page.md")


def test_an_ellipsis_stands_for_anything_and_nothing_else_does():
    assert matches("a ... c\n...\nend\n", "a b c\n1\n2\nend\n")
    assert not matches("a.c\n", "abc\n")
    assert not matches("a\n", "a\nb\n")


def test_every_page_is_in_the_table_of_contents():
    contents = (GUIDE / "index.md").read_text().partition("```{toctree}")[2]
    names = {str(path.relative_to(GUIDE).with_suffix("")) for path in GUIDE.rglob("*.md")} - {"index"}
    assert names == set(contents.replace(":hidden:", "").replace("```", "").split())
