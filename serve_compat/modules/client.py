"""`ray.serve.client` of Ray 1.13-2.3: the class that programs name in type hints."""

from legacy.client import Client
from serve_compat.names.teaching import teaching_getattr

__getattr__ = teaching_getattr(__name__)

__all__ = ["ServeControllerClient"]

ServeControllerClient = Client
