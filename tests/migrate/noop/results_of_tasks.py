import ray


@ray.remote
def serve():
    return 1


print(ray.get([serve.remote()]))
