import array
from observer import serve
serve.deployment(len).deploy()
