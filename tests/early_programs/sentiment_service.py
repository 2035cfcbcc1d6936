# A team's text service of autumn 2020, written for Ray 0.8.7: several models behind one HTTP server, POST requests with
# JSON, forms and files, a batch model, calls from Python, and an operator's clean-up at the end.
import collections
import os
import tempfile

import ray
import requests
from ray import serve
from ray.serve.exceptions import RayServeException

HOST, PORT = "127.0.0.1", 8000
BASE = "http://%s:%d" % (HOST, PORT)
MODEL_DIR = tempfile.mkdtemp()


class SentimentModel:
    def __init__(self, path):
        with open(path) as f:
            self.good = set(f.read().split())
        self.calls = 0

    def _score(self, text):
        words = text.lower().split()
        return sum(w in self.good for w in words) / max(1, len(words))

    def __call__(self, flask_request, text=None):
        self.calls += 1
        if serve.context.web:
            payload = flask_request.json
            if payload is None or "text" not in payload:
                return {"error": "no text", "type": flask_request.headers.get("Content-Type")}
            text = payload["text"]
        return {"score": round(self._score(text), 2), "model": type(self).__name__}

    def stats(self, flask_request):
        return "calls: %d" % self.calls


def upload(flask_request):
    saved = {}
    for key in flask_request.files:
        stored = flask_request.files[key]
        saved[stored.filename] = len(stored.read())
    return {
        "files": saved,
        "form": flask_request.form.to_dict(),
        "args": flask_request.args.to_dict(),
        "agent": flask_request.headers["X-Client"],
        "method": flask_request.method,
    }


def raw(flask_request):
    data = flask_request.data
    return data[::-1]


@serve.accept_batch
def word_counts(flask_requests, text=None):
    texts = [r.args.get("text", "") for r in flask_requests] if serve.context.web else text
    return [len(t.split()) for t in texts]


def healthy():
    return "ok"


def deploy(name, func, *args, **config):
    serve.create_backend("{}:v1".format(name), func, *args, config=config or None)


def main():
    ray.init(num_cpus=4, include_dashboard=False)
    serve.init(http_host=HOST, http_port=PORT)

    path = os.path.join(MODEL_DIR, "good.txt")
    with open(path, "w") as f:
        f.write("good great fine")

    deploy("sentiment", SentimentModel, path, num_replicas=1)
    serve.create_endpoint("sentiment", backend="sentiment:v1", route="/sentiment", methods=["GET", "POST"])
    deploy("upload", upload)
    serve.create_endpoint("upload", backend="upload:v1", route="/upload", methods=["POST"])
    deploy("counts", word_counts, max_batch_size=4)
    serve.create_endpoint("counts", backend="counts:v1", route="/counts")
    serve.create_backend("raw", raw)
    serve.create_endpoint("raw", backend="raw", route="/raw", methods=["PUT"])
    serve.create_backend("health", healthy)
    serve.create_endpoint("health", backend="health", route="/health")

    print("endpoints", sorted(serve.list_endpoints()))
    print("backends", sorted(serve.list_backends()))
    print("config", serve.get_backend_config("counts:v1").max_batch_size)

    print("json", requests.post(BASE + "/sentiment", json={"text": "good food great service"}).json())
    print("no json", requests.post(BASE + "/sentiment", data={"text": "x"}).json())
    print("nothing", requests.get(BASE + "/sentiment").json())
    answer = requests.post(
        BASE + "/upload?kind=a&kind=b",
        data={"title": "report"},
        files={"doc": ("doc.txt", b"hello world"), "image": ("i.png", b"\x89PNG")},
        headers={"X-Client": "tests"},
    )
    print("upload", sorted(answer.json().items()))
    print("raw", requests.put(BASE + "/raw", data=b"abc").content)
    print("health", requests.get(BASE + "/health").text, requests.get(BASE + "/health").status_code)
    print("missing", requests.get(BASE + "/nope").status_code, requests.get(BASE + "/upload").status_code)
    print("counts", requests.get(BASE + "/counts", params={"text": "one two three"}).json())

    handle = serve.get_handle("sentiment")
    print("handle", ray.get(handle.remote(text="fine")))
    print("method", ray.get(handle.options(method_name="stats").remote()))
    counts = serve.get_handle("counts")
    print("batch", ray.get([counts.remote(text="w " * n) for n in range(6)]))
    try:
        handle.remote("positional")
    except RayServeException:
        print("refused", "positional arguments")
    try:
        serve.get_handle("unknown")
    except AssertionError:
        print("refused", "unknown endpoint")
    try:
        serve.create_endpoint("sentiment", backend="raw", route="/other")
    except ValueError:
        print("refused", "endpoint with another route")

    serve.create_backend("sentiment:v2", SentimentModel, path)
    serve.set_traffic("sentiment", {"sentiment:v1": 0.5, "sentiment:v2": 0.5})
    calls = collections.Counter(
        requests.get(BASE + "/sentiment", headers={"X-SERVE-CALL-METHOD": "stats"}).status_code for _ in range(20)
    )
    print("split", dict(calls))
    print("traffic", serve.list_endpoints()["sentiment"]["traffic"])
    keys = {ray.get(handle.options(method_name="stats", shard_key="user 7").remote()) for _ in range(10)}
    print("one user sees", len(keys), "backend")

    serve.update_backend_config("sentiment:v2", {"num_replicas": 2})
    print("replicas", serve.get_backend_config("sentiment:v2").num_replicas)
    try:
        serve.delete_backend("sentiment:v1")
    except ValueError:
        print("refused", "backend in use")
    serve.set_traffic("sentiment", {"sentiment:v2": 1.0})
    serve.delete_backend("sentiment:v1")
    serve.delete_endpoint("upload")
    serve.delete_backend("upload:v1")
    print("endpoints", sorted(serve.list_endpoints()))
    print("backends", sorted(serve.list_backends()))
    serve.shutdown()


if __name__ == "__main__":
    main()
