from . import serve
import ray
client = serve.start()
client.create_backend('b', len)
