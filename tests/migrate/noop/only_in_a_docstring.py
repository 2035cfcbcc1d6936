"""Run it.

    from ray import serve
    client = serve.start()
"""
import ray
