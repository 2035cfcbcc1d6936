import ray


@ray.remote
class Serve:
    def get(self):
        return 1


handle = Serve.remote()
print(ray.get(handle.get.remote()))
