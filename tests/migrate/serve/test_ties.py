"""What files share with each other."""

from serve_compat.migrate.serve.ties import joined


def test_files_are_joined_through_others():
    groups = joined([("a", "b"), ("c", "b"), ("d", "d")])
    assert groups["a"] == groups["b"] == groups["c"] == {"a", "b", "c"}
    assert groups["d"] == {"d"}
