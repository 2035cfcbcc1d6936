"""Changes, removals and insertions keep comments and layout."""

import libcst as cst

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
