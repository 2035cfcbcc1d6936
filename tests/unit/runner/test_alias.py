import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def python(code, cwd):
    """What a program that calls serve_compat.install() first prints."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nimport serve_compat; serve_compat.install()\n{code}"
    done = subprocess.run([sys.executable, "-c", program], cwd=cwd, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_way_to_import_ray_serve_gives_ours(tmp_path):
    code = """
from ray import serve
import ray.serve as again
import ray
from ray.serve.exceptions import RayServeException
from ray.serve.config import BackendConfig
import ray.serve.handle
print(serve.__name__, again is serve, ray.serve is serve)
print(RayServeException.__module__, BackendConfig.__module__, ray.serve.handle.RayServeHandle.__module__)
print(serve.__spec__.name, ray.__loader__.__class__.__name__)
"""
    assert python(code, tmp_path).splitlines() == [
        "serve_compat True True",
        "legacy.errors legacy.config legacy.handle",
        "serve_compat SourceFileLoader",
    ]


def test_old_keywords_reach_todays_ray_init_through_the_runner(tmp_path):
    program = tmp_path / "old.py"
    program.write_text("""
import ray
try:
    ray.init(include_webui=False, lru_evict=True, no_such_keyword=1)
except RuntimeError as error:
    print(error)
""")
    command = [sys.executable, "-m", "serve_compat", "run", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "no_such_keyword" in done.stdout
    assert "include_webui" not in done.stdout
    assert "ray.init(include_webui=...) is called include_dashboard today" in done.stderr


def test_a_ray_serve_that_was_imported_before_is_replaced(tmp_path):
    code = """
import types, ray
sys.modules["ray.serve"] = ray.serve = types.ModuleType("ray.serve")
serve_compat.install()
from ray.serve import api
import ray.serve
print(ray.serve.__name__, api.__name__)
"""
    assert python(code, tmp_path) == "serve_compat serve_compat.api\n"


def test_inner_modules_we_do_not_offer_are_named(tmp_path):
    code = """
try:
    import ray.serve._private.common
except ModuleNotFoundError as error:
    print(error.name)
    print(error)
"""
    name, text = python(code, tmp_path).splitlines()
    assert (name, text.partition("; ")[0]) == ("ray.serve._private", "serve_compat offers no 'ray.serve._private'")
    assert "its inner ones not" in text


def test_what_user_code_refers_to_can_be_unpickled_without_the_alias(tmp_path):
    code = """
from ray import cloudpickle, serve
def handler(request):
    return serve.get_replica_context
print(cloudpickle.dumps(handler).hex())
"""
    pickled = bytes.fromhex(python(code, tmp_path))
    assert b"serve_compat" in pickled
    assert b"ray.serve" not in pickled


def test_installing_twice_changes_nothing(tmp_path):
    code = """
serve_compat.install()
import ray
serve_compat.install()
print(sum(type(finder).__name__ == "_Finder" for finder in sys.meta_path), ray.init.__name__)
print(hasattr(ray.init.__wrapped__, "_adapted_by_serve_compat"))
"""
    assert python(code, tmp_path).splitlines() == ["1 init", "False"]


def test_installing_says_the_era_for_this_process_and_those_it_starts(tmp_path):
    code = """
import os
from legacy import eras
print(eras.chosen().name or None)
serve_compat.install(era="1.0")
print(eras.chosen().name, os.environ["SERVE_COMPAT_ERA"])
try:
    serve_compat.install(era="1.1")
except ValueError as error:
    print("no era" in str(error))
"""
    assert python(code, tmp_path).splitlines() == ["None", "1.0 1.0", "True"]


def test_names_that_only_older_rays_had_are_found(tmp_path):
    code = """
from ray.experimental import serve
import ray.experimental.serve as early
from ray.experimental.serve.policy import RoutePolicy
from ray.experimental.dag import InputNode
from ray.experimental.dag.input_node import InputNode as again
import ray.dag
print(serve.__name__, early is serve, RoutePolicy.__module__, InputNode is ray.dag.InputNode, again is InputNode)
"""
    assert python(code, tmp_path) == "serve_compat True legacy.early.api True True\n"


def test_modules_that_ray_has_moved_are_found_beside_a_plain_import_of_this_package(tmp_path):
    code = """
import ray.experimental.dag.class_node
from ray.experimental.dag.input_node import InputNode
from ray.experimental.dag import ClassNode
import ray.dag, serve_compat.dag
print(InputNode is ray.dag.InputNode, ClassNode is ray.experimental.dag.class_node.ClassNode)
try:
    import ray.experimental.dag.nothing
except ModuleNotFoundError as error:
    print(error.name)
"""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nimport serve_compat\n{code}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert (done.stdout.splitlines(), done.stderr) == (["True True", "ray.experimental.dag.nothing"], "")


def test_ray_serve_is_there_after_a_plain_import_of_ray(tmp_path):
    code = """
import ray
print(ray.serve.__name__, ray.serve.deployment.__name__)
try:
    ray.no_such_name
except AttributeError as error:
    print(error)
"""
    assert python(code, tmp_path).splitlines() == [
        "serve_compat deployment",
        "module 'ray' has no attribute 'no_such_name'",
    ]


def test_the_module_called_deployment_leaves_the_decorator_alone(tmp_path):
    code = """
from ray import serve
from ray.serve.deployment import Deployment
import ray.serve.deployment as module
from ray.serve import deployment
made = [decorator(lambda request: 1, name="x").name for decorator in (deployment, serve.deployment)]
print(Deployment.__module__, module.Deployment is Deployment, made)
"""
    assert python(code, tmp_path) == "serve_compat.deployments.deployment True ['x', 'x']\n"


def test_a_module_that_is_not_offered_is_explained_where_something_is_known(tmp_path):
    code = """
for name in ("model_wrappers", "schema"):
    try:
        __import__("ray.serve." + name)
    except ImportError as error:
        print(error)
"""
    old, newer = python(code, tmp_path).splitlines()
    assert "Ray 1.13 had serve.model_wrappers; here: " in old
    assert "Ray 1.12 and later have serve.schema; here: " in newer


def test_processes_that_are_started_after_install_are_aliased(tmp_path):
    code = """
import subprocess
command = [sys.executable, "-c", "import legacy; from ray import serve; print(serve.__name__, legacy.__name__)"]
print(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
"""
    assert python(code, tmp_path).strip() == "serve_compat legacy"


def test_a_dashboard_that_is_not_installed_is_left_out_with_a_warning(tmp_path):
    code = """
import warnings, ray
from legacy import cluster
from serve_compat.runner import ray_calls
print(cluster.has_dashboard() in (True, False))
cluster.has_dashboard = lambda: False
init = ray_calls._old_keywords_too(lambda **keywords: print(keywords["include_dashboard"]), lambda: False)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    init(address="local", include_webui=True)
print([str(one.message) for one in caught][1])
"""
    asked, first, second = python(code, tmp_path).splitlines()
    assert (asked, first) == ("True", "False")
    assert "ray[default]" in second
