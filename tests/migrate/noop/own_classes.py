import ray
from ray import serve


class DAGDriver:
    def bind(self, *dags):
        return dags


class Client:
    def create_backend(self, tag, target):
        return tag, target

    def create_endpoint(self, name, backend):
        return name, backend


class Deployment:
    def deploy(self):
        return "deployed"


client = Client()
client.create_backend("b", str)
client.create_endpoint("e", "b")
Deployment().deploy()
DAGDriver().bind(1)
print(serve.status())
