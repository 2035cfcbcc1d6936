"""The migration and the compatibility runner must agree on the keywords of ray.init."""

from serve_compat import ray_calls
from serve_compat.migrate.ray_init import REMOVED_RAY_INIT_KEYWORDS


def test_the_runner_and_the_migration_know_the_same_keywords():
    assert {**ray_calls._RENAMED, **dict.fromkeys(ray_calls._REMOVED)} == REMOVED_RAY_INIT_KEYWORDS
