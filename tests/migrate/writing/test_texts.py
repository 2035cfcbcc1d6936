"""Source as text."""

import libcst as cst
import pytest

from serve_compat.migrate.writing.texts import call_of, keyword_args


@pytest.mark.parametrize(("length", "lines"), [(20, 1), (90, 4)])
def test_a_long_call_takes_a_line_for_each_argument(length, lines):
    args = keyword_args({"name": cst.Name("n" * length), "route": cst.Name("r")})
    assert cst.Module([]).code_for_node(call_of("serve.deployment", args)).count("\n") + 1 == lines
