# Written for Ray 2.x: a composed graph. One request runs through two models side by side and a third that joins them.
import ray
import requests
from ray import serve
from ray.serve.dag import InputNode
from ray.serve.drivers import DAGDriver
from ray.serve.http_adapters import json_request

GOOD, BAD = {"good", "great", "love"}, {"bad", "awful", "hate"}


@serve.deployment
class Sentiment:
    def __init__(self, good, bad):
        self.good, self.bad = good, bad

    def score(self, text):
        words = text.lower().split()
        return sum(word in self.good for word in words) - sum(word in self.bad for word in words)


@serve.deployment
def length(text):
    return len(text.split())


@serve.deployment
class Summary:
    def join(self, score, words):
        opinion = "likes it" if score > 0 else "dislikes it" if score < 0 else "is undecided"
        return {"opinion": opinion, "words": words}


with InputNode() as review:
    text = review["text"]
    score = Sentiment.bind(GOOD, BAD).score.bind(text)
    graph = Summary.bind().join.bind(score, length.bind(text))

ray.init(num_cpus=8)
handle = serve.run(DAGDriver.bind(graph, http_adapter=json_request))

for sentence in ("I love this great phone", "awful battery and bad screen", "it is a phone"):
    print(requests.post("http://127.0.0.1:8000/", json={"text": sentence}).json())
print("by handle:", ray.get(handle.predict.remote({"text": "good"})))
serve.shutdown()
