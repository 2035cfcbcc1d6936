import contextlib
import time

import pytest
import ray

import serve_compat as serve
from tests.fault import wire
from tests.fault.ledger import Ledger, NotingBackend
from tests.fault.signals import Gated, Signals


@pytest.fixture(scope="module")
def shared(ray_session, request):
    """One instance for a whole module, whose HTTP_OPTIONS it uses; without them there is one proxy."""
    options = {"standby_after_s": None, **getattr(request.module, "HTTP_OPTIONS", {})}
    started = serve.start(detached=True, http_options=options)
    yield started
    started.shutdown()


@pytest.fixture(autouse=True)
def _connections():
    yield
    wire.close_all()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "started")


@pytest.fixture
def signals(tmp_path):
    made = Signals(tmp_path / "signals")
    yield made
    made.close()


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    """The file in which "noting" notes what it starts."""
    return tmp_path_factory.mktemp("noting") / "started"


@pytest.fixture
def noting(shared, noted, ledger):
    """A backend "noting" at /noting with 4 replicas, all of which run, and an empty ledger; gives its handle.

    One for a whole file: what the test before killed or took away is there again.
    """
    if "noting" not in shared.list_backends():
        shared.create_backend("noting", NotingBackend, str(noted), config={"num_replicas": 4})
        shared.create_endpoint("noting", backend="noting", route="/noting", methods=["GET", "POST"])
    shared.update_backend_config("noting", {"num_replicas": 4})
    deadline = time.monotonic() + 60
    while states(shared, "noting") != ["RUNNING"] * 4:
        assert time.monotonic() < deadline, states(shared, "noting")
        time.sleep(0.05)  # a replica that was killed comes back by itself: no call waits for it
    noted.write_text("")
    ledger.path = noted
    return shared.get_handle("noting")


def states(client, backend):
    """Of its replicas."""
    replicas = client._session.status()["backends"][backend]["replicas"]
    return [replica["state"] for replica in replicas.values()]


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
