import os

from legacy.environments.fingerprint import change_stamp, package_fingerprint


def installed(prefix, *packages):
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "lib" / "python3.11" / "site-packages").mkdir(parents=True, exist_ok=True)
    for package in packages:
        (prefix / "conda-meta" / f"{package}.json").write_text("{}")
    return str(prefix)


def test_copies_have_the_same_packages(tmp_path):
    one, copy = (installed(tmp_path / name, "python-3.11", "numpy-2.0") for name in ("one", "copy"))
    assert package_fingerprint(one) == package_fingerprint(copy) != ""


def test_another_version_and_a_pip_package_count(tmp_path):
    one = installed(tmp_path / "one", "numpy-2.0")
    assert package_fingerprint(one) != package_fingerprint(installed(tmp_path / "other", "numpy-2.1"))
    before = package_fingerprint(one)
    (tmp_path / "one" / "lib" / "python3.11" / "site-packages" / "x-1.dist-info").mkdir()
    assert package_fingerprint(one) != before


def test_what_is_no_environment_is_like_none(tmp_path):
    assert package_fingerprint(str(tmp_path / "missing")) == package_fingerprint(str(tmp_path)) == ""


def test_installing_something_is_a_change_and_running_is_none(tmp_path):
    prefix = installed(tmp_path / "one", "numpy-2.0")
    site = tmp_path / "one" / "lib" / "python3.11" / "site-packages"
    (site / "numpy").mkdir()
    for path in (site, tmp_path / "one" / "conda-meta"):
        os.utime(path, ns=(1, 1))
    before = change_stamp(prefix)
    (site / "numpy" / "__pycache__").mkdir()
    assert change_stamp(prefix) == before
    (site / "y-1.dist-info").mkdir()
    assert change_stamp(prefix) != before
