from ray import serve


def f():
    serve = other()
    serve.set_traffic('e', {})
