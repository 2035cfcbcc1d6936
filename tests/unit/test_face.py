import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import legacy
import legacy.api
import serve_compat
from legacy.public_names import API, MODULES, PACKAGE, modules_by_name
from serve_compat.config import ReplicaConfig
from serve_compat.context import TaskContext
from serve_compat.names import public

ROOT = Path(__file__).resolve().parents[2]

# reference, section 1: what each generation offered
_NAMES = """
    accept_batch BackendConfig CondaEnv connect Client start get_current_backend_tag get_current_replica_tag HTTPOptions
    batch get_replica_context ServeRequest get_handle shadow_traffic set_traffic delete_backend list_backends
    create_backend get_backend_config update_backend_config list_endpoints delete_endpoint create_endpoint shutdown
    deployment get_deployment list_deployments ingress run build delete
    init stat link split scale set_backend_config RoutePolicy ImportedBackend install
"""
IN_MODULES = {
    "BackendMetadata",
    "DeploymentMode",
    "RayServeException",
    "RayServeHandle",
    "RayServeSyncHandle",
    "ServeEncoder",
    "ServeMultiDict",
}
NAMES = _NAMES.split()
SUBMODULES = {
    "exceptions": ["RayServeException"],
    "config": [
        "BackendConfig",
        "HTTPOptions",
        "DeploymentMode",
        "ReplicaConfig",
        "BackendMetadata",
        "DeploymentConfig",
        "AutoscalingConfig",
    ],
    "common": ["DeploymentStatus", "DeploymentStatusInfo"],
    "handle": ["RayServeHandle", "RayServeSyncHandle", "RayServeDeploymentHandle", "RayServeLazySyncHandle"],
    "dag": ["InputNode"],
    "deployment_graph": ["InputNode", "ClassNode", "FunctionNode", "RayServeDAGHandle"],
    "drivers": ["DAGDriver", "load_http_adapter", "load_input_schema"],
    "http_adapters": ["json_request", "json_to_ndarray", "starlette_request", "image_to_ndarray", "NdArray"],
    "api": [
        "RayServeDAGHandle",
        "RayServeHandle",
        "RayServeException",
        "BackendConfig",
        "HTTPOptions",
        "CondaEnv",
        "logger",
        "Client",
        "start",
        "connect",
        "create_backend",
        "deployment",
        "Deployment",
        "get_deployment_statuses",
    ],
    "utils": [
        "logger",
        "_get_logger",
        "ServeRequest",
        "ServeMultiDict",
        "ServeEncoder",
        "get_random_letters",
        "block_until_http_ready",
    ],
    "backends": ["ImportedBackend"],
    "env": ["CondaEnv"],
    "batching": ["batch"],
    "client": ["ServeControllerClient"],
    "policy": ["RoutePolicy"],
    "context": ["TaskContext", "ReplicaContext", "get_global_client"],
    "constants": ["DEFAULT_HTTP_HOST", "DEFAULT_HTTP_PORT", "DEFAULT_HTTP_ADDRESS", "SERVE_CONTROLLER_NAME"],
}


@pytest.mark.parametrize("name", NAMES)
def test_every_old_name_is_there(name):
    assert getattr(serve_compat, name) is not None
    assert name in dir(serve_compat)


@pytest.mark.parametrize("package", [legacy, legacy.api, serve_compat, serve_compat.api])
def test_every_name_of_the_table_is_offered_and_is_one_thing_everywhere(package):
    everything = {**modules_by_name(API, PACKAGE, MODULES), **public.PACKAGE, **public.API}
    assert set(package.__all__) <= set(everything)
    for name in package.__all__:
        assert getattr(package, name) is getattr(importlib.import_module(everything[name]), name)
        assert name in dir(package)


def test_what_the_core_has_of_the_old_package_both_packages_offer():
    assert set(modules_by_name(MODULES)) == IN_MODULES
    assert set(modules_by_name(API, PACKAGE)) == set(legacy.__all__) & set(serve_compat.__all__)
    assert set(legacy.api.__all__) == set(modules_by_name(API)) <= set(serve_compat.api.__all__)


def test_pickles_that_name_an_old_module_can_be_read():
    assert pickle.loads(b"cserve_compat.common\nDeploymentStatus\n.") is serve_compat.common.DeploymentStatus
    assert pickle.loads(pickle.dumps(TaskContext.Web)) is TaskContext.Web
    assert TaskContext.__module__ == "serve_compat.context"


def test_a_module_of_the_old_package_is_a_file_of_its_own():
    assert set(public.MODULES) == set(SUBMODULES)


@pytest.mark.parametrize(("module", "names"), SUBMODULES.items())
def test_every_old_submodule_is_there(module, names):
    found = importlib.import_module(f"serve_compat.{module}")
    assert getattr(serve_compat, module) is found
    for name in names:
        assert getattr(found, name) is not None


def test_a_name_that_never_was_raises_attribute_error():
    for package in (serve_compat, legacy):
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            _ = package.nonsense


def test_importing_the_face_loads_neither_ray_nor_the_core():
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import serve_compat
print([name for name in ("ray", "pydantic", "starlette", "legacy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_replica_config_checks_what_create_backend_checks():
    assert ReplicaConfig(lambda r: 1).is_class is False
    with pytest.raises(TypeError):
        ReplicaConfig(7)
    with pytest.raises(ValueError, match="name"):
        ReplicaConfig(lambda r: 1, ray_actor_options={"name": "x"})
