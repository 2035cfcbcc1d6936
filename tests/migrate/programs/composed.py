# Written for Ray 1.2: models that call each other through handles, tags from a table.
import ray
import requests
from ray import serve

ray.init(num_cpus=8)


def featurize(request):
    return len(request.query_params["text"])


class Predict:
    def __call__(self, request):
        return request.query_params["size"] > 3

    def describe(self, _):
        return "bigger than three"


class Pipeline:
    def __init__(self):
        client = serve.connect()
        self.featurize = client.get_handle("featurize", sync=False)
        self.predict = client.get_handle("predict", sync=False)

    async def __call__(self, request):
        size = await self.featurize.remote(text=request.query_params["text"])
        return await (await self.predict.remote(size=size))


def start(client):
    for name, served in {"featurize": featurize, "predict": Predict}.items():
        client.create_backend(name + ":1", served)
        client.create_endpoint(name, backend=name + ":1")
    client.create_backend("pipeline", Pipeline)
    client.create_endpoint("pipeline", backend="pipeline", route="/pipeline")


client = serve.start()
start(client)
print("OUT", requests.get("http://127.0.0.1:8000/pipeline?text=abcdef").text)
print("OUT", requests.get("http://127.0.0.1:8000/pipeline?text=ab").text)
handle = client.get_handle("predict")
print("OUT", ray.get(handle.options(method_name="describe").remote()))
print("OUT", ray.get([handle.remote(size=n) for n in range(3, 6)]))
print("OUT", ray.get(client.get_handle("featurize").remote(text="abc")))
