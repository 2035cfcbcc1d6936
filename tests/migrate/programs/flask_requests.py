# Written for Ray 1.0: Flask requests (`serve-compat run --era 1.0`).
import ray
import requests
from ray import serve

ray.init(num_cpus=8)
client = serve.start()


class Classifier:
    def __init__(self, labels):
        self.labels = labels

    def __call__(self, flask_request):
        if flask_request.method == "GET":
            return {"label": flask_request.args["label"]}
        data = flask_request.get_json(force=True)
        raw = flask_request.data
        return {"label": self.labels[flask_request.json["index"]], "data": data, "size": len(raw)}


def upload(request):
    text = request.get_data(as_text=True)
    return text.upper()



client.create_backend("classifier", Classifier, ["cat", "dog"], config={"num_replicas": 2})
client.create_endpoint("classifier", backend="classifier", route="/classify", methods=["GET", "POST"])
client.create_backend("upload", upload)
client.create_endpoint("upload", backend="upload", route="/upload", methods=["POST"])

URL = "http://127.0.0.1:8000"
print("OUT", requests.get(URL + "/classify", params={"label": "x"}).json())
print("OUT", requests.post(URL + "/classify", json={"index": 1}).json())
print("OUT", requests.put(URL + "/classify", json={"index": 1}).status_code)
