try:
    from ray.serve.handle import DeploymentHandle as Handle
except ImportError:
    from ray.serve.handle import RayServeHandle as Handle

print(Handle)
