import libcst as cst
import pytest

from serve_compat.migrate.analysis.tree import Tree
from serve_compat.migrate.rules import RULES
from serve_compat.migrate.writing import todo

TEXT = "import a\n\n\ndef f():\n    # why\n    g(\n        1,\n    )  # how\n    return g(2)\n"


def call(module, number):
    found = []

    class Calls(cst.CSTVisitor):
        def visit_Call(self, node):
            found.append(node)

    module.visit(Calls())
    return found[number]


def test_it_stands_directly_above_the_statement():
    module = cst.parse_module(TEXT)
    made = todo.mark_all(Tree(module), [(call(module, 0), RULES["SC107"], "look\n here")]).code
    assert "    # why\n    # TODO(serve-compat SC107): look here\n    g(\n" in made
    assert todo.mark_all(Tree(module), []).code == TEXT


@pytest.mark.parametrize("text", [TEXT, "g(1)\n", "x = 1\n\ng(1)\n", "if g(1):\n    pass\nelse:\n    g(2)\n"])
def test_it_is_written_once(text):
    made = text
    for rule in (RULES["SC107"], RULES["SC107"], RULES["SC201"]):
        module = cst.parse_module(made)
        made = todo.single(todo.mark_all(Tree(module), [(call(module, 0), rule, "look")]).code)
    assert made.count("TODO(serve-compat") == 1
    assert "SC107" in made


def test_one_statement_with_two_reasons_gets_the_first():
    module = cst.parse_module("f(g(1), h(2))\n")
    places = [(call(module, 1), RULES["SC101"], "one"), (call(module, 2), RULES["SC102"], "two")]
    assert todo.mark_all(Tree(module), places).code == "# TODO(serve-compat SC101): one\nf(g(1), h(2))\n"
