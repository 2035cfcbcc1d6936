import ray
app.serve.create_backend('b', len)
self.ray.serve.start()
