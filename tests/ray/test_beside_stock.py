"""One cluster, two instances: stock Ray Serve's and ours, whichever came first.

Stock cannot be imported beside this project's test environment. It is played by an actor that looks like it from
outside: its controller's name, namespace and class name. Where `.venv-peers` is there, the real one plays itself.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray
import requests
from click.testing import CliRunner

import serve_compat as serve
from bench.peers import PEERS
from serve_compat.cli import main
from tests.ray.cluster import environment, free_port, running_cluster

NAMESPACE = "serve"
STOCK = ("SERVE_CONTROLLER_ACTOR", NAMESPACE)
BESIDE = "SERVE_COMPAT_CONTROLLER"


class ServeController:
    """As much of stock's controller as somebody meets who takes it for his own."""

    def pid(self):
        return os.getpid()

    def get_all_endpoints(self):
        return {}


class Stock:
    """Stock Ray Serve, as far as another program meets it."""

    def __init__(self):
        kind = ray.remote(ServeController)
        self.controller = kind.options(name=STOCK[0], namespace=STOCK[1], lifetime="detached", num_cpus=0).remote()
        self._pid = self.pid()

    def pid(self):
        return ray.get(self.controller.pid.remote(), timeout=30)

    def lives(self):
        return self.pid() == self._pid and ray.get_actor(*STOCK) == self.controller


@pytest.fixture
def start_stock(ray_session):
    started = []

    def start():
        started.append(Stock())
        return started[-1]

    yield start
    serve.shutdown()
    for stock in started:
        assert stock.lives()
        ray.kill(stock.controller)
    ray_session.check_nothing_is_left()


def serve_ours(**more):
    port = free_port()
    serve.start(detached=True, http_options={"port": port}, **more)
    serve.create_backend("ours", lambda request: "ours")
    serve.create_endpoint("ours", backend="ours", route="/ours")
    return f"http://127.0.0.1:{port}/ours"


def verb(*arguments):
    """A verb in this process, which is connected to the cluster already."""
    done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def python(cluster, tmp_path, text, *arguments, **more):
    (tmp_path / "program.py").write_text(text)
    command = [sys.executable, *arguments, str(tmp_path / "program.py"), cluster.address, cluster.client]
    env = environment(RAY_TMPDIR=cluster.directory, **more)
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_nothing_of_stocks_is_used_or_ended_where_ours_was_never_started(ray_session, start_stock):
    start_stock()
    with pytest.raises(serve.exceptions.RayServeException, match="stock Ray Serve's"):
        serve.connect()
    with pytest.raises(serve.exceptions.RayServeException, match="stock Ray Serve's"):
        serve.list_backends()
    serve.shutdown()
    for arguments in (["status"], ["traffic", "e", "b=1"], ["shutdown", "--yes"], ["routes", "--instance", STOCK[0]]):
        done = verb(*arguments)
        assert (done.exit_code, "stock Ray Serve's" in done.stderr) == (3, True)


DOORS = """
import sys, ray
ray.init(sys.argv[1], namespace="serve", log_to_driver=False)
import serve_compat as serve

@serve.deployment(route_prefix="/deployed")
class Deployed:
    def __call__(self, request):
        return sorted(serve.connect().list_endpoints())

@serve.deployment
class Graph:
    def __call__(self, request=None):
        return "graph"

again = serve.start(detached=True)
print(sorted(serve.connect().list_backends()), sorted(serve.list_backends()), sorted(again.list_endpoints()))
Deployed.deploy()
print(sorted(serve.list_deployments()))
serve.run(Graph.bind())
print(ray.get(serve.get_handle("ours").remote()))
"""
ERA_0_8 = """
import sys, ray
ray.init("ray://" + sys.argv[2], namespace="serve", log_to_driver=False)
from ray import serve
serve.init()
print(sorted(serve.list_backends()))
serve.init("other")
print(sorted(serve.list_backends()))
serve.shutdown()
"""


def test_ours_lives_beside_stock_and_every_door_finds_it(ray_session, start_stock, tmp_path):
    start_stock()
    url = serve_ours()
    assert requests.get(url, timeout=30).text == "ours"
    assert ray.get_actor(BESIDE, namespace=NAMESPACE)
    shown = python(ray_session, tmp_path, DOORS)
    assert shown.splitlines() == ["['ours'] ['ours'] ['ours']", "['Deployed', 'ours']", "ours"]
    assert requests.get(url.replace("ours", "deployed"), timeout=30).json() == ["Deployed", "Graph", "ours"]
    shown = python(ray_session, tmp_path, ERA_0_8, "-m", "serve_compat", "run", "--era", "0.8")
    assert shown.splitlines() == ["['Deployed', 'Graph', 'ours']", "[]"]


def test_ours_lives_beside_stock_and_every_verb_finds_it(start_stock):
    start_stock()
    url = serve_ours()
    assert "/ours" in verb("status").stdout
    assert "/ours" in verb("routes").stdout
    for arguments in (["traffic", "ours", "ours=1"], ["shadow", "ours", "ours", "0.5"], ["scale", "ours", "2"]):
        done = verb(*arguments)
        assert done.exit_code == 0, done.stderr
    assert verb("delete", "ours", "--endpoint").exit_code == 0
    assert requests.get(url, timeout=30).status_code == 404
    assert verb("shutdown", "--yes").stdout == f"instance {BESIDE} is shut down\n"
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_where_stock_comes_later_a_setting_keeps_its_name_free(start_stock, monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_CONTROLLER_NAME", "TEAM")
    url = serve_ours()
    start_stock()
    assert requests.get(url, timeout=30).text == "ours"
    monkeypatch.delenv("SERVE_COMPAT_CONTROLLER_NAME")
    assert "Instance TEAM" in verb("status").stdout  # also in a shell in which nobody set it
    assert set(serve.connect().list_backends()) == {"ours"}
    assert verb("shutdown", "--yes").exit_code == 0


# the real one

STOCK_PROGRAM = """
import sys, ray
ray.init(sys.argv[1], log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": sys.argv[2]}})
from ray import serve
if sys.argv[3] == "start":
    @serve.deployment
    class Stock:
        def __call__(self, request):
            return "stock"
    serve.start(http_options={"port": int(sys.argv[4])})
    serve.run(Stock.bind())
if sys.argv[3] == "shutdown":
    serve.shutdown()
print(sorted(each.status.value for each in serve.status().applications.values()))
"""
OURS_PROGRAM = """
import sys, ray
ray.init(sys.argv[1], namespace="serve", log_to_driver=False)
import serve_compat as serve
serve.start(detached=True, http_options={"port": int(sys.argv[2])})
serve.create_backend("ours", lambda request: "ours")
serve.create_endpoint("ours", backend="ours", route="/")
"""


def shell(cluster, *arguments):
    command = [sys.executable, "-m", "serve_compat", *arguments, "--address", cluster.address]
    env = environment(RAY_TMPDIR=cluster.directory)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=90)


def real_stock(cluster, *arguments):
    packages = next(PEERS.glob("lib/python*/site-packages"))
    env = environment(RAY_TMPDIR=cluster.directory, PYTHONPATH=str(packages))
    command = [sys.executable, "-c", STOCK_PROGRAM, cluster.address, str(packages), *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.skipif(not Path(PEERS, ".installed").exists(), reason="no stock Ray Serve: bench.cases installs it")
@pytest.mark.parametrize("first", ["stock", "ours"])
def test_the_real_stock_and_ours_live_side_by_side_and_end_one_after_the_other(tmp_path, first):
    ports = {"stock": free_port(), "ours": free_port()}
    setting = {} if first == "stock" else {"SERVE_COMPAT_CONTROLLER_NAME": BESIDE}
    with running_cluster() as cluster:
        for who in sorted(ports, key=lambda each: each != first):
            if who == "stock":
                real_stock(cluster, "start", ports["stock"])
            else:
                command = [sys.executable, "-c", OURS_PROGRAM, cluster.address, str(ports["ours"])]
                subprocess.run(command, env=environment(**setting), check=True, timeout=90)
        for who, port in ports.items():
            assert requests.get(f"http://127.0.0.1:{port}/", timeout=30).text == who
        assert real_stock(cluster, "look") == "['RUNNING']"
        assert "Instance SERVE_COMPAT_CONTROLLER" in shell(cluster, "status").stdout
        assert shell(cluster, "shutdown", "--yes").returncode == 0
        assert shell(cluster, "shutdown", "--yes").returncode == 3
        assert real_stock(cluster, "look") == "['RUNNING']"
        assert requests.get(f"http://127.0.0.1:{ports['stock']}/", timeout=30).text == "stock"
