# Written for Ray 2.0: results in lists and dicts arrive as references.
import asyncio

import ray
import requests
from ray import serve
from ray.serve.dag import InputNode
from ray.serve.drivers import DAGDriver
from ray.serve.http_adapters import json_request

ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)


@serve.deployment
class Model:
    def __init__(self, weight):
        self.weight = weight

    def forward(self, x):
        return x + self.weight


@serve.deployment
class Ensemble:
    async def combine(self, refs, names):
        values = await asyncio.gather(*refs)
        named = {name: await ref for name, ref in names.items()}
        return {"sum": sum(values), "named": named}


with InputNode() as inp:
    models = [Model.bind(weight) for weight in range(3)]
    one = models[0].forward.bind(inp)
    two = models[1].forward.bind(inp)
    ensemble = Ensemble.bind()
    dag = DAGDriver.bind(ensemble.combine.bind([one, two], {"first": one}), http_adapter=json_request)

handle = serve.run(dag)
print("OUT", requests.post("http://127.0.0.1:8000/", json=10).json())
print("OUT", ray.get(handle.predict.remote(0)))
