"""The router that is written for weighted traffic: its text, when it is written, and what it does while it runs."""

import subprocess
import sys

import libcst as cst
import pytest
from click.testing import CliRunner

from serve_compat.migrate.command import migrate as command
from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import migrate
from serve_compat.migrate.router import is_router, router_class, router_deploy, router_title
from tests.ray.cluster import environment, free_port

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
PROGRAM = """
import os, sys
import ray, requests
from ray import serve

PORT = int(sys.argv[1])
ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"port": PORT})


@serve.deployment(route_prefix="/price")
class Price:
    async def __call__(self, request):
        return "old"

    def process(self, who):
        return f"{who} {os.getpid()}"


@serve.deployment(name="price-new", route_prefix=None)
class NewPrice:
    async def __call__(self, request):
        if isinstance(request, str):
            return request
        body = (await request.body()).decode()
        return f"{request.method} {request.url.path} {request.headers['x-who']} {request.query_params['q']} {body}"

    def process(self, who):
        return f"{who} {os.getpid()}"


def ask():
    url = f"http://127.0.0.1:{PORT}/price/a/b?q=1"
    return requests.post(url, headers={"x-who": "me"}, data="text").text


def news(total):
    return sum(ask() != "old" for _ in range(total))


Price.deploy()
print(ask())
NewPrice.deploy()
handle = Price.get_handle()
before = ray.get(handle.process.remote("process"))
serve.set_traffic("Price", {"Price": 0.75, "price-new": 0.25})
print(60 <= news(400) <= 140)
serve.set_traffic("Price", {"price-new": 1.0})
print(news(50), ask(), ray.get(handle.remote("a call")))
serve.set_traffic("Price", {"Price": 1.0})
print(news(50), ask(), ray.get(handle.process.remote("process")) == before)
"""


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


def test_the_router_splits_by_weights_that_change_while_it_runs(tmp_path):
    text, _ = rewritten(PROGRAM, to="deployment")
    path = tmp_path / "main.py"
    path.write_text(text)
    command = [sys.executable, str(path), str(free_port())]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "old",
        "True",
        "50 POST /price/a/b me 1 text a call",
        "0 old True",
    ], done.stderr
