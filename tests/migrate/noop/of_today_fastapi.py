from fastapi import FastAPI
from ray import serve

app = FastAPI()


@serve.deployment(autoscaling_config={"min_replicas": 1, "max_replicas": 3})
@serve.ingress(app)
class Api:
    @app.get("/hello")
    def hello(self, name: str) -> str:
        return f"Hello {name}"

    @serve.batch(max_batch_size=4, batch_wait_timeout_s=0.1)
    async def many(self, names):
        return [name.upper() for name in names]


application = Api.bind()
