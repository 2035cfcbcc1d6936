# Written for Ray 1.2: backends that take turns behind one endpoint, with one handle for all of them.
import time

import ray
import requests
from ray import serve

ray.init(num_cpus=4, include_dashboard=False)
client = serve.start()
url = "http://127.0.0.1:8000/price"


class Model:
    def __init__(self, version):
        self.version = version

    def __call__(self, request):
        return {"version": self.version, "item": request.query_params.get("item")}


def ask():
    return requests.get(url, params={"item": "tea"}).json()["version"]


client.create_backend("price:v1", Model, "v1")
client.create_endpoint("price", backend="price:v1", route="/price")
handle = client.get_handle("price")
print("OUT", ask(), ray.get(handle.remote(item="milk")))

client.create_backend("price:v2", Model, "v2")
client.set_traffic("price", {"price:v2": 1.0})
time.sleep(1)
print("OUT", ask(), ray.get(handle.remote(item="milk"))["version"])

client.set_traffic("price", {"price:v1": 1.0})  # v2 was no good
time.sleep(1)
print("OUT", ask())
client.delete_backend("price:v2")
client.delete_endpoint("price")
client.delete_backend("price:v1")
time.sleep(1)
print("OUT", requests.get(url).status_code)
print("OUT", "price" in client.list_endpoints(), len(client.list_endpoints()))
