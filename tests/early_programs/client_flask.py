# Written for Ray 1.1 (winter 2020/21): a class of the team's own holds the Client, backends read Flask requests, one
# model calls another through a handle, and a batch model answers lists.
import ray
import requests
from ray import serve

URL = "http://127.0.0.1:8000"


class Tokenizer:
    def __call__(self, request):
        return request.data["text"].lower().split() if isinstance(request.data, dict) else []


class Scorer:
    def __init__(self, weights):
        self.weights = weights
        self.tokens = serve.connect().get_handle("tokens")

    def __call__(self, request):
        unit = request.args.get("unit", "points")
        words = ray.get(self.tokens.remote({"text": request.json["text"]}))
        return {"score": sum(self.weights.get(w, 0) for w in words), "unit": unit}


def describe(flask_request):
    uploads = {name: f.read().decode() for name, f in flask_request.files.items()}
    return [
        flask_request.method,
        flask_request.path,
        flask_request.args.getlist("tag"),
        flask_request.form.get("title"),
        uploads,
        flask_request.get_json(),
        flask_request.data.decode(),
        flask_request.headers.get("X-Team", "none"),
        flask_request.is_json,
        flask_request.cookies.get("seen"),
    ]


@serve.accept_batch
def lengths(requests_):
    return [len(r.args["w"]) for r in requests_]


def alive(request):
    return "alive"


class Server:
    def __init__(self):
        self.client = serve.start(http_port=8000)

    def add(self, name, function, *args, methods=("GET",), **config):
        backend = f"{name}_backend"
        self.client.create_backend(backend, function, *args, config=serve.BackendConfig(**config))
        self.client.create_endpoint(name, backend=backend, route=f"/{name}", methods=list(methods))
        return self.client.get_handle(name)


ray.init(num_cpus=8)
server = Server()
tokens = server.add("tokens", Tokenizer, num_replicas=1)
score = server.add("score", Scorer, {"ray": 2, "serve": 3}, methods=["POST"])
described = server.add("describe", describe, methods=["GET", "POST"])
words = server.add("lengths", lengths, max_batch_size=3)
server.add("alive", alive)

print(requests.post(URL + "/score?unit=stars", json={"text": "Ray and SERVE"}).json())
print(ray.get(score.remote({"text": "serve serve"}, unit="cents")))
print(requests.get(URL + "/describe?tag=a&tag=b", cookies={"seen": "yes"}).json())
print(requests.post(URL + "/describe", data={"title": "T"}, headers={"X-Team": "blue"}).json())
print(requests.post(URL + "/describe", files={"up": ("x.txt", b"content")}).json())
print(requests.post(URL + "/describe", json=[1, 2]).json())
print(requests.post(URL + "/describe", data=b"raw bytes").json())
print(ray.get([words.remote(w="x" * n) for n in range(5)]), requests.get(URL + "/lengths?w=four").json())
print(requests.get(URL + "/alive").text, requests.post(URL + "/alive").status_code)
print(requests.get(URL + "/score").status_code, requests.get(URL + "/none").status_code)

client = server.client
client.create_backend("alive2", lambda request: "alive too")
client.set_traffic("alive", {"alive_backend": 0.5, "alive2": 0.5})
print(sorted({requests.get(URL + "/alive").text for _ in range(60)}))
print({requests.get(URL + "/alive", headers={"X-SERVE-SHARD-KEY": "u"}).status_code for _ in range(5)})
client.update_backend_config("tokens_backend", {"num_replicas": 2})
print(client.get_backend_config("tokens_backend").num_replicas, sorted(client.list_backends()))
client.set_traffic("alive", {"alive2": 1.0})
client.delete_backend("alive_backend")
print(client.list_endpoints()["alive"])
client.shutdown()
