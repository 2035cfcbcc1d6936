from ray.train import Trainer
from ray.train.backend import BackendConfig
Trainer(backend=BackendConfig(), serve=1)
