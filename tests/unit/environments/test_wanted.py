import json
import pickle
from pathlib import Path

import pytest

from legacy.environments.resolve import Activated, CondaEnv
from legacy.environments.wanted import Wanted, wanted_environment, with_wrapper


def wanted(conda, **more):
    return wanted_environment({"runtime_env": {"conda": conda, **more}}, base_dir="/work")


@pytest.mark.parametrize(
    ("conda", "kind", "value"),
    [
        ("tf1", "name", "tf1"),
        ("my.env", "name", "my.env"),
        ("/envs/tf1", "prefix", "/envs/tf1"),
        ("/envs/tf1/", "prefix", "/envs/tf1"),
        ("./tf1", "prefix", "/work/tf1"),
        ("envs/tf1", "prefix", "/work/envs/tf1"),
        (Path("/envs/tf1"), "prefix", "/envs/tf1"),
        ("/packs/tf1.tar.gz", "archive", "/packs/tf1.tar.gz"),
        ("packs/tf1.tar.zst", "archive", "/work/packs/tf1.tar.zst"),
    ],
)
def test_a_text_is_a_name_a_directory_or_a_packed_environment(conda, kind, value):
    found = wanted(conda)
    assert (found.kind, found.value) == (kind, value)


def test_the_argument_of_ray_1_is_a_name():
    assert wanted_environment({}, CondaEnv("tf1")) == Wanted("name", "tf1", "tf1")


def test_an_environment_file_is_read_and_its_order_does_not_matter(tmp_path):
    (tmp_path / "environment.yml").write_text(
        "name: tf\nchannels: [conda-forge]\ndependencies:\n- python=3.11\n- pip:\n  - -r more.txt\n"
    )
    (tmp_path / "more.txt").write_text("numpy==1.26  # why\n\n# no\n./wheels/x.whl\n")
    found = wanted(str(tmp_path / "environment.yml"))
    pip = ["numpy==1.26", str(tmp_path / "wheels" / "x.whl")]
    assert (found.kind, found.label) == ("spec", "tf")
    assert json.loads(found.value) == {
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", {"pip": pip}],
        "variables": {},
    }
    same = {"dependencies": ["python=3.11", {"pip": pip}], "channels": ["conda-forge"]}
    assert wanted(same).value == found.value


def test_a_channel_that_is_a_directory_is_found_from_everywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    channels = ["./channel", "/opt/channel", "~/channel", "conda-forge", "https://x/y", "conda-forge/label/z"]
    found = json.loads(wanted({"channels": channels, "dependencies": ["a"]}).value)["channels"]
    assert found == [f"file://{tmp_path}/channel", "file:///opt/channel", "file:///home/me/channel", *channels[3:]]


def test_an_environment_file_may_hold_any_text(tmp_path):
    (tmp_path / "environment.yml").write_bytes("\ufeff# größer\nname: größe\ndependencies: [python]\n".encode())
    assert wanted(str(tmp_path / "environment.yml")).label == "größe"


def test_without_a_wish_the_callers_active_environment_is_the_default():
    active = Activated(prefix="/opt/conda/envs/now", name="now")
    assert wanted_environment({}, active=active) == Wanted("prefix", "/opt/conda/envs/now", "now")
    assert wanted_environment({"runtime_env": {"image_uri": "x"}}, active=active) is None
    assert wanted_environment({}, active=Activated()) is None
    assert wanted_environment({"runtime_env": {"pip": ["x"]}}) is None


def test_pip_packages_beside_it_are_kept():
    assert wanted("tf1", pip=["numpy==1.26", "requests"]).pip == ("numpy==1.26", "requests")
    assert wanted("tf1", pip={"packages": ["x"], "pip_install_options": ["--no-deps"]}).pip == ("--no-deps", "x")


@pytest.mark.parametrize("key", ["py_executable", "container", "image_uri", "uv"])
def test_what_excludes_each_other_is_refused_with_the_remedy(key):
    with pytest.raises(ValueError, match=rf"conda environment and runtime_env\['{key}'\] exclude each other: .*;"):
        wanted("tf1", **{key: "x"})


def test_two_wishes_at_once_are_refused():
    with pytest.raises(ValueError, match=r"CondaEnv\(name='a'\).*'conda': 'b'.*keep one"):
        wanted_environment({"runtime_env": {"conda": "b"}}, CondaEnv("a"))


@pytest.mark.parametrize("conda", [7, "", b"x", ["numpy"], True])
def test_another_form_is_refused_and_the_forms_are_named(conda):
    with pytest.raises(TypeError, match=r"must be a name, a directory, an environment\.yml, a dict .*packed"):
        wanted(conda)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "names no 'dependencies'"),
        ({"dependencies": "numpy"}, "'dependencies' must be a list"),
        ({"dependencies": [7]}, "must be a str or"),
        ({"dependencies": [{"conda": []}]}, "must be a str or"),
        ({"dependencies": ["a"], "depends": []}, "has 'depends'"),
        ({"dependencies": [{"pip": ["-e ."]}]}, "editable requirement '-e'.*py_modules"),
        ({"dependencies": [{"pip": ["-r missing.txt"]}]}, "/work/missing.txt cannot be read"),
        ({"dependencies": ["a"], "variables": ["x"]}, "'variables' must be a mapping"),
    ],
)
def test_a_dict_that_is_no_environment_is_refused(spec, said):
    with pytest.raises(ValueError, match=said):
        wanted(spec)


@pytest.mark.parametrize("text", ["[1, 2", "just text", "- a\n- b\n"])
def test_a_file_that_is_no_environment_is_refused_by_its_name(tmp_path, text):
    (tmp_path / "environment.yml").write_text(text)
    with pytest.raises(ValueError, match=str(tmp_path / "environment.yml")):
        wanted(str(tmp_path / "environment.yml"))
    with pytest.raises(ValueError, match=r"missing\.yml cannot be read: No such file"):
        wanted("missing.yml")


def test_requirement_files_that_name_each_other_end(tmp_path):
    (tmp_path / "a.txt").write_text("-r a.txt\n")
    with pytest.raises(ValueError, match="nested more than"):
        wanted("tf1", pip=str(tmp_path / "a.txt"))


def test_ray_gets_neither_conda_nor_the_pip_packages_that_are_ours_to_install():
    options = {"num_cpus": 1, "runtime_env": {"conda": "x", "pip": ["y"], "env_vars": {"A": "1"}}}
    assert with_wrapper(options, "'/a b/python'") == {
        "num_cpus": 1,
        "runtime_env": {"env_vars": {"A": "1"}, "py_executable": "'/a b/python'"},
    }
    assert with_wrapper({}, "python") == {"runtime_env": {"py_executable": "python"}}


def test_it_travels():
    found = wanted({"dependencies": ["a"]})
    assert pickle.loads(pickle.dumps(found)) == found
    assert len({found, wanted({"dependencies": ["a"]})}) == 1
