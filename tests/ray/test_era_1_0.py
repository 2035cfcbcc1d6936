"""What `--era` changes for programs with a Client: Flask requests for 1.0-1.1, and what a second start() means."""

from __future__ import annotations

import pytest
import ray
import requests

import serve_compat as serve
from tests.ray.cluster import free_port

pytest.importorskip("werkzeug")


@pytest.fixture
def started(ray_session, monkeypatch):
    """Starts instances of an era, each on a port of its own: gives (client, url)."""
    clients = []

    def start(era=None):
        monkeypatch.setenv("SERVE_COMPAT_ERA", era or "")
        port = free_port()
        clients.append(serve.start(http_options={"port": port}))
        return clients[-1], f"http://127.0.0.1:{port}"

    yield start
    for client in clients:
        client.shutdown()


def read(request):
    return [request.json, request.args["x"], request.method, request.headers.get("X-A")]


def test_requests_are_flasks_over_http_and_through_handles(started):
    client, url = started("1.0")
    client.create_backend("read", read)
    client.create_endpoint("read", backend="read", route="/read", methods=["POST"])
    answer = requests.post(url + "/read?x=1", json={"k": 1}, headers={"X-A": "a"}, timeout=30)
    assert answer.json() == [{"k": 1}, "1", "POST", "a"]
    handle = client.get_handle("read")
    assert ray.get(handle.remote({"k": 2}, x=2)) == [{"k": 2}, 2, "GET", None]
    assert ray.get(handle.remote(request_data={"k": 3}, x=3)) == [{"k": 3}, 3, "GET", None]
    assert handle.options(http_method="PUT", http_headers={"X-A": "b"}) is handle
    assert ray.get(handle.remote({"k": 2}, x=2)) == [{"k": 2}, 2, "PUT", "b"]


def test_references_in_handle_calls_arrive_as_their_values(started):
    client, _ = started("1.0")
    client.create_backend("read", read)
    client.create_endpoint("read", backend="read")
    answer = client.get_handle("read").remote(ray.put({"k": 1}), x=ray.put(2))
    assert ray.get(answer) == [{"k": 1}, 2, "GET", None]


def test_a_request_is_sent_on_unchanged(started):
    class Front:
        def __init__(self):
            self.handle = serve.connect().get_handle("behind", sync=False)

        async def __call__(self, request):
            return await (await self.handle.remote(request))

    client, url = started("1.0")
    client.create_backend("behind", read)
    client.create_endpoint("behind", backend="behind")
    client.create_backend("front", Front)
    client.create_endpoint("front", backend="front", route="/front", methods=["POST"])
    answer = requests.post(url + "/front?x=1", json={"k": 1}, timeout=30)
    assert answer.json() == [{"k": 1}, "1", "POST", None]


def test_without_the_era_a_flask_program_is_told_about_it(started):
    client, url = started()
    client.create_backend("read", read)
    client.create_endpoint("read", backend="read", route="/read", methods=["POST"])
    answer = requests.post(url + "/read?x=1", json={"k": 1}, timeout=30)
    assert answer.status_code == 500
    assert "--era 1.0" in answer.text


def test_a_second_start_is_another_instance_in_era_1_2(started):
    (first, _), (second, _) = started("1.2"), started("1.2")
    first.create_backend("b", lambda request: "x")
    assert second.list_backends() == {}


def test_a_second_start_attaches_in_era_1_4_and_clients_do_as_module_functions(started):
    first, url = started("1.4")
    with pytest.warns(UserWarning, match=r"serve\.start\(\) attached to the instance that runs already"):
        second, _ = started("1.4")
    first.create_backend("b", lambda request: request.path_params["name"])
    first.create_endpoint("b", backend="b", route="/b/{name}")
    assert second.list_backends().keys() == {"b"}
    assert requests.get(url + "/b/ada", timeout=30).text == "ada"
