# Written for Ray 1.4: which deployments are up, their names, lookups, numbers of replicas.
import ray
import requests
from ray import serve

ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)
serve.start()


@serve.deployment
def alpha(request):
    return "alpha"


@serve.deployment(name="beta", num_replicas=2, route_prefix="/b")
class Beta:
    def __call__(self, request):
        return "beta"


alpha.deploy()
Beta.deploy()

print("OUT", sorted(serve.list_deployments()))
print("OUT", len(serve.list_deployments()))
deployments = serve.list_deployments()
print("OUT", "alpha" in deployments, "gamma" in deployments)
print("OUT", sorted(deployments.keys()))
for name, deployment in sorted(serve.list_deployments().items()):
    print("OUT", name, deployment.num_replicas)
for name in sorted(deployments):
    print("OUT", name, deployments[name].num_replicas, deployments[name].name)
if "beta" in serve.list_deployments():
    serve.get_deployment("beta").delete()
print("OUT", list(serve.list_deployments()))
print("OUT", requests.get("http://127.0.0.1:8000/alpha").text)
print("OUT", requests.get("http://127.0.0.1:8000/b").status_code)
alpha.delete()
print("OUT", list(serve.list_deployments().keys()), len(serve.list_deployments()))
