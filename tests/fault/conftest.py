import contextlib

import pytest
import ray

import serve_compat as serve

pytest.register_assert_rewrite("tests.fault.ledger", "tests.fault.lives", "tests.fault.signals", "tests.fault.wire")

from tests.fault.ledger import Ledger, NotingBackend  # noqa: E402 - after the registration
from tests.fault.signals import Gated, Signals  # noqa: E402


@pytest.fixture(scope="package")
def cluster():
    ray.init(num_cpus=16, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def client(cluster):
    started = serve.start(detached=True)
    yield started
    started.shutdown()


@pytest.fixture(scope="module")
def shared(cluster, request):
    """One instance for a whole module, whose HTTP_OPTIONS it uses."""
    started = serve.start(detached=True, http_options=getattr(request.module, "HTTP_OPTIONS", {}))
    yield started
    started.shutdown()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "started")


@pytest.fixture
def signals(tmp_path):
    made = Signals(tmp_path / "signals")
    yield made
    made.close()


@pytest.fixture
def noting(client, ledger):
    """A backend "noting" at /noting with 4 replicas; gives its handle."""
    client.create_backend("noting", NotingBackend, str(ledger.path), config={"num_replicas": 4})
    client.create_endpoint("noting", backend="noting", route="/noting", methods=["GET", "POST"])
    return client.get_handle("noting")


@pytest.fixture
def gated(shared, signals):
    """A context manager that serves `Gated` under a name at /name; gives a handle to its other methods."""

    @contextlib.contextmanager
    def serving(name="gated", **config):
        shared.create_backend(name, Gated, signals.path, config={"max_concurrent_queries": 1, **config})
        shared.create_endpoint(name, backend=name, route=f"/{name}", methods=["GET", "POST"])
        handle = shared.get_handle(name)
        yield lambda method: ray.get(handle.options(method_name=method).remote(), timeout=30)
        shared.delete_endpoint(name)
        shared.delete_backend(name, force=True)

    return serving
