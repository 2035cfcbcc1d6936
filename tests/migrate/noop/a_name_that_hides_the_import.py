from ray import serve


def f(serve):
    serve.create_backend('b', len)
