# Written for Ray 1.2: a class of the user holds the client; names are known at run time.
import ray
import requests
from ray import serve


class Manager:
    """Deploys models."""

    def __init__(self):
        self.client = serve.start(http_host="127.0.0.1", http_port=8123)

    def add(self, name, cls, replicas=1):
        tag = f"{name}_backend"
        self.client.create_backend(tag, cls, name, config={"num_replicas": replicas})
        self.client.create_endpoint(name, backend=tag, route="/" + name, methods=["POST"])

    def remove(self, name):
        self.client.delete_endpoint(name)
        self.client.delete_backend(f"{name}_backend")

    def ask(self, name, data):
        return ray.get(self.client.get_handle(name).remote(data))

    def names(self):
        return sorted(self.client.list_endpoints())


class Model:
    def __init__(self, name):
        self.name = name

    async def __call__(self, request):
        data = await request.json()
        return {"model": self.name, "sum": sum(data["x"])}


def plain(request):
    return "plain"


if __name__ == "__main__":
    ray.init(num_cpus=8)
    manager = Manager()
    manager.add("iris", Model, 2)
    manager.add("digits", Model)
    url = "http://127.0.0.1:8123/"
    print("OUT", requests.post(url + "iris", json={"x": [1, 2]}).json())
    print("OUT", requests.get(url + "iris").status_code)
    print("OUT", manager.ask("digits", {"x": [5, 6]}))
    print("OUT", manager.names())
    manager.remove("iris")
    print("OUT", manager.names(), requests.post(url + "iris", json={"x": [1, 2]}).status_code)
