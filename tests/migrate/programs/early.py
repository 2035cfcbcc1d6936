# Written for Ray 0.8: endpoints before backends, keywords for handles, serve.context.
import ray
import requests
from ray import serve

ray.init(num_cpus=8, include_webui=False)
serve.init(http_port=8124)


def echo(flask_request, text="nothing"):
    if serve.context.web:
        text = flask_request.args["text"]
    return text


class Counter:
    def __init__(self, start):
        self.count = start

    def __call__(self, flask_request=None, by=1):
        self.count += by
        return self.count


serve.create_endpoint("echo", "/echo")
serve.create_backend("echo:v1", echo)
serve.set_traffic("echo", {"echo:v1": 1.0})
serve.create_endpoint("counter", "/counter", methods=["GET", "POST"])
serve.create_backend("counter:v1", Counter, 10)
serve.set_traffic("counter", {"counter:v1": 1.0})

handle = serve.get_handle("echo")
print("OUT", ray.get(handle.remote(text="hello")), ray.get(handle.remote()))
print("OUT", requests.get("http://127.0.0.1:8124/echo?text=web").text)
print("OUT", requests.post("http://127.0.0.1:8124/echo?text=web").status_code)
print("OUT", requests.post("http://127.0.0.1:8124/counter").text)
print("OUT", ray.get(serve.get_handle("counter").remote(by=5)))
serve.update_backend_config("echo:v1", {"num_replicas": 2})
print("OUT", ray.get(handle.remote(text="again")))
