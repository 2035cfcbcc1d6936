"""Which assignment a name stands for where it is read."""

import libcst as cst
import pytest

from serve_compat.migrate.analysis.reaching import reaching
from serve_compat.migrate.analysis.tree import Tree


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x = 1\nx = 2\nread(x)\n", ["2"]),
        ("x = 1\nread(x)\nx = 2\n", ["1"]),
        ("x = 1\nif c:\n    x = 2\nread(x)\n", ["1", "2"]),
        ("x = 1\nfor i in c:\n    read(x)\n    x = 2\n", ["1", "2"]),
        ("x = 1\nx = read(x)\n", ["1"]),
        ("if c:\n    x = 1\nelse:\n    x = 2\nread(x)\n", ["1", "2"]),
        ("for x in a:\n    pass\nfor x in b:\n    read(x)\n", ["b"]),
        ("x = 1\nx = 2\ndef f():\n    read(x)\n", ["1", "2"]),
        ("def f(x):\n    read(x)\n", ["x"]),
    ],
)
def test_only_assignments_that_can_be_in_force_count(text, values):
    module = cst.parse_module(text)
    tree = Tree(module)
    calls = [each for each in tree.nodes(cst.Call) if each.func.value == "read"]
    found = reaching(tree, calls[0].args[0].value)
    assert sorted(module.code_for_node(each.node) for each in found) == values
