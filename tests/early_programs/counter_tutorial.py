# After the tutorials of summer 2020 (Ray 0.8.5): `serve.init` starts Ray too, a stateful class, a pipeline in which one
# backend calls two others through handles, and a test with plain asserts at the end.
import time

import ray
import requests
import ray.serve as serve

serve.init()


class Counter(object):
    def __init__(self, start=0):
        self.count = start

    def __call__(self, flask_request, increment=1):
        if serve.context.web:
            increment = int(flask_request.args.get("by", 1))
        self.count += increment
        return {"current_counter": self.count}


def double(_, value=0):
    return value * 2


def square(_, value=0):
    return value ** 2


class Pipeline:
    def __init__(self):
        serve.init()
        self.steps = [serve.get_handle("double"), serve.get_handle("square")]

    def __call__(self, flask_request):
        value = float(flask_request.args["value"])
        for step in self.steps:
            value = ray.get(step.remote(value=value))
        return str(value)


serve.create_endpoint("counter", "/counter")
serve.create_backend("counter:v1", Counter, 10)
serve.set_traffic("counter", {"counter:v1": 1.0})
for function in (double, square):
    serve.create_endpoint(function.__name__)
    serve.create_backend(function.__name__, function)
    serve.set_traffic(function.__name__, {function.__name__: 1.0})
serve.create_endpoint("pipeline", "/pipeline", methods=["GET"])
serve.create_backend("pipeline", Pipeline)
serve.set_traffic("pipeline", {"pipeline": 1.0})

for url in ("/counter", "/counter?by=5", "/counter"):
    print(requests.get("http://127.0.0.1:8000" + url).json())
handle = serve.get_handle("counter")
print(ray.get(handle.remote(increment=100)))
print(ray.get(handle.remote()))
print(requests.get("http://127.0.0.1:8000/pipeline", params={"value": 3}).text)

start = time.time()
ids = [serve.get_handle("square").remote(value=i) for i in range(10)]
ready, rest = ray.wait(ids, num_returns=10, timeout=20)
print(sorted(ray.get(ready)), len(rest), time.time() - start < 20)

serve.update_backend_config("counter:v1", {"num_replicas": 2})
assert requests.get("http://127.0.0.1:8000/counter").status_code == 200
print(requests.get("http://127.0.0.1:8000/-/routes").json())
