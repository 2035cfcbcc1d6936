"""How it was done: from ray import serve; serve.init(); serve.create_backend("b", f)."""

CODE = """
from ray import serve
client = serve.start()
client.create_backend("b", f)
"""
print(CODE)
