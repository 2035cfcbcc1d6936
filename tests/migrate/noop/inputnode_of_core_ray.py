import ray
from ray.dag import InputNode


@ray.remote
def serve(x):
    return x


with InputNode() as x:
    dag = serve.bind(x)
print(ray.get(dag.execute(1)))
