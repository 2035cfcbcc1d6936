import subprocess
import sys
from pathlib import Path

from serve_compat.ray_calls import SETUP_HOOK, translated, where_to, with_setup_hook

ROOT = Path(__file__).resolve().parents[2]


def python(code, cwd):
    """What a program that calls serve_compat.install() first prints."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nimport serve_compat; serve_compat.install()\n{code}"
    done = subprocess.run([sys.executable, "-c", program], cwd=cwd, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_keywords_keep_their_meaning_under_new_names():
    kept, notes = translated({"num_cpus": 2, "include_webui": False, "redis_password": "x"})
    assert kept == {"num_cpus": 2, "include_dashboard": False, "_redis_password": "x"}
    assert len(notes) == 2
    assert "include_webui" in notes[0]
    assert "include_dashboard" in notes[0]


def test_keywords_that_are_gone_are_left_out_with_a_note():
    kept, notes = translated({"lru_evict": True, "local_mode": True})
    assert kept == {"local_mode": True}
    assert "lru_evict" in notes[0]


def test_a_keyword_given_under_both_names_counts_once():
    kept, notes = translated({"webui_host": "a", "dashboard_host": "b"})
    assert kept == {"dashboard_host": "b"}
    assert len(notes) == 1


def test_unknown_keywords_are_rays_to_judge():
    assert translated({"nonsense": 1}) == ({"nonsense": 1}, [])


def test_workers_of_a_running_cluster_are_told_by_their_runtime_env():
    assert with_setup_hook(None) == {"worker_process_setup_hook": SETUP_HOOK}
    assert with_setup_hook({"pip": []}) == {"pip": [], "worker_process_setup_hook": SETUP_HOOK}
    assert with_setup_hook({"worker_process_setup_hook": "own"}) == {"worker_process_setup_hook": "own"}


def test_keywords_that_describe_a_cluster_start_one_even_where_one_runs_already():
    assert where_to({"num_cpus": 4}) == {"num_cpus": 4, "address": "local"}
    assert where_to({"namespace": "x"}) == {"namespace": "x"}
    assert where_to({"address": "local", "num_cpus": 1}) == {"address": "local", "num_cpus": 1}


def test_a_cluster_that_is_named_gets_the_alias_into_its_workers():
    assert where_to({"address": "auto"}) == {"address": "auto", "runtime_env": with_setup_hook(None)}
    assert where_to({}, positional_address=True) == {"runtime_env": with_setup_hook(None)}


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
    import ray.serve.long_poll
except ModuleNotFoundError as error:
    print(error.name, "serve_compat offers no" in str(error))
"""
    assert python(code, tmp_path) == "ray.serve.long_poll True\n"


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
print(eras.chosen())
serve_compat.install(era="1.0")
print(eras.chosen().value, os.environ["SERVE_COMPAT_ERA"])
try:
    serve_compat.install(era="1.1")
except ValueError as error:
    print("no era" in str(error))
"""
    assert python(code, tmp_path).splitlines() == ["None", "1.0 1.0", "True"]


def test_workers_of_a_cluster_that_is_named_hear_of_the_era():
    told = where_to({"address": "auto", "runtime_env": {"env_vars": {"A": "1"}}}, era=lambda: "1.0")["runtime_env"]
    assert told["env_vars"] == {"A": "1", "SERVE_COMPAT_ERA": "1.0"}
    assert "env_vars" not in where_to({"address": "auto"})["runtime_env"]
