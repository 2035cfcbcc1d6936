from ray.train.torch import TorchConfig as BackendConfig
serve = BackendConfig()
