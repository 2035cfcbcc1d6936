# Written for Ray 1.4: module-level functions, a class with state and settings, a route with a parameter.
import ray
import requests
from ray import serve

URL = "http://127.0.0.1:8000/price"


class PriceList:
    def __init__(self, prices):
        self.prices = prices
        self.discount = 0

    def reconfigure(self, config):
        self.discount = config["discount"]

    def __call__(self, request):
        item = request.path_params["item"]
        return {"item": item, "price": self.prices[item] * (100 - self.discount) // 100}


ray.init(num_cpus=4)
serve.start()

serve.create_backend("prices", PriceList, {"tea": 300, "cake": 500}, config={"num_replicas": 2})
serve.create_endpoint("price", backend="prices", route="/price/{item}", methods=["GET"])
print("today:", requests.get(URL + "/tea").json(), requests.get(URL + "/cake").json())

# New settings reach the running replicas; nothing restarts.
serve.update_backend_config("prices", {"user_config": {"discount": 10}})
print("sale: ", requests.get(URL + "/tea").json(), requests.get(URL + "/cake").json())

print("not for POST:", requests.post(URL + "/tea").status_code)
print("backends:", sorted(serve.list_backends()), "endpoints:", sorted(serve.list_endpoints()))
serve.shutdown()
