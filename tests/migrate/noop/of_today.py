import ray
import requests
from ray import serve
from ray.serve.handle import DeploymentHandle


@serve.deployment(num_replicas=2, max_ongoing_requests=10, ray_actor_options={"num_cpus": 0.1})
class Doubler:
    def __call__(self, x: int) -> int:
        return 2 * x


@serve.deployment
class Ingress:
    def __init__(self, doubler: DeploymentHandle):
        self.doubler = doubler

    async def __call__(self, request):
        return await self.doubler.remote(int(request.query_params["x"]))


ray.init()
serve.start(http_options={"port": 8001})
handle = serve.run(Ingress.bind(Doubler.bind()), name="app", route_prefix="/double")
print(requests.get("http://127.0.0.1:8001/double?x=2").json())
print(serve.get_deployment_handle("Doubler", "app").remote(3).result())
print(serve.status().applications)
serve.delete("app")
serve.shutdown()
