"""A serve instance for the tests of one file, and requests to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

import serve_compat as serve
from tests.ray.cluster import free_port


class Instance:
    """The running instance.

    Args:
        options: further HTTP options.

    Attributes:
        url: where its HTTP begins.
    """

    def __init__(self, port: int, options: dict[str, Any]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.client = serve.start(http_options={"port": port, "standby_after_s": None, **options})

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=30, **more)

    def clear(self) -> None:
        """Take everything out of service."""
        for name in self.client.list_endpoints():
            self.client.delete_endpoint(name)
        for deployment in serve.list_deployments().values():
            deployment.delete()


class Log:
    """Lines that several processes append to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(line + "\n")

    def lines(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []


@contextmanager
def running_instance(**options: Any) -> Iterator[Instance]:
    """An instance on a free port, in the cluster this process is connected to.

    Args:
        options: further HTTP options.
    """
    made = Instance(free_port(), options)
    try:
        yield made
    finally:
        serve.shutdown()
