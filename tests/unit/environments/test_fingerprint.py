import os

from legacy.environments.fingerprint import changes_of, packages_of


def installed(prefix, *packages):
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "lib" / "python3.11" / "site-packages").mkdir(parents=True, exist_ok=True)
    for package in packages:
        (prefix / "conda-meta" / f"{package}.json").write_text("{}")
    return str(prefix)


def test_copies_have_the_same_packages(tmp_path):
    one, copy = (installed(tmp_path / name, "python-3.11", "numpy-2.0") for name in ("one", "copy"))
    assert packages_of(one) == packages_of(copy) != ""


def test_another_version_and_a_pip_package_count(tmp_path):
    one = installed(tmp_path / "one", "numpy-2.0")
    assert packages_of(one) != packages_of(installed(tmp_path / "other", "numpy-2.1"))
    before = packages_of(one)
    (tmp_path / "one" / "lib" / "python3.11" / "site-packages" / "x-1.dist-info").mkdir()
    assert packages_of(one) != before


def test_what_is_no_environment_is_like_none(tmp_path):
    assert packages_of(str(tmp_path / "missing")) == packages_of(str(tmp_path)) == ""


def test_installing_something_is_a_change_and_running_is_none(tmp_path):
    prefix = installed(tmp_path / "one", "numpy-2.0")
    site = tmp_path / "one" / "lib" / "python3.11" / "site-packages"
    (site / "numpy").mkdir()
    for path in (site, tmp_path / "one" / "conda-meta"):
        os.utime(path, ns=(1, 1))
    before = changes_of(prefix)
    (site / "numpy" / "__pycache__").mkdir()
    assert changes_of(prefix) == before
    (site / "y-1.dist-info").mkdir()
    assert changes_of(prefix) != before
