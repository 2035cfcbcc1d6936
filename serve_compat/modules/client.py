"""`ray.serve.client` of Ray 1.13-2.3: the class that programs name in type hints."""

from legacy.client import Client

__all__ = ["ServeControllerClient"]

ServeControllerClient = Client
