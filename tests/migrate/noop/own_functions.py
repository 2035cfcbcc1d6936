import ray


def create_endpoint(name, backend=None, route=None):
    return name, backend, route


def create_backend(tag, function):
    return tag, function


create_backend("b", max)
create_endpoint("e", backend="b", route="/serve")
ray.init()
