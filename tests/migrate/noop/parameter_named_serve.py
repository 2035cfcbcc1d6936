"""Run with ray: the caller gives the thing that can serve."""


def deploy(serve, client):
    client.create_backend("b", str)
    serve.start()
    return serve.create_endpoint("e", backend="b")
