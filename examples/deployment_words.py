# Written for Ray 1.13: deployments, one behind FastAPI that calls another, a new version without a gap.
import ray
import requests
from fastapi import FastAPI
from ray import serve

URL = "http://127.0.0.1:8000/words"
app = FastAPI()


@serve.deployment(version="1", num_replicas=2, route_prefix=None)
class Counter:
    def __init__(self, unit):
        self.unit = unit

    def count(self, text):
        return {self.unit: len(text.split() if self.unit == "words" else text)}


@serve.deployment(route_prefix="/words")
@serve.ingress(app)
class Words:
    def __init__(self):
        self.counter = serve.get_deployment("Counter").get_handle(sync=False)

    @app.get("/count")
    async def count(self, text: str):
        return await (await self.counter.count.remote(text))


ray.init(num_cpus=8)
serve.start()

Counter.deploy("words")
Words.deploy()
print("version 1:", requests.get(URL + "/count", params={"text": "to be or not to be"}).json())

# Another version replaces the replicas one by one.
Counter.options(version="2").deploy("letters")
print("version 2:", requests.get(URL + "/count", params={"text": "to be or not to be"}).json())

print("by handle:", ray.get(Counter.get_handle().count.remote("tea")))
print("FastAPI checks the arguments:", requests.get(URL + "/count").status_code)
print("deployed:", sorted(serve.list_deployments()))
serve.shutdown()
