"""Commands on a real cluster: the controller killed in the middle of each, and two clients with the same wish."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import ray

from tests.fault.ledger import Load, NotingBackend
from tests.fault.processes import kill, titled
from tests.fault.signals import tell

pytestmark = pytest.mark.fault


class Slowly:
    """Says when its constructor has begun, and ends it when a file appears."""

    def __init__(self, pipe, go):
        import time

        tell(pipe, "constructor")
        while not go.exists():
            time.sleep(0.02)

    def __call__(self, request=None):
        return "here"


def kill_controller():
    (pid,) = titled(r"^ray::.*Controller")
    kill(pid)


def in_background(command, *args, **kwargs):
    pool = ThreadPoolExecutor(1)
    future = pool.submit(command, *args, **kwargs)
    pool.shutdown(wait=False)
    return future


def test_a_command_under_way_when_the_controller_dies_is_finished_by_its_next_life(shared, signals, tmp_path):
    go = tmp_path / "go"
    creating = in_background(shared.create_backend, "slow", Slowly, signals.path, go, config={"num_replicas": 2})
    signals.wait_for("constructor", times=2)
    before = titled(r"^ray::.*Replica")
    kill_controller()
    assert set(shared.list_backends()) == {"slow"}
    go.touch()
    creating.result(60)
    assert titled(r"^ray::.*Replica") == before
    shared.create_endpoint("slow", backend="slow")
    assert ray.get(shared.get_handle("slow").remote()) == "here"
    shared.delete_endpoint("slow")
    shared.delete_backend("slow")
    assert titled(r"^ray::.*Replica") - before == set()


def test_commands_and_repeated_kills_lose_no_request_and_end_in_the_last_state(shared, ledger):
    for tag in ("a", "b"):
        shared.create_backend(tag, NotingBackend, str(ledger.path), 0.0)
    shared.create_endpoint("e", backend="a", route="/e", methods=["POST"])
    stop = threading.Event()

    def killing():
        life_s = 0.7
        while not stop.wait(life_s):
            life_s *= 1.1  # so that a machine on which coming back takes longer gets on, too
            for pid in titled(r"^ray::.*Controller"):  # none while it is coming back
                kill(pid)

    with Load(ledger, "/e", clients=4) as load:
        killer = in_background(killing)
        for number in range(6):
            shared.set_traffic("e", {"b": 1.0} if number % 2 == 0 else {"a": 0.5, "b": 0.5})
            shared.update_backend_config("a", {"num_replicas": 1 + number % 2})
        stop.set()
        killer.result(30)
        load.wait_for(50)
    ledger.check()
    assert ledger.failed() == []
    assert shared.list_endpoints()["e"]["traffic"] == {"a": 0.5, "b": 0.5}
    assert shared.get_backend_config("a").num_replicas == 2
    shared.delete_endpoint("e")
    for tag in ("a", "b"):
        shared.delete_backend(tag)


def test_two_clients_create_one_backend_and_one_of_them_is_told(shared):
    def create(_):
        try:
            shared.create_backend("twice", lambda request=None: "here")
        except ValueError as error:
            return str(error)
        return "created"

    before = titled(r"^ray::.*Replica")
    with ThreadPoolExecutor(2) as clients:
        outcomes = sorted(clients.map(create, range(2)))
    assert outcomes[1] == "created"
    assert "'twice': it is already registered" in outcomes[0]
    assert len(titled(r"^ray::.*Replica") - before) == 1
    with ThreadPoolExecutor(2) as clients:
        list(clients.map(shared.delete_backend, ["twice", "twice"]))
    assert shared.list_backends() == {}
