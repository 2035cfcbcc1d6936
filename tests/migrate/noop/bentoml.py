import bentoml
import ray
from bentoml import serve

serve("service:svc", port=3000)
client = bentoml.SyncHTTPClient("http://localhost:3000")
client.deploy()
ray.init()
