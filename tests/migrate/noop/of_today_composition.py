from ray import serve
from ray.serve.handle import DeploymentHandle


@serve.deployment
class A:
    def __init__(self, b: DeploymentHandle):
        self.b = b

    async def __call__(self, request):
        return await self.b.remote(request)
