import io

import pytest

from serve_compat.deployments.deployment import deployment
from serve_compat.graph import application as module
from serve_compat.graph import schema
from serve_compat.graph.application import Application, build, built
from serve_compat.graph.handles import RayServeDAGHandle, RayServeDeploymentHandle
from serve_compat.graph.nodes import InputNode


@pytest.fixture(autouse=True)
def _a_program_of_a_file(monkeypatch):
    monkeypatch.setattr(module.sys.modules["__main__"], "__file__", "program.py", raising=False)


class Model:
    def __init__(self, *args, **kwargs):
        pass

    def predict(self, x):
        return x


def double(x):
    return 2 * x


def driven():
    with InputNode() as request:
        dag = deployment(Model).bind(3).predict.bind(deployment(double).bind(request[0]))
    return deployment(Model, name="driver").bind([dag], x={"m": deployment(Model).bind()})


def test_the_deployments_come_in_order_and_the_root_is_the_ingress():
    application = built(driven())
    assert [(each.name, each.route_prefix) for each in application.deployments.values()] == [
        ("double", None),
        ("Model", None),
        ("Model_1", None),
        ("driver", "/"),
    ]
    assert application.ingress is application.deployments["driver"]


def test_constructors_get_handles_in_the_place_of_nodes():
    driver = built(driven()).deployments["driver"]
    assert repr(driver.init_args) == "([RayServeDAGHandle(double.__call__ -> Model.predict)],)"
    assert driver.init_kwargs == {"x": {"m": RayServeDeploymentHandle("Model_1")}}
    assert built(driven()).deployments["Model"].init_args == (3,)


def test_a_function_bound_to_nothing_is_a_handle_that_takes_arguments():
    application = built(deployment(Model).bind(deployment(double).bind()))
    assert application.deployments["Model"].init_args == (RayServeDeploymentHandle("double"),)


def test_options_are_kept_and_versions_dropped():
    root = deployment(Model, version="v1", prev_version="v0", num_replicas=3, ray_actor_options={"num_cpus": 0})
    made = built(root.bind()).deployments["Model"]
    assert (made.version, made.prev_version, made.num_replicas) == (None, None, 3)
    assert made.ray_actor_options == {"num_cpus": 0}
    assert root.version == "v1"


@pytest.mark.parametrize(
    ("given", "expected"), [({}, "/"), ({"route_prefix": "/Model"}, "/"), ({"route_prefix": "/x"}, "/x")]
)
def test_the_ingress_answers_at_the_root_unless_it_has_its_own_prefix(given, expected):
    assert built(deployment(Model, **given).bind()).ingress.route_prefix == expected


def test_an_inner_deployment_with_a_prefix_is_refused():
    with pytest.raises(ValueError, match="Route prefix is only configurable on the ingress deployment"):
        built(deployment(Model).bind(deployment(double, route_prefix="/d").bind()))


def test_the_input_cannot_be_an_argument_of_a_constructor():
    with pytest.raises(ValueError, match="is an argument of a constructor"):
        built(deployment(Model).bind([InputNode()["x"]]))


@pytest.mark.parametrize("target", [deployment(Model), Model, 5, "x", None])
def test_what_is_no_node_is_refused(target):
    with pytest.raises(TypeError, match=r"take a node made by \.bind"):
        built(target)


def test_nodes_that_cannot_be_served_by_themselves_are_refused():
    function, model = deployment(double), deployment(Model).bind()
    for target in (InputNode(), InputNode()[0], model.predict.bind(1), function.bind(function.bind(1))):
        with pytest.raises(ValueError, match=r"cannot be served by itself.*lease provide a driver class"):
            built(target)
    assert list(built(function.bind(InputNode())).deployments) == ["double"]


def nothing():
    return None


def test_a_function_bound_to_nothing_gets_what_it_is_called_with_if_it_takes_anything():
    of = {each: built(deployment(Model).bind(deployment(each).bind())) for each in (double, nothing)}
    kinds = {each: type(made.deployments["Model"].init_args[0]) for each, made in of.items()}
    assert kinds == {double: RayServeDeploymentHandle, nothing: RayServeDAGHandle}


def test_one_node_used_twice_is_one_deployment():
    shared = deployment(Model).bind()
    assert list(built(deployment(Model, name="root").bind(shared, shared)).deployments) == ["Model", "root"]


def test_the_deployments_of_an_application_cannot_be_exchanged():
    application = build(driven())
    with pytest.raises(RuntimeError):
        application.deployments["driver"] = deployment(Model)
    with pytest.raises(RuntimeError):
        del application.deployments["driver"]


def test_a_named_run_renames_handles_and_plans_too():
    driver = built(driven()).renamed("app").deployments["app_driver"]
    assert repr(driver.init_args[0][0]) == "RayServeDAGHandle(app_double.__call__ -> app_Model.predict)"
    assert driver.init_kwargs["x"]["m"].deployment_name == "app_Model_1"


def same(one, other):
    assert one.deployments == other.deployments
    assert [each.func_or_class for each in one.deployments.values()] == [
        each.func_or_class for each in other.deployments.values()
    ]


def test_an_application_survives_json_and_yaml():
    application = build(driven())
    same(Application.from_dict(application.to_dict()), application)
    same(Application.from_yaml(application.to_yaml()), application)
    file = io.StringIO()
    assert application.to_yaml(file) is None
    same(Application.from_yaml(io.StringIO(file.getvalue())), application)


def test_what_cannot_be_imported_cannot_be_described():
    def inner(x):
        return x

    with pytest.raises(RuntimeError, match="is defined in a function and cannot be imported"):
        build(deployment(inner).bind()).to_dict()
    with pytest.raises(TypeError, match="Model cannot be written as JSON"):
        build(deployment(Model).bind(object())).to_dict()


def test_build_is_refused_in_an_interactive_session(monkeypatch):
    monkeypatch.setitem(module.sys.modules, "__main__", type(module)("__main__"))
    with pytest.raises(RuntimeError, match="interactive session"):
        build(deployment(Model).bind())


def test_the_main_module_is_named_by_its_file_or_its_module_name(monkeypatch):
    main = type(module)("__main__")
    main.__spec__, main.__file__ = None, "/x/train.py"
    monkeypatch.setattr(Model, "__module__", "__main__")
    assert schema.path_of(Model, main) == "train.Model"
    main.__spec__ = type("Spec", (), {"name": "pkg.train"})
    assert schema.path_of(Model, main) == "pkg.train.Model"


def test_handles_are_told_what_awaiting_gives_when_they_are_made(monkeypatch):
    monkeypatch.setenv("SERVE_DEPLOYMENT_HANDLE_IS_SYNC", "0")
    driver = built(driven()).deployments["driver"]
    assert driver.init_kwargs["x"]["m"]._awaited.name == "REFERENCE"
    assert isinstance(driver.init_args[0][0], RayServeDAGHandle)
