import api as serve
import ray

serve.init()
serve.create_backend("b", lambda request: 1)
serve.create_endpoint("e", backend="b", route="/e")
