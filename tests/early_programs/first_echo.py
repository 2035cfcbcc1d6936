# After the README of Ray Serve in 2019 (Ray 0.7): the function first and its tag second, `link`, `split`, `scale`, and
# an HTTP server that was asked for with `blocking=True`.
import pprint
import time

import ray
import requests
from ray import serve

serve.init(blocking=True)
serve.create_endpoint("my_endpoint", "/echo", blocking=True)


def echo_v1(flask_request, response="hello from python!"):
    if serve.context.web:
        response = flask_request.args.get("response", "hello from http!")
    return response


class EchoActor:
    def __init__(self, message):
        self.message = message

    def __call__(self, _, message=""):
        return self.message + message


serve.create_backend(echo_v1, "echo:v1")
serve.link("my_endpoint", "echo:v1")
print(requests.get("http://127.0.0.1:8000/echo").text)
print(requests.get("http://127.0.0.1:8000/echo?response=given").text)
print(ray.get(serve.get_handle("my_endpoint").remote(response="hello")))

serve.create_backend(EchoActor, "echo:v2", "v2")
serve.split("my_endpoint", {"echo:v1": 0.5, "echo:v2": 0.5})
pprint.pprint(sorted({requests.get("http://127.0.0.1:8000/echo").text for _ in range(50)}))

serve.scale("echo:v2", 2)
time.sleep(0.1)
print(serve.get_backend_config("echo:v2").num_replicas)
serve.set_backend_config("echo:v2", serve.BackendConfig(num_replicas=1))
serve.link("my_endpoint", "echo:v2")
print(requests.get("http://127.0.0.1:8000/echo").text, ray.get(serve.get_handle("my_endpoint").remote(message="!")))
