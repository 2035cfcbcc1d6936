"""Imports that the result needs, put where a person would put them."""

import libcst as cst
import pytest

from serve_compat.migrate.writing.imports import with_imports

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
