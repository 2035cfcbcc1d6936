# Written for Ray 1.4: tags that are read and listed, an endpoint that is made again, loops that delete.
import time

import ray
import requests
from ray import serve

ray.init(num_cpus=4, include_dashboard=False)
serve.start()
url = "http://127.0.0.1:8000/model"


def first(request):
    return serve.get_replica_context().backend_tag


serve.create_backend("model:v1", first)
serve.create_endpoint("model", backend="model:v1", route="/model")
print("OUT", requests.get(url).text, sorted(serve.list_backends()))
serve.delete_endpoint("model")
serve.delete_backend("model:v1")
time.sleep(1)
print("OUT", requests.get(url).status_code, len(serve.list_backends()))

serve.create_backend("other:v1", lambda request: "other")
serve.create_endpoint("other", backend="other:v1", route="/other")
print("OUT", ray.get(serve.get_handle("other").remote()))
print("OUT", [tag for tag in serve.list_backends() if tag.startswith("other")])
for name in list(serve.list_endpoints()):
    serve.delete_endpoint(name)
for tag in list(serve.list_backends()):
    serve.delete_backend(tag)
print("OUT", serve.list_endpoints() == {}, len(serve.list_backends()))
