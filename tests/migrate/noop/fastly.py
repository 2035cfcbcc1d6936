import fastly

# serve stale content; array of backends
client = fastly.API()
client.create_backend("service", 1, {"name": "ray"})
client.get_backend("service", 1, "ray")
