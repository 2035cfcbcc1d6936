import pytest

from tests.fault.ledger import Load, NotingBackend

pytestmark = pytest.mark.fault


def test_scaling_down_and_up_loses_nothing(shared, noting, ledger):
    with Load(ledger, "/noting") as load:
        for replicas in (1, 4, 2):
            shared.update_backend_config("noting", {"num_replicas": replicas})
            load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []


def test_switching_traffic_loses_nothing_and_takes_effect_when_the_call_returns(shared, noting, ledger):
    shared.create_backend("other", NotingBackend, str(ledger.path))
    with Load(ledger, "/noting") as load:
        for number in range(20):
            shared.set_traffic("noting", {"other": 1.0} if number % 2 == 0 else {"noting": 1.0})
        load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []
    shared.delete_backend("other")


def test_deleting_a_backend_after_its_traffic_moved_away_loses_nothing(shared, noting, ledger):
    shared.create_backend("other", NotingBackend, str(ledger.path))
    with Load(ledger, "/noting") as load:
        load.wait_for(100)
        shared.set_traffic("noting", {"other": 1.0})
        shared.delete_backend("noting")
        load.wait_for(100)
    ledger.check()
    assert ledger.failed() == []
    shared.delete_endpoint("noting")
    shared.delete_backend("other")
