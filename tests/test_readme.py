"""What README says is true: its programs run and print what it shows, its commands and files exist."""

from __future__ import annotations

import re

import pytest

from tests.programs import ROOT, run_program

README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```.*?```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_prints_what_the_readme_shows(number, tmp_path):
    program, output = PROGRAMS[number]
    file = tmp_path / "program.py"
    file.write_text(program)
    assert run_program(file).splitlines() == output.splitlines()


def test_every_python_block_is_followed_by_its_output():
    assert README.count("```python\n") == len(PROGRAMS) >= 1


def test_every_make_target_in_the_readme_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert {"demo", "test"} <= named <= targets


def test_every_file_the_readme_links_to_exists():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert links


def test_the_changelog_begins_with_the_version_of_the_package():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE).group(1)
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE).group(1)
    assert first == version
