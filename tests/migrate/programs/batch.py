# Written for Ray 0.8: batches of Flask requests, a function and a class.
import ray
import requests
from ray import serve
from concurrent.futures import ThreadPoolExecutor

ray.init(num_cpus=8)
serve.init()


@serve.accept_batch
def lengths(flask_requests):
    return [len(each.args["text"]) for each in flask_requests]


class Doubler:
    def __init__(self, by):
        self.by = by

    @serve.accept_batch
    def __call__(self, requests):
        return [self.by * int(each.args["n"]) for each in requests]


serve.create_backend("lengths", lengths, config={"max_batch_size": 4})
serve.create_endpoint("lengths", backend="lengths", route="/lengths")
serve.create_backend("doubler", Doubler, 2, config={"max_batch_size": 4, "batch_wait_timeout": 0.1})
serve.create_endpoint("doubler", backend="doubler", route="/doubler")


def ask(text):
    return requests.get("http://127.0.0.1:8000/lengths", params={"text": text}).text


def double(n):
    return requests.get("http://127.0.0.1:8000/doubler", params={"n": n}).text


with ThreadPoolExecutor(6) as pool:
    print("OUT", list(pool.map(ask, ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"])))
    print("OUT", list(pool.map(double, range(6))))
print("OUT", requests.post("http://127.0.0.1:8000/lengths", params={"text": "x"}).status_code)
