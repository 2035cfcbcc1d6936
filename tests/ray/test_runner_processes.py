"""Serve used from everywhere a program's code can run: tasks, actors, replicas, multiprocessing, sub-processes."""

import subprocess

from tests.ray.cluster import environment, free_port, runner

PROGRAM = """
import multiprocessing, subprocess, sys
import ray
import ray.serve as s
from ray import serve
from ray.serve import deployment as deploy_me, exceptions as errors
from ray.serve.handle import RayServeHandle as Handle

def name_of_serve(results):
    from ray import serve
    results.put(serve.__name__)

@ray.remote(num_return_vals=2, num_cpus=0)
def task(handle):
    from ray import serve
    import ray.serve.exceptions
    return serve.__name__, ray.get(handle.remote(1))

@ray.remote(num_cpus=0)
class Manager:
    def __init__(self):
        from ray import serve
        self.client = serve.connect()

    def add(self, tag):
        self.client.create_backend(tag, Backend)
        self.client.create_endpoint(tag, backend=tag)
        return ray.get(self.client.get_handle(tag).remote(2))

class Backend:
    def __call__(self, request):
        from ray import serve
        return serve.__name__, serve.get_current_backend_tag()

if __name__ == "__main__":
    ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)
    client = s.start(detached=True, http_options={"port": int(sys.argv[1])})
    client.create_backend("b", Backend)
    client.create_endpoint("e", backend="b")
    handle = client.get_handle("e")
    print(isinstance(handle, Handle), s is serve is ray.serve, deploy_me is serve.deployment, errors.__name__)
    print(*ray.get(list(task.remote(handle))))
    print(ray.get(Manager.remote().add.remote("made_by_actor")))
    for method in ("spawn", "fork"):
        context = multiprocessing.get_context(method)
        results = context.Queue()
        child = context.Process(target=name_of_serve, args=(results,))
        child.start()
        print(method, results.get(timeout=30))
        child.join()
    code = "from ray import serve; print(serve.__name__)"
    print("subprocess", subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
    client.shutdown()
"""


def test_serve_is_ours_wherever_the_programs_code_runs(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = runner(str(tmp_path / "program.py"), str(free_port()))
    done = subprocess.run(
        command, env=environment(RAY_ADDRESS="local"), capture_output=True, text=True, timeout=100, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == [
        "True True True serve_compat.exceptions",
        "serve_compat ('serve_compat', 'b')",
        "('serve_compat', 'made_by_actor')",
        "spawn serve_compat",
        "fork serve_compat",
        "subprocess serve_compat",
    ]
    assert "ray.remote(num_return_vals=...) is called num_returns today" in done.stderr
