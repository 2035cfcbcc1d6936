import pickle
import threading
from types import SimpleNamespace

import pytest

from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT
from legacy.records import BackendSpec, InstanceName
from legacy.session.session import Session

LOCK = threading.Lock()


def spec(user_config=None, actor_options=None):
    return BackendSpec(
        tag="m",
        code=b"the code",
        is_class=True,
        config=BackendConfig(user_config=user_config),
        actor_options=actor_options or {},
        generation=DEPLOYMENT,
    )


class Refusing:
    def __reduce__(self):
        raise pickle.PicklingError("cannot pickle it")


def refuses(*_):
    raise TypeError("Could not serialize the argument BackendSpec(...)") from TypeError("cannot pickle it")


def refuses_otherwise(*_):
    raise pickle.PicklingError("cannot pickle it")


def instance(command):
    controller = SimpleNamespace(change=SimpleNamespace(remote=command))
    return Session(controller, InstanceName("other", "ns"), owned=False, detached=True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((spec({"a": [LOCK]}),), "item 0 of item 'a' of user_config"),
        ((spec(None, {"runtime_env": LOCK}),), "item 'runtime_env' of ray_actor_options"),
        (("m", {"user_config": {"a": LOCK}}), "item 'a' of user_config"),
    ],
)
def test_what_of_a_command_cannot_be_pickled_is_named(args, said):
    with pytest.raises(TypeError) as raised:
        instance(refuses).command("change", *args)
    assert str(raised.value).startswith(f"'m' cannot be sent to its controller: cannot pickle it. It is {said}, of")


def test_what_a_value_itself_says_against_being_pickled_is_named_too():
    with pytest.raises(pickle.PicklingError, match=r"^'m' cannot be sent .*It is item 'a' of user_config, of type"):
        instance(refuses_otherwise).command("change", spec({"a": Refusing()}))


def test_a_user_config_that_is_too_large_is_refused_before_anything_is_sent(monkeypatch):
    monkeypatch.setattr("legacy.session.packing.MOST_CONFIG", 1000)
    said = r"^the user_config of 'm' has more than the 1,000 bytes that may be sent; save .* pass it to the constructor"
    for args in ((spec(b"x" * 1001),), ("m", {"user_config": {"weights": [b"x" * 1001]}})):
        with pytest.raises(ValueError, match=said):
            instance(pytest.fail).command("change", *args)
