from myray import ray
ray.serve.start()
ray.serve.create_backend('b', len)
