"""What differs on purpose, and the releases: what the guide's data says is there, and nothing is said twice."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from legacy import eras, generations
from migration_guide.differences import DIFFERENCES
from migration_guide.releases import RELEASES
from tests.programs import ROOT

README = (ROOT / "README.md").read_text()
PAGE = (ROOT / "migration_guide" / "reference" / "differences.md").read_text()
RAN = {number for release in RELEASES for number in release.ran}
KNOWN = RAN | {release.own_tests for release in RELEASES} | {release.first for release in RELEASES}


@functools.cache
def functions_in(file):
    found = ast.walk(ast.parse((ROOT / file).read_text()))
    return {node.name for node in found if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


@pytest.mark.parametrize("each", DIFFERENCES, ids=lambda each: each.id)
def test_a_difference_has_tests_that_are_there_and_releases_that_were_run(each):
    assert each.tests
    for node in each.tests:
        file, _, name = node.partition("::")
        assert name in functions_in(file), node
    assert set(each.ran) <= RAN
    assert set(each.read) <= KNOWN


def test_every_difference_is_told_once():
    ids = [each.id for each in DIFFERENCES]
    assert len(set(ids)) == len(ids)
    assert [each for each in DIFFERENCES if PAGE.count(f"({each.id})=") != 1] == []
    listed = README.partition("<!-- differences: ")[2].partition("<!-- end of differences -->")[0]
    assert len(re.findall(r"^\d+\. ", listed, re.MULTILINE)) == sum(each.main for each in DIFFERENCES)


def test_the_releases_follow_each_other_and_name_every_generation_and_era():
    rows = {row for release in RELEASES for row in release.styles.values()}
    assert rows == set(generations._ROWS.values()) - {generations.DEPLOYMENT}  # which stands for no release
    assert {release.era for release in RELEASES} == set(eras.NAMES)
    numbers = [tuple(map(int, each.split("."))) for release in RELEASES for each in (release.first, release.last)]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == ((0, 7), (2, 6))


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.first)
def test_a_releases_rows_are_those_of_its_era(release):
    era = eras._ERAS[release.era]
    assert set(release.styles.values()) <= {era.functions, era.client, era.deployments}
    assert all(number.startswith(f"{release.first}.") for number in (*release.ran, *filter(None, [release.own_tests])))
