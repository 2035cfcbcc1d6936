# Two generations in one program, which no Ray release could do: a backend from 2021 and its successor, a deployment,
# share an endpoint. At first the new one only sees copies, then it gets half of the requests, then the old one goes.
import collections
import tempfile
import time
from pathlib import Path

import ray
import requests
from ray import serve

URL = "http://127.0.0.1:8000/classify"
seen_file = Path(tempfile.mkdtemp()) / "seen"


def old_model(request):
    return {"by": "old", "size": "big" if int(request.query_params["n"]) > 9 else "small"}


@serve.deployment(version="1", route_prefix=None)
class NewModel:
    def __call__(self, request):
        with seen_file.open("a") as file:
            file.write("x")
        return {"by": "new", "size": "big" if int(request.query_params["n"]) > 9 else "small"}


def ask(count):
    answers = [requests.get(URL, params={"n": number}).json() for number in range(count)]
    return sorted(collections.Counter(answer["by"] for answer in answers).items())


ray.init(num_cpus=4)
serve.start()

serve.create_backend("old", old_model)
serve.create_endpoint("classify", backend="old", route="/classify")
print("1. the backend alone:         ", ask(20))

NewModel.deploy()
serve.shadow_traffic("classify", "NewModel", 1.0)
print("2. copies to the deployment:  ", ask(20))
while not seen_file.exists() or seen_file.stat().st_size < 20:
    time.sleep(0.05)
print("   the deployment saw", seen_file.stat().st_size, "requests, nobody saw its answers")

serve.set_traffic("classify", {"old": 0.5, "NewModel": 0.5})
print("3. half of them to each:      ", [by for by, _ in ask(100)])

serve.set_traffic("classify", {"NewModel": 1.0})
serve.delete_backend("old")
print("4. the deployment alone:      ", ask(20))
serve.shutdown()
