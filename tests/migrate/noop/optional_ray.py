try:
    from ray import serve
except ImportError:
    serve = None


def running():
    return serve is not None and bool(serve.status().applications)
