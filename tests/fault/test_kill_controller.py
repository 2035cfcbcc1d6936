import pytest

from tests.fault.ledger import Load
from tests.fault.processes import kill, titled

pytestmark = pytest.mark.fault


def test_killing_the_controller_touches_no_request(shared, noting, ledger):
    before = shared.list_backends(), shared.list_endpoints()
    with Load(ledger, "/noting") as load:
        for _ in range(3):
            load.wait_for(100)
            (pid,) = titled(r"^ray::.*Controller")
            kill(pid)
            assert (shared.list_backends(), shared.list_endpoints()) == before
        load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []


def test_replicas_survive_a_killed_controller(shared, noting, ledger):
    replicas = titled(r"^ray::.*Replica")
    assert len(replicas) == 4
    (pid,) = titled(r"^ray::.*Controller")
    kill(pid)
    assert set(shared.list_backends()) == {"noting"}
    assert titled(r"^ray::.*Replica") == replicas


def test_an_acknowledged_command_survives_a_kill_right_after_it(shared, noting):
    for number in range(5):
        shared.create_endpoint(f"e{number}", backend="noting", route=f"/e{number}")
        (pid,) = titled(r"^ray::.*Controller")
        kill(pid)
    assert {f"e{number}" for number in range(5)} <= set(shared.list_endpoints())
