"""`@serve.ingress`: classes that answer HTTP through an ASGI application."""
