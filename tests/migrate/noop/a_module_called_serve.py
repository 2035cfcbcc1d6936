import serve
from ray import tune
serve.start()
serve.create_backend('b', len)
