# Written for Ray 1.8: a front end that hands whole requests to one of its models.
import ray
import requests
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)
serve.start()


@serve.deployment(name="json")
class JSONModel:
    async def __call__(self, request):
        return {"sum": sum(await request.json()), "who": request.headers.get("x-who")}


@serve.deployment(name="text")
async def text_model(request: Request):
    return (await request.body()).decode().upper() + request.query_params.get("end", "")


@serve.deployment(name="router", route_prefix="/")
class Router:
    def __init__(self, names):
        self.handles = {name: serve.get_deployment(name).get_handle(sync=False) for name in names}

    async def __call__(self, request: Request):
        name = request.url.path.strip("/").split("/")[0]
        if name not in self.handles:
            return JSONResponse({"error": f"no model {name!r}"}, status_code=404)
        ref = await self.handles[name].remote(request)
        return await ref


JSONModel.deploy()
text_model.deploy()
Router.deploy(["json", "text"])
base = "http://127.0.0.1:8000"
print("OUT", requests.post(base + "/json", json=[1, 2]).json())
JSONModel.options(route_prefix="/hidden/json").deploy()
text_model.options(route_prefix="/hidden/text").deploy()
print("OUT", requests.post(base + "/json", json=[1, 2], headers={"x-who": "me"}).json())
print("OUT", requests.post(base + "/text?end=!", data="loud").text)
r = requests.get(base + "/other")
print("OUT", r.status_code, r.json())
