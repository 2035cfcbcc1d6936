import ray
import ray.experimental.serve as serve

serve.init(blocking=True)
serve.create_no_http_service("f", ray.remote)
serve.link_service("f", "g")
serve.provision_pipeline("p")
