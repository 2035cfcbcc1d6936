"""The router that is written for weighted traffic: its text, and when it is written."""

import libcst as cst
import pytest
from click.testing import CliRunner

from serve_compat.migrate.command import migrate as command
from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import migrate
from serve_compat.migrate.writing.router_text import is_router, router_class, router_deploy, router_title

TWO = """from ray import serve

@serve.deployment
class Price:
    def __call__(self, request):
        return "old"

@serve.deployment(route_prefix=None)
class Other:
    def __call__(self, request):
        return "new"

Other.deploy()
Price.deploy()
"""
SPLIT = 'serve.set_traffic("Price", {"Price": 0.9, "Other": 0.1})\n'


def rewritten(text, to="serve", **others):
    results = migrate({"main.py": text, **others}, Options(to=to, generate_router=True))
    [main] = [each for each in results if each.path == "main.py"]
    assert not main.error
    return main.after, [each for each in main.findings if each.rule == "SC222"]


@pytest.mark.parametrize(
    ("name", "title"), [("price", "PriceRouter"), ("a-b_c", "ABCRouter"), ("9", "Endpoint9Router")]
)
def test_the_class_is_named_after_the_endpoint(name, title):
    assert router_title(name) == title


def test_a_generated_class_is_known_again():
    text = router_class('"price"', "PriceRouter", "None", methods=["size"])
    [definition] = cst.parse_module(text).body
    assert is_router(definition)
    assert "async def size(self, *args, **kwargs):" in text


def test_weights_may_be_any_expression():
    assert router_deploy("ARouter", "weights_of(day)") == "ARouter.options(user_config=weights_of(day)).deploy()"


def test_only_the_flag_writes_a_router(tmp_path):
    path = tmp_path / "main.py"
    path.write_text(TWO + SPLIT)
    plain = CliRunner().invoke(command, [str(path)])
    asked = CliRunner().invoke(command, ["--generate-router", str(path)])
    assert "PriceRouter" not in plain.output
    assert plain.output.count("+# TODO(serve-compat") == 1
    assert "+class PriceRouter:" in asked.output
    assert "TODO" not in asked.output


def test_until_the_traffic_is_set_the_router_sends_all_to_the_endpoints_own_deployment():
    text, _ = rewritten(TWO + "print(1)\n" + SPLIT, to="deployment")
    assert 'Price.deploy()\nPriceRouter.options(user_config={"Price": 1.0}).deploy()\nprint(1)' in text


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('serve.shadow_traffic("Price", "Other", 0.1)\n', "shadow"),
        ("Price.delete()\n", "delete()"),
        ("print(Price.url)\n", "url"),
        ('serve.set_traffic(input(), {"Price": 1.0})\n', "run time"),
        ('serve.set_traffic("nobody", {"Price": 1.0})\n', "'nobody' is not defined"),
        ("from random import random\n", "random"),
        ('Price.options(route_prefix="/p").deploy()\n', "route"),
    ],
)
def test_what_a_router_cannot_do_leaves_the_file_on_serve_compat(more, why):
    text, [finding] = rewritten(TWO + SPLIT + more)
    assert "Router" not in text
    assert "import serve_compat as serve" in text
    assert (finding.action, why in finding.message) == ("note", True)


def test_an_endpoint_that_another_file_asks_for_keeps_its_name():
    other = 'from ray import serve\nhandle = serve.get_deployment("Price").get_handle()\n'
    text, [finding] = rewritten(TWO + SPLIT, **{"other.py": other})
    assert "Router" not in text
    assert "other.py" in finding.message
