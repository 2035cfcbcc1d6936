"""The router that `serve-compat migrate --generate-router` writes, while it runs."""

import subprocess
import sys

from serve_compat.migrate.context import Options
from serve_compat.migrate.engine import migrate
from tests.ray.cluster import environment, free_port

PROGRAM = """
import os, sys
import ray, requests
from ray import serve

PORT = int(sys.argv[1])
ray.init(log_to_driver=False)
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


def test_the_router_splits_by_weights_that_change_while_it_runs(cluster, tmp_path):
    [made] = migrate({"main.py": PROGRAM}, Options(to="deployment", generate_router=True))
    assert "set_traffic" not in made.after
    path = tmp_path / "main.py"
    path.write_text(made.after)
    command = [sys.executable, str(path), str(free_port())]
    env = environment(RAY_ADDRESS=cluster.address)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "old",
        "True",
        "50 POST /price/a/b me 1 text a call",
        "0 old True",
    ], done.stderr
