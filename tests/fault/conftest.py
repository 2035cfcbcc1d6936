import pytest
import ray

pytest.register_assert_rewrite("tests.fault.ledger", "tests.fault.lives")

import serve_compat as serve
from tests.fault.ledger import Ledger, NotingBackend


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=16, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def client(cluster):
    started = serve.start(detached=True)
    yield started
    started.shutdown()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "started")


@pytest.fixture
def noting(client, ledger):
    """A backend "noting" at /noting with 4 replicas; gives its handle."""
    client.create_backend("noting", NotingBackend, str(ledger.path), config={"num_replicas": 4})
    client.create_endpoint("noting", backend="noting", route="/noting", methods=["GET", "POST"])
    return client.get_handle("noting")
