"""`ray.init` as old programs called it."""

import libcst as cst
import pytest

from serve_compat.migrate.ray_init import of_today, old_keywords


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ("ray.init(redis_address=a, webui_host=h)", "ray.init(address=a, dashboard_host=h)"),
        ("ray.init(num_cpus=2, load_code_from_local=True)", "ray.init(num_cpus=2)"),
        ("ray.init(use_pickle=True)", "ray.init()"),
        ("ray.init('auto', redis_password=p, _redis_password=q)", "ray.init('auto', _redis_password=q)"),
        ("ray.init(\n    a,\n    lru_evict=True,\n)", "ray.init(\n    a,\n)"),
    ],
)
def test_old_keywords_get_todays_names_or_go(old, today):
    assert cst.Module([]).code_for_node(of_today(cst.parse_expression(old))) == today


def test_old_keywords_are_told_from_todays():
    call = cst.parse_expression("ray.init('auto', redis_password=p, num_cpus=2, huge_pages=True)")
    assert old_keywords(call) == ["redis_password", "huge_pages"]
