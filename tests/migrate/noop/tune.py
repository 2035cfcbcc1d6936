import ray
from ray import tune
tune.run(serve, config={'num_replicas': 2})
