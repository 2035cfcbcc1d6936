# Written for Ray 2.0: one driver, several graphs.
import ray
import requests
from ray import serve
from ray.serve.dag import InputNode
from ray.serve.drivers import DAGDriver
from ray.serve.http_adapters import json_request

ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)


@serve.deployment
class Adder:
    def __init__(self, n):
        self.n = n

    def add(self, x):
        return x + self.n


@serve.deployment
def negate(x):
    return -x


with InputNode() as inp:
    adder = Adder.bind(2)
    added = adder.add.bind(inp)
    dag = DAGDriver.bind(
        {"/add": added, "/negate": negate.bind(inp), "/both": negate.bind(added)},
        http_adapter=json_request,
    )

handle = serve.run(dag)
for route in ("/add", "/negate", "/both"):
    print("OUT", route, requests.post("http://127.0.0.1:8000" + route, json=5).json())
    print("OUT", ray.get(handle.predict_with_route.remote(route, 1)))
