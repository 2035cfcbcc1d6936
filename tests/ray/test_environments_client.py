"""A program outside the cluster, through Ray Client: it packs its environment and sends it in."""

from pathlib import Path

import pytest

from tests.ray.cluster import running_cluster

PROGRAM = """
import sys
import ray
from ray import serve

address, prefix = sys.argv[1:]
ray.init(address)

def version(_):
    import demo_dep
    import sys
    return [demo_dep.__version__, sys.prefix]

client = serve.start()
for name in ("first", "second"):
    client.create_backend(name, version, ray_actor_options={"runtime_env": {"conda": prefix}})
    client.create_endpoint(name, backend=name)
    print(*ray.get(client.get_handle(name).remote()))
client.shutdown()
"""


@pytest.fixture
def cluster(tmp_path):
    with running_cluster(SERVE_COMPAT_ENVIRONMENTS_DIR=str(tmp_path / "cluster")) as made:
        yield made


def test_a_program_outside_the_cluster_sends_its_environment_once(cluster, two_prefixes, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    said = cluster.run(
        tmp_path / "program.py",
        f"ray://{cluster.client}",
        str(two_prefixes["dep2"]),
        SERVE_COMPAT_ENVIRONMENTS_DIR=str(tmp_path / "outside"),
    )
    lines = [line.split() for line in said.splitlines() if line.startswith("2.0 ")]
    (prefix,) = {prefix for _, prefix in lines}
    assert len(lines) == 2
    assert Path(prefix).parent == tmp_path / "cluster" / "prefixes"
    assert [path.name for path in (tmp_path / "cluster" / "archives").iterdir()] == [Path(prefix).name]
