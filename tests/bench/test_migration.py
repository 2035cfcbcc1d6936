import pytest

from bench import migration
from bench.migration import Outcome, Printed


def outcome(program="p", stage="serve", **facts):
    plain = {"todos": 0, "stays": False, "compiles": True, "idempotent": True, "same": True}
    return Outcome(program, stage, **{**plain, **facts})


def reached(outcomes):
    return {words: share for words, share, _ in migration.shares(outcomes)}


@pytest.mark.parametrize(
    ("facts", "counts"),
    [({}, 1.0), ({"todos": 1}, 0.0), ({"stays": True}, 0.0), ({"same": False}, 0.0), ({"same": None}, 0.0)],
)
def test_only_a_clean_program_on_stock_ray_counts_for_the_serve_stage(facts, counts):
    words = "with a stock equivalent: run on stock Ray, print the same lines, no TODO"
    assert reached([outcome(**facts)])[words] == counts


def test_a_program_without_a_stock_equivalent_is_not_asked_for_one():
    name = next(iter(migration.NO_EQUIVALENT))
    assert not any("stock" in words for words in reached([outcome(name, stays=True)]))


def test_the_report_names_every_program_and_what_differs():
    text = migration.report(
        [outcome("a", "deployment"), outcome("a", same=False, trouble="x | y")], [("Python", "3")], 60
    )
    assert "| a | same on serve_compat | **differs** on stock: x \\| y |" in text
    assert "- took: 1.0 minutes" in text


def test_only_marked_lines_are_compared_where_there_are_any():
    assert migration._marked("OUT 1\nnoise\n") == ["OUT 1"]
    assert migration._marked("a\nb\n") == ["a", "b"]


def test_the_first_difference_is_told_with_the_error():
    same, trouble = migration.compared(Printed(["a", "b"], 0, ""), Printed(["a"], 1, "ValueError: no"))
    assert (same, trouble) == (False, "ValueError: no; wanted 'b', got ''")


def test_every_program_without_an_equivalent_says_why_and_exists_or_is_in_the_suite():
    examples = {path.stem for path in (migration.ROOT / "examples").glob("*.py")}
    suite = (
        {path.stem for path in migration.SUITE.rglob("*.py")}
        if migration.SUITE.is_dir()
        else set(migration.NO_EQUIVALENT)
    )
    assert set(migration.NO_EQUIVALENT) <= examples | suite
    assert all(migration.NO_EQUIVALENT.values())
