"""The router that is written for weighted traffic."""

import libcst as cst
import pytest

from serve_compat.migrate.router import IMPORTS, router_class, router_deploy, router_title
from serve_compat.migrate.serve_stage.convert import convert


@pytest.mark.parametrize(
    ("name", "title"), [("price", "PriceRouter"), ("a-b_c", "ABCRouter"), ("9", "Endpoint9Router")]
)
def test_the_class_is_named_after_the_endpoint(name, title):
    assert router_title(name) == title


def test_the_serve_stage_takes_it_to_stock_ray_serve():
    lines = [*IMPORTS, "from ray import serve", router_class('"price"', "PriceRouter", '"/p"')]
    lines.append(router_deploy("PriceRouter", '{"a": 0.9, "b": 0.1}', ['"a"', '"b"']))
    outcome = convert(cst.parse_module("\n".join(lines) + "\n"))
    assert not outcome.blockers
    text = outcome.module.code
    assert "return await ref" in text
    assert "ref = self.handles[name].remote(request)" in text
    weights = '{"a": 0.9, "b": 0.1}'
    bound = f'PriceRouter.options(user_config={weights}).bind("a", "b")'
    assert f'serve.run({bound}, name="price", route_prefix="/p")' in text
