import libcst as cst
import pytest

from serve_compat.migrate.project import Project, joined

FILES = {
    "app/main.py": "from app.models import Model",
    "app/models.py": "class Model: pass\n\ndef f(): pass\n",
    "app/sub/__init__.py": "",
    "app/sub/models.py": "class Other: pass\n",
    "lib/models.py": "class Model: pass\n",
}


@pytest.fixture
def project():
    return Project(tuple(FILES), FILES.__getitem__)


@pytest.mark.parametrize(
    ("importer", "module", "path"),
    [
        ("app/main.py", "app.models", "app/models.py"),
        ("app/main.py", "models", "app/models.py"),
        ("app/main.py", ".models", "app/models.py"),
        ("app/sub/models.py", "..models", "app/models.py"),
        ("app/sub/__init__.py", ".models", "app/sub/models.py"),
        ("lib/models.py", "app.sub", "app/sub/__init__.py"),
        ("app/main.py", "numpy", None),
        ("app/main.py", ".", None),
    ],
)
def test_imports_are_found_among_the_given_files(project, importer, module, path):
    assert project.resolve(importer, module) == path


def test_definitions_are_read_from_other_files(project):
    assert isinstance(project.definition("app/main.py", "app.models.Model"), cst.ClassDef)
    assert isinstance(project.definition("app/main.py", ".models.f"), cst.FunctionDef)
    assert project.definition("app/main.py", "app.models.nothing") is None
    assert project.definition("app/main.py", "numpy.array") is None


def test_imported_names_are_found_by_the_file_that_has_them(project):
    assert project.imported_from("app/models.py") == {"Model"}
    assert not project.imported_from("lib/models.py")


def test_files_are_joined_through_others():
    groups = joined([("a", "b"), ("c", "b"), ("d", "d")])
    assert groups["a"] == groups["b"] == groups["c"] == {"a", "b", "c"}
    assert groups["d"] == {"d"}
