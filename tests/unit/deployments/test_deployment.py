import pickle

import pytest
from ray import cloudpickle

from legacy.config import BackendConfig
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V1_4
from legacy.records import BackendSpec, DeploymentInfo, Endpoint
from legacy.session import deployments
from serve_compat.deployments.deployment import LEGACY_VERSION, Deployment, deployment, registered


class Model:
    def __init__(self, weight=1, *, name="m"):
        self.weight = weight


def double(request):
    return 2


@pytest.fixture
def wanted(monkeypatch):
    """What the last deploy() asked the core for."""
    asked = []
    monkeypatch.setattr(deployments, "deploy", lambda wish, blocking: asked.append((wish, blocking)))
    return lambda: asked[-1][0]


def info(route="/m", generation=DEPLOYMENT, version="v1", **config):
    code = cloudpickle.dumps((Model, (3,), {"name": "x"}))
    spec = BackendSpec("m", code, True, BackendConfig(**config), {"num_cpus": 1}, generation, version)
    endpoint = Endpoint("m", route, (), {"m": 1.0}, generation=generation)
    return DeploymentInfo(spec, endpoint, num_replicas=2)


@pytest.mark.parametrize(
    "made",
    [
        deployment(Model),
        deployment()(Model),
        deployment(name="Model")(Model),
        deployment("Model")(Model),
        deployment("Model", config={"num_replicas": 1})(Model),
        deployment(backend_def=Model),
        deployment(Model, "Model"),
    ],
)
def test_all_call_forms_make_the_same_deployment(made):
    assert (type(made), made.func_or_class, made) == (Deployment, Model, deployment(Model))
    assert repr(made) == "Deployment(name=Model,version=None,route_prefix=/Model)"


@pytest.mark.parametrize("target", [5, print, object(), deployment(Model)])
def test_only_classes_and_functions_are_decorated(target):
    with pytest.raises(TypeError, match="must be used with a class or function"):
        deployment(name="x")(target)


def test_neither_a_deployment_nor_its_class_can_be_called():
    with pytest.raises(RuntimeError, match=r"cannot be constructed directly\. Use `deployment.deploy"):
        deployment(Model)()
    with pytest.raises(RuntimeError):
        Deployment(Model, "name", None)


def test_options_makes_a_changed_copy_and_set_options_changes_the_object():
    one = deployment(name="one", init_args=(1,))(Model)
    two = one.options(double, name="two", num_replicas=2, init_args=None)
    assert (one.name, one.num_replicas, one.func_or_class) == ("one", 1, Model)
    assert (two.name, two.num_replicas, two.func_or_class, two.init_args) == ("two", 2, double, (1,))
    assert one.set_options(name="two") is None
    assert one.name == "two"


def test_equality_is_about_options_not_about_code():
    assert deployment(name="a")(Model) == deployment(name="a", num_replicas=1)(double)
    assert deployment(name="a")(Model) != deployment(name="a", health_check_period_s=1)(Model)
    assert deployment(Model) != "Model"
    with pytest.raises(TypeError):
        hash(deployment(Model))


def test_a_deployment_can_be_sent_to_another_process():
    original = deployment(name="a", version="v", init_args=(1,))(Model)
    assert pickle.loads(pickle.dumps(original)) == original


def test_arguments_of_deploy_win_and_fall_back_one_by_one(wanted):
    made = deployment(init_args=("opt",), init_kwargs={"name": "opt"})(Model)
    for args, kwargs, expected in [
        ((), {}, (("opt",), {"name": "opt"})),
        (("given",), {}, (("given",), {"name": "opt"})),
        ((), {"name": "given"}, (("opt",), {"name": "given"})),
    ]:
        made.deploy(*args, **kwargs)
        assert (wanted().init_args, wanted().init_kwargs) == expected


def test_deploy_passes_everything_on(wanted):
    deployment(name="n", version="v2", prev_version="v1", route_prefix=None, num_replicas=3)(Model).deploy()
    wish = wanted()
    assert (wish.name, wish.target, wish.version, wish.prev_version, wish.route) == ("n", Model, "v2", "v1", None)
    assert wish.config.num_replicas == 3


def test_what_was_looked_up_has_the_options_it_was_deployed_with():
    found = registered("m", info(user_config={"a": 1}))
    assert (found.name, found.version, found.route_prefix, found.num_replicas) == ("m", "v1", "/m", 2)
    assert (found.init_args, found.init_kwargs, found.user_config) == ((3,), {"name": "x"}, {"a": 1})
    assert found.func_or_class is Model
    assert found == deployment(
        name="m", version="v1", num_replicas=2, init_args=[3], init_kwargs={"name": "x"}, user_config={"a": 1}
    )(Model)


def test_what_was_looked_up_is_deployed_again_without_unpickling_it(wanted):
    broken = info()
    object.__setattr__(broken.spec, "code", b"names a module that is not here")
    registered("m", broken).options(num_replicas=3).deploy()
    assert (wanted().target, wanted().registered) == (None, broken.spec)


def test_what_was_looked_up_takes_other_arguments_or_other_code(wanted):
    found = registered("m", info())
    found.deploy(4)
    assert (wanted().target, wanted().init_args, wanted().init_kwargs) == (Model, (4,), {"name": "x"})
    found.options(func_or_class=double, init_args=(), init_kwargs={}).deploy()
    assert (wanted().target, wanted().init_args, wanted().registered) == (double, (), None)


def test_a_prefix_that_nobody_gave_reads_as_none_in_ray_1_4(monkeypatch, wanted):
    monkeypatch.setenv("SERVE_COMPAT_ERA", "1.4")
    made, given = deployment(name="m")(Model), deployment(name="m", route_prefix="/m")(Model)
    found = registered("m", info(generation=DEPLOYMENT_1_4))
    assert (made.route_prefix, given.route_prefix, found.route_prefix) == (None, "/m", None)
    assert str(registered("m", info(generation=V1_4, version=None))).endswith(
        "version=__serve_version__,route_prefix=/m)"
    )
    made.deploy()
    assert (wanted().route, made == given) == ("/m", True)


def test_a_backend_of_the_older_style_is_shown_as_in_ray_1_4():
    found = registered("m", info(generation=V1_4, version=None))
    assert found.version == LEGACY_VERSION == "__serve_version__"
