# Written for Ray 0.8, not changed since: `serve.init`, module functions, Flask requests, keyword handles.
#
# A backend greets by name and counts. The endpoint is there before the backend; then a second version takes half of the
# traffic.
import ray
import requests
from ray import serve

URL = "http://127.0.0.1:8000/greet"


class Greeter:
    def __init__(self, greeting):
        self.greeting = greeting
        self.greeted = 0

    def __call__(self, flask_request, name="nobody"):
        if serve.context.web:
            name = flask_request.args.get("name", name)
        self.greeted += 1
        return {"text": f"{self.greeting}, {name}!", "greeted": self.greeted}


def length(flask_request):
    return len(flask_request.json["text"])


ray.init(num_cpus=4, include_webui=False)
serve.init()

serve.create_endpoint("greet", "/greet", methods=["GET"])
serve.create_backend("greet:v1", Greeter, "Hello")
serve.set_traffic("greet", {"greet:v1": 1.0})
print("over HTTP:       ", requests.get(URL, params={"name": "Ada"}).json())

handle = serve.get_handle("greet")
print("through a handle:", ray.get(handle.remote(name="Grace")))

serve.create_backend("length", length)
serve.create_endpoint("length", "/length", methods=["POST"])
serve.link("length", "length")
print("a JSON body:     ", requests.post("http://127.0.0.1:8000/length", json={"text": "four"}).text)

serve.create_backend("greet:v2", Greeter, "Good day")
serve.set_traffic("greet", {"greet:v1": 0.5, "greet:v2": 0.5})
texts = {requests.get(URL, params={"name": "Ada"}).json()["text"] for _ in range(60)}
print("after the split: ", sorted(texts))

counted = [each["value"] for each in serve.stat() if each["info"].get("route") == "/greet"]
print("serve.stat:      ", counted[0], "requests to /greet")
