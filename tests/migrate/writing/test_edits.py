"""Changes, removals and insertions keep comments and layout."""

import libcst as cst
import pytest

from serve_compat.migrate.writing.edits import Edits
from serve_compat.migrate.writing.texts import statement


def test_comments_of_a_removed_line_stay():
    module = cst.parse_module("a()\n\n# why\nb()  # how\nc()\n")
    edits = Edits()
    edits.remove(module.body[1].body[0])
    assert edits.apply(module).code == "a()\n\n# why\n# how\nc()\n"


def test_a_comment_behind_a_removed_line_goes_where_it_is_sent():
    module = cst.parse_module("a()\nb()  # how\nc()\n")
    edits = Edits()
    edits.remove(module.body[1].body[0], module.body[0])
    assert edits.apply(module).code == "a()  # how\nc()\n"


def test_an_emptied_block_gets_pass():
    module = cst.parse_module("if x:\n    b()\n")
    edits = Edits()
    edits.remove(module.body[0].body.body[0].body[0])
    assert edits.apply(module).code == "if x:\n    pass\n"


def test_a_definition_is_set_apart():
    module = cst.parse_module("a()\nb()\n")
    edits = Edits()
    edits.insert_before(module.body[1], lambda: [statement("def f():\n    pass\n")])
    assert edits.apply(module).code == "a()\n\n\ndef f():\n    pass\n\n\nb()\n"


def small(module, number):
    return module.body[number].body[0]


def test_a_dropped_line_takes_the_blank_lines_above_it_along_and_keeps_its_comments_with_a_pass():
    module = cst.parse_module("a = 1\n\nb = 2\nc = 3  # why\n")
    edits = Edits()
    for line in (module.body[1], module.body[2], module.body[2]):
        edits.drop(line)
    assert edits.module(module).code == "a = 1\npass  # why\n"


def test_a_statement_may_become_several_and_others_may_follow_it():
    module = cst.parse_module("with a:\n    b\n    c\nd\n")
    edits = Edits()
    edits.change(module.body[0], lambda updated: list(updated.body.body))
    edits.drop(module.body[0].body.body[0])
    edits.insert_behind(module.body[1], lambda: [cst.parse_statement("e\n")])
    assert edits.module(module).code == "c\nd\ne\n"


def test_what_stands_above_lines_stays_when_one_is_moved_before_the_other():
    module = cst.parse_module("a\n\n# about\nb\nc\nd\n")
    edits = Edits()
    edits.move(module.body[3], module.body[1])
    assert edits.module(module).code == "a\n\n# about\nd\nb\nc\n"


@pytest.mark.parametrize(
    ("text", "new", "made"),
    [
        ('f"{a} {b}"\n', 'c["x"]', "f\"{c['x']} {b}\"\n"),
        ("f'{a}'\n", 'c["x"]', "f'{c[\"x\"]}'\n"),
        ('f"{a}"\n', 'f"{c}"', "f\"{f'{c}'}\"\n"),
        ('f"""{a}"""\n', 'c["x"]', 'f"""{c["x"]}"""\n'),
    ],
)
def test_what_is_written_into_an_f_string_does_without_its_quotes(text, new, made):
    module = cst.parse_module(text)
    edits = Edits()
    edits.replace(small(module, 0).value.parts[0].expression, cst.parse_expression(new))
    assert edits.module(module).code == made


def test_nothing_planned_gives_the_very_module():
    module = cst.parse_module("a = 1\n")
    assert Edits().module(module) is module
