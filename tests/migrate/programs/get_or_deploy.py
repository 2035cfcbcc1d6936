# Written for Ray 1.8: deploy only what is not there yet.
import ray
import requests
from ray import serve

ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False, namespace="demo")
serve.start(detached=True)


@serve.deployment
class Counter:
    def __init__(self, start=0):
        self.count = start

    def incr(self, by=1):
        self.count += by
        return self.count

    def __call__(self, request):
        return str(self.count)


def get_or_deploy(name, start):
    try:
        deployment = serve.get_deployment(name)
        print("OUT found", name)
    except KeyError:
        print("OUT deploying", name)
        Counter.options(name=name).deploy(start)
        deployment = serve.get_deployment(name)
    return deployment.get_handle()


handle = get_or_deploy("first", 10)
print("OUT", ray.get(handle.incr.remote()))
handle = get_or_deploy("first", 10)
print("OUT", ray.get(handle.incr.remote(by=5)))
other = get_or_deploy("second", 0)
print("OUT", ray.get(other.incr.remote()))
print("OUT", requests.get("http://127.0.0.1:8000/first").text, requests.get("http://127.0.0.1:8000/second").text)
try:
    serve.get_deployment("third")
except KeyError:
    print("OUT no third")
