import ray
from ray import serve

if hasattr(serve, "create_backend"):
    client = serve.start()
    client.create_backend("b", str)
else:
    serve.run(serve.deployment(str).bind())
