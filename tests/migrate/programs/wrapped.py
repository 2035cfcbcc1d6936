# Written for Ray 1.2: functions and classes out of a table, with and without a request, one that waits.
import asyncio

import ray
import requests
from ray import serve
from starlette.responses import JSONResponse

ray.init(num_cpus=8, include_dashboard=False)
client = serve.start()


def ping():
    return "pong"


def square(request):
    return int(request.query_params["n"]) ** 2


async def later(request):
    await asyncio.sleep(0.01)
    return {"late": request.query_params.get("n")}


def refuse(request):
    return JSONResponse({"error": "no"}, status_code=403)


class Base:
    def __call__(self, request):
        return self.words(request.query_params["n"])


class Repeat(Base):
    def words(self, n):
        return "ha" * int(n)


table = {"ping": ping, "square": square, "later": later, "refuse": refuse, "repeat": Repeat}
for name, served in table.items():
    client.create_backend(name, served)
    client.create_endpoint(name, backend=name, route="/" + name)
client.create_backend("alone", Repeat)
client.create_endpoint("alone", backend="alone", route="/alone", methods=["GET", "PUT"])

for name in (*table, "alone"):
    for send in (requests.get, requests.put):
        answer = send("http://127.0.0.1:8000/" + name, params={"n": 3})
        print("OUT", name, answer.status_code, "".join(answer.text.split()) if answer.ok else "")
print("OUT", ray.get(client.get_handle("alone").remote(n=2)))
