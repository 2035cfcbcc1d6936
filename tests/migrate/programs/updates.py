# Written for Ray 1.2: updates in place, a lambda, a handler without a request, deletion.
import ray
import requests
from ray import serve


class Filter:
    def __init__(self, name):
        self.name = name
        self.limit = None

    def reconfigure(self, config):
        self.limit = config["limit"]

    def __call__(self, request):
        return f"{self.name} {self.limit}"


def alive():
    return "yes"


def ask(path):
    return requests.get("http://127.0.0.1:8000" + path).text


ray.init(num_cpus=8)
client = serve.start()
client.create_backend("filter", Filter, "spam", config={"user_config": {"limit": 1}})
client.create_endpoint("filter", backend="filter", route="/filter")
print("OUT", ask("/filter"))
client.update_backend_config("filter", {"user_config": {"limit": 2}})
print("OUT", ask("/filter"))
client.update_backend_config("filter", serve.BackendConfig(num_replicas=2))
print("OUT", {ask("/filter") for _ in range(10)})
client.create_backend("alive", alive)
client.create_endpoint("alive", backend="alive", route="/alive")
client.create_backend("hello", lambda request: {"hello": request.query_params.get("name", "you")})
client.create_endpoint("hello", backend="hello", route="/hello")
print("OUT", ask("/alive"), requests.get("http://127.0.0.1:8000/hello?name=Ada").json())
client.delete_endpoint("filter")
client.delete_backend("filter")
print("OUT", requests.get("http://127.0.0.1:8000/filter").status_code, sorted(client.list_endpoints()))
