from ray.experimental import serve

serve.init()
serve.create_endpoint_pipeline("e", blocking=True)
serve.create_backend(max, "b")
serve.link_service("a", "b")
