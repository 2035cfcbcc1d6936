from legacy.calls.target import Target
from legacy.records import Endpoint, Update
from legacy.traffic.router import Router


def router_with(*endpoints, version=1):
    router = Router(10)
    router.apply(Update("e", version, True, {endpoint.name: endpoint for endpoint in endpoints}))
    return router


def test_a_target_appears_with_its_endpoint():
    target = Target("ep")
    target.refresh(router_with())
    assert target.split is None
    assert not target.appeared.done()
    target.refresh(router_with(Endpoint("ep", None, ("GET",), {"b": 1})))
    assert target.appeared.done()
    assert target.split.primary(None, None) == "b"


def test_a_target_follows_the_traffic_policy():
    target = Target("ep")
    for backend in ("a", "b"):
        target.refresh(router_with(Endpoint("ep", None, ("GET",), {backend: 1})))
        assert target.split.primary(None, None) == backend


def test_a_target_keeps_its_last_policy_when_the_endpoint_is_deleted():
    target = Target("ep")
    target.refresh(router_with(Endpoint("ep", None, ("GET",), {"b": 1})))
    target.refresh(router_with())
    assert target.split.primary(None, None) == "b"


def test_a_target_without_a_backend_has_not_appeared_yet():
    target = Target("ep")
    target.refresh(router_with(Endpoint("ep", None, ("GET",), {})))
    assert not target.appeared.done()
    target.refresh(router_with(Endpoint("ep", None, ("GET",), {"b": 1})))
    assert target.appeared.done()


def test_a_target_that_was_deleted_returns_with_its_endpoint():
    target, endpoint = Target("ep"), Endpoint("ep", None, ("GET",), {"b": 1})
    target.refresh(router_with(endpoint))
    returned = target.return_of(router_with())
    assert returned is target.return_of(router_with())
    assert not returned.done()
    target.refresh(router_with(endpoint))
    assert returned.done()


def test_a_target_that_is_there_again_has_returned():
    target, endpoint = Target("ep"), Endpoint("ep", None, ("GET",), {"b": 1})
    target.refresh(router_with(endpoint))
    assert target.return_of(router_with(endpoint)).done()
