"""Backends, endpoints and routes may have names in any script."""

import time

import pytest
import ray
import requests

import serve_compat as serve
from legacy.replica import replica


@pytest.mark.parametrize("name", ["größe", "尺寸", "taille ☕"])
def test_a_backend_with_a_name_that_is_not_ascii_starts_and_answers(instance, name):
    serve.create_backend(name, lambda request: request.query_params["x"])
    serve.create_endpoint(name, backend=name, route=f"/{name}")
    deadline = time.monotonic() + 2 * replica._FLUSH_S
    while time.monotonic() < deadline:  # until metrics with its name have been flushed
        assert requests.get(f"{instance.url}/{name}", params={"x": name}, timeout=30).text == name
        assert ray.get(serve.get_handle(name).remote(x=name)) == name
    replicas = instance.client._session.status()["backends"][name]["replicas"]
    assert [one["state"] for one in replicas.values()] == ["RUNNING"]
    serve.delete_endpoint(name)
    serve.delete_backend(name)
