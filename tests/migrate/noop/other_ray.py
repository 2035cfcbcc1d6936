import ray as real
from pyray import ray
from tracing import serve, start

serve.start = start
ray.serve.create_backend("b", 1)
