"""What the result needs at the top of a file."""

import libcst as cst
import pytest

from serve_compat.migrate.writing.imports import below_imports, with_helpers, with_imports

REQUEST = "from starlette.requests import Request"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("import ray\n", f"import ray\n{REQUEST}\n"),
        ("import ray\nfrom torch import nn\n", f"import ray\n{REQUEST}\nfrom torch import nn\n"),
        ("from starlette.requests import HTTPConnection\n", "from starlette.requests import HTTPConnection, Request\n"),
        (f"import ray\n{REQUEST}\n", f"import ray\n{REQUEST}\n"),
        ('"""About."""\nx = 1\n', f'"""About."""\n{REQUEST}\nx = 1\n'),
    ],
)
def test_an_import_goes_where_it_belongs(text, made):
    assert with_imports(cst.parse_module(text), {REQUEST}).code == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("import ray\n", "import inspect\n\nimport ray\n"),
        (
            "import argparse\nimport time\n\nimport ray\n",
            "import argparse\nimport inspect\nimport time\n\nimport ray\n",
        ),
        ("# About.\nimport time\nimport ray\n", "# About.\nimport inspect\nimport time\nimport ray\n"),
    ],
)
def test_the_standard_library_has_its_own_block(text, made):
    assert with_imports(cst.parse_module(text), {"import inspect"}).code == made


def test_what_takes_the_place_of_other_imports_stands_below_them():
    lines = ["import random", "from a import b, c", "import z"]
    made = with_imports(cst.parse_module("import z\nx = 1\n"), lines, among_others=False)
    assert made.code == "import z\nimport random\nfrom a import b, c\nx = 1\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"""About."""\nimport a\nx = 1\n', 2),
        ("import a\nsys.path.insert(0, a)\nimport b\nf()\n", 3),
        ("import a\nray.serve.start()\nimport b\n", 1),
        ("import a\nlogging.getLogger('ray.serve')\nobserver = a\nimport b\n", 4),
        ("pass  # serve-compat magic 0\nimport a\n", 2),
        ("import a\ndef f():\n    pass\nimport b\n", 1),
        ("import a; b()\n'text'\n", 1),
        ("", 0),
    ],
)
def test_what_is_added_is_there_before_serve_is_used(text, place):
    assert below_imports(cst.parse_module(text).body) == place


def test_helpers_stand_below_the_imports_once():
    module = cst.parse_module("import ray\nray.init()\n")
    helpers = {"HandleRequest": "class HandleRequest:\n    pass\n"}
    made = with_helpers(module, helpers)
    assert made.code.startswith("import ray\n\n\nclass HandleRequest:")
    assert made.code.endswith("\n\n\nray.init()\n")
    assert with_helpers(made, helpers).code == made.code
