from legacy.replica import context
from legacy.replica.context import ReplicaContext


def test_outside_a_replica_there_is_no_context():
    assert context.current() is None


def test_the_context_of_a_replica_is_one_for_the_process():
    here = ReplicaContext("b", "b#abcdef", None, "controller", "serve")
    context.set_current(here)
    try:
        here.servable_object = 5
        assert context.current().servable_object == 5
        assert context.current().deployment == "b"
    finally:
        context.set_current(None)
