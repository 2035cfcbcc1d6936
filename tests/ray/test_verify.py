"""`serve-compat verify` as a user runs it: two programs, one with a mistake, and requests for both."""

import json
import subprocess
import sys

import pytest

OLD = """
import ray, requests
from ray import serve

ray.init(num_cpus=4, include_dashboard=False)
client = serve.start()


class Counter:
    def __init__(self, first):
        self.count = first

    def __call__(self, request):
        self.count += 1
        return {"count": self.count, "by": request.query_params["by"]}


client.create_backend("counter", Counter, 5)
client.create_endpoint("count", backend="counter", route="/count", methods=["GET", "POST"])
client.create_backend("other", lambda request: request.method)
client.create_endpoint("other", backend="other", route="/other")
print(requests.get("http://127.0.0.1:8000/count?by=me").json())
"""

NEW = """
import ray, requests
import serve_compat as serve

ray.init(num_cpus=4, include_dashboard=False)
serve.start()


@serve.deployment(name="counter", route_prefix="/count")
class Counter:
    def __init__(self, first):
        self.count = first

    def __call__(self, request):
        self.count += 1
        return {"count": self.count, "by": request.query_params["by"]}


Counter.deploy(5)
serve.deployment(name="other", route_prefix="/other")(lambda request: request.method).deploy()
print(requests.get("http://127.0.0.1:8000/count?by=me").json())
while True:
    __import__("time").sleep(0.1)
"""

REQUESTS = """
{"path": "/count?by=you"}
{"path": "/count?by=them", "json": {"any": "body"}}
{"path": "/other", "repeat": 3}
{"method": "PUT", "path": "/other"}
"""


@pytest.mark.slow
def test_a_dropped_method_filter_is_the_one_difference_that_is_found(tmp_path):
    for name, text in (("old.py", OLD), ("new.py", NEW), ("asked", REQUESTS)):
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "serve_compat", "verify", "old.py", "new.py", "--requests", "asked", "--json"]
    done = subprocess.run([*command, "--settle", "1"], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1, done.stderr + done.stdout
    report = json.loads(done.stdout)
    assert [each["differences"] for each in report["requests"]][:3] == [[], [], []]
    assert report["requests"][3]["differences"][0] == "status 405, 200"
    assert report["lines"] == [{"same": True, "old": "{'count': 6, 'by': 'me'}", "new": "{'count': 6, 'by': 'me'}"}]
    assert (report["old"]["outcome"], report["new"]["outcome"]) == ("ended", "waits")
