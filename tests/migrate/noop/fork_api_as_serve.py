import api as serve

serve.init()
serve.create_backend("b", lambda request: 1)
serve.create_endpoint("e", backend="b", route="/e")
