"""The nodes below a node, against what LibCST's visitor says about every file of this project."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import libcst as cst
import pytest

from serve_compat.migrate.analysis import children as code
from serve_compat.migrate.analysis.children import children, parents_in, walk

ROOT = Path(__file__).resolve().parents[3]
NEWEST = """
async def f[T](a, /, b: int = 1, *c, d=2, **e) -> T:
    async with a as b, c: pass
    async for x in y: pass
    else: pass
    return [i async for i in a if i if not i for j in i], {k: v for k, v in a}, (lambda p, *q: p)(*a, k=1, **b)
@a
@b(1)
class C(B, metaclass=M): x: int = 1
try: pass
except* (A, B) as error: raise error from None
match a:
    case {"k": v, **rest} if v: pass
    case P(x, y=1) | [1, *_] | -1 as z: pass
from ..a import (b as c, d)
del x; assert a, b; f"{a!r:>{b}} {c}"; a[1:2:3, ...] = b if c else d; global g; (n := 1) < 2 <= 3; a += 1
type X[T] = list[T]
"""


def everything():
    for path in chain((ROOT / "serve_compat").rglob("*.py"), (ROOT / "tests" / "migrate" / "programs").rglob("*.py")):
        yield cst.parse_module(path.read_text(encoding="utf-8"))


def visitors(node):
    return [each for each in node.children if not isinstance(each, code._LEFT_OUT)]


def differs(module):
    stack = [module]
    while stack:
        node = stack.pop()
        found = children(node)
        if found != visitors(node):
            return type(node).__name__, [type(each).__name__ for each in found]
        stack += found
    return None


def test_they_are_those_that_a_visitor_meets_in_its_order():
    assert [found for found in map(differs, everything()) if found] == []


@pytest.mark.parametrize("statement", [NEWEST, "try:\n    a\nexcept A as b:\n    c\nelse:\n    d\nfinally:\n    e\n"])
def test_also_in_the_newest_syntax(statement):
    assert differs(cst.parse_module(statement)) is None


def test_a_walk_goes_through_all_of_them_in_the_order_of_the_source():
    assigned = cst.parse_statement("a = b(c, *d)  # a comment")
    assert [each.value for each in walk(assigned) if isinstance(each, cst.Name)] == ["a", "b", "c", "d"]
    above = parents_in(assigned)
    assert all(above[child] is each for each in walk(assigned) for child in children(each))
