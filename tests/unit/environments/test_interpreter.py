import shlex
import subprocess

import pytest

from legacy.environments.interpreter import prepare_interpreter
from legacy.environments.local import local_archive, local_prefix
from legacy.environments.lookup import LookupPaths
from legacy.environments.unpack import unpacked
from legacy.environments.wanted import Wanted, wanted_environment
from legacy.errors import EnvironmentFailedError
from tests.conda_channel import wheel
from tests.unit.environments.archives import archive


def run(made, code):
    # as Ray does it: a shell command
    command = f"exec {made.py_executable} -c {shlex.quote(code)}"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout.strip()


def by_prefix(prefix, *pip):
    return Wanted("prefix", str(prefix), "dep1", pip)


def test_two_environments_that_exclude_each_other_start_side_by_side(two_prefixes, cache, job):
    code = "import demo_dep, sys; print(demo_dep.__version__, sys.prefix)"
    for name, version in (("dep1", "1.0"), ("dep2", "2.0")):
        prefix = str(two_prefixes[name])
        made, lease = prepare_interpreter(prefix, Wanted("prefix", prefix, name), cache, job)
        with lease:
            assert run(made, code) == f"{version} {prefix}"
            assert made.digest == "", "it is used in place"


def test_activation_happens(two_prefixes, cache, job):
    made, _ = prepare_interpreter(str(two_prefixes["dep1"]), by_prefix(two_prefixes["dep1"]), cache, job)
    code = """import os, shutil
print(os.environ["DEMO_ACTIVATED"], os.environ["DEMO_VARIABLE"], shutil.which("demo-command"))"""
    prefix = two_prefixes["dep1"]
    assert run(made, code) == f"{prefix} from the 'package' {prefix}/bin/demo-command"


def test_a_shipped_environment_starts_where_it_was_unpacked_and_is_leased(two_prefixes, cache, job):
    wanted = by_prefix(two_prefixes["dep1"])
    sent = local_archive(wanted, cache, job, LookupPaths())
    prefix = unpacked(sent, cache, job)
    made, lease = prepare_interpreter(prefix, wanted, cache, job)
    assert run(made, "import demo_dep, sys; print(demo_dep.__version__, sys.prefix)") == f"1.0 {prefix}"
    assert made.digest == sent.digest
    with lease:
        assert all(entry.in_use for entry in cache.entries())
    assert not any(entry.in_use for entry in cache.entries())


def test_pip_packages_come_on_top_without_touching_the_environment(two_prefixes, cache, job, tmp_path, steps):
    pip = str(wheel(tmp_path, "demo_wheel", "3.0"))
    wanted = by_prefix(two_prefixes["dep1"], pip)
    made, lease = prepare_interpreter(wanted.value, wanted, cache, job)
    with lease:
        assert (
            run(made, "import demo_wheel, demo_dep; print(demo_wheel.__version__, demo_dep.__version__)") == "3.0 1.0"
        )
    plain, _ = prepare_interpreter(wanted.value, by_prefix(wanted.value), cache, job)
    assert run(plain, "import importlib.util as u; print(u.find_spec('demo_wheel'))") == "None"
    steps.clear()
    assert prepare_interpreter(wanted.value, wanted, cache, job)[0] == made
    assert steps == [], "it is installed once"


def test_a_pip_package_that_cannot_be_installed_is_named_and_leaves_nothing(two_prefixes, cache, job, tmp_path):
    wanted = by_prefix(two_prefixes["dep1"], "--no-index", "no-such-package")
    with pytest.raises(EnvironmentFailedError, match=r"demo: installing failed .*\n[\s\S]*no-such-package"):
        prepare_interpreter(wanted.value, wanted, cache, job)
    assert list((cache.root / "overlays").iterdir()) == []


def test_an_environment_that_is_gone_is_named(cache, job):
    with pytest.raises(EnvironmentFailedError, match=r"/none is gone or has no python; deploy again"):
        prepare_interpreter("/none", Wanted("prefix", "/none", "demo"), cache, job)


def test_a_packed_environment_is_nowhere_until_it_is_unpacked(tmp_path, cache, job):
    packed = archive(tmp_path / "mine.tar.gz")
    wanted = wanted_environment({"runtime_env": {"conda": packed.path}})
    assert local_prefix(wanted, cache, job, LookupPaths()) is None
    assert local_archive(wanted, cache, job, LookupPaths()) == packed
