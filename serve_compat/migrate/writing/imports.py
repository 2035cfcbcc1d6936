"""What the result needs at the top of a file: import lines, and helpers below them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

import libcst as cst

from serve_compat.migrate.analysis.children import names_in
from serve_compat.migrate.analysis.expressions import code_of, is_docstring
from serve_compat.migrate.analysis.tree import dotted
from serve_compat.migrate.writing.texts import blank_above, blank_lines, statement

_SERVE = {"serve", "serve_compat"}


def with_imports(module: cst.Module, lines: Iterable[str], among_others: bool = True) -> cst.Module:
    """The module with imports it lacks, at its top.

    Args:
        lines: `import x` or `from x import y`.
        among_others: next to imports of the same module, in order among the others, as a person would write them;
            each line then brings one name. The other way, below all of them in the given order, is that of the stages
            whose imports take the place of one that went.
    """
    body: list[cst.BaseStatement] = list(module.body)
    for wanted in sorted(lines, key=_module_of) if among_others else lines:
        if _has(body, wanted):
            continue
        if among_others:
            _add(body, wanted)
        else:
            body.insert(below_imports(body), statement(wanted))
    return module.with_changes(body=body) if body != list(module.body) else module


def with_helpers(module: cst.Module, helpers: Mapping[str, str]) -> cst.Module:
    """The module with the functions and classes it lacks, below its imports.

    Args:
        helpers: the source of each by its name; it may bring others that it needs.
    """
    have = {each.name.value for each in module.body if isinstance(each, cst.FunctionDef | cst.ClassDef)}
    gap = blank_lines(2)
    made: list[cst.BaseStatement] = [
        each.with_changes(leading_lines=gap)
        for name, source in helpers.items()
        if name not in have
        for each in cst.parse_module(source).body
    ]
    body: list[cst.BaseStatement] = list(module.body)
    place = below_imports(body)
    if made and place < len(body):
        lines = list(getattr(body[place], "leading_lines", ()))
        body[place] = body[place].with_changes(leading_lines=[*gap, *lines[blank_above(lines) :]])
    body[place:place] = made
    return module.with_changes(body=body) if made else module


def below_imports(body: Sequence[cst.BaseStatement]) -> int:
    """The place below a module's docstring and the imports at its top.

    Other statements may stand between those, as long as nothing is defined and none of them names Serve: what is added
    has to be there before it is used. A text or a comment about Serve, such as the stand-in of a magic, is not a name.
    """
    place = 0
    for number, each in enumerate(body):
        if _import_of(each) is not None or (number == 0 and is_docstring(each)):
            place = number + 1
        elif isinstance(each, cst.FunctionDef | cst.ClassDef) or names_in(each) & _SERVE:
            break
    return place


def _import_of(line: cst.CSTNode) -> cst.Import | cst.ImportFrom | None:
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and line.body else None
    return small if isinstance(small, cst.Import | cst.ImportFrom) else None


def _module_of(line: str) -> str:
    return line.split()[1]


def _imports(body: list[cst.BaseStatement]) -> list[tuple[int, cst.Import | cst.ImportFrom]]:
    """The imports at the top, one to a line."""
    found: list[tuple[int, cst.Import | cst.ImportFrom]] = []
    for number, line in enumerate(body[: below_imports(body)]):
        node = _import_of(line)
        if node is not None and isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
            found.append((number, node))
    return found


def _name_of(node: cst.Import | cst.ImportFrom) -> str:
    if isinstance(node, cst.ImportFrom):
        return "." * len(node.relative) + dotted(node.module)
    return dotted(node.names[0].name)


def _has(body: list[cst.BaseStatement], wanted: str) -> bool:
    module, _, name = wanted.removeprefix("from ").partition(" import ")
    for _, node in _imports(body):
        if code_of(node) == wanted:
            return True
        names = _names_from(node, module) if wanted.startswith("from ") else ()
        if any(dotted(alias.name) == name and alias.asname is None for alias in names):
            return True
    return False


def _names_from(node: cst.Import | cst.ImportFrom, module: str) -> Sequence[cst.ImportAlias]:
    """What `from module import ...` brings; nothing where the node is another import."""
    if isinstance(node, cst.Import) or _name_of(node) != module or isinstance(node.names, cst.ImportStar):
        return ()
    return node.names


def _add(body: list[cst.BaseStatement], wanted: str) -> None:
    known = _imports(body)
    module, _, name = wanted.removeprefix("from ").partition(" import ")
    for number, node in known:
        fits = wanted.startswith("from ") and isinstance(node, cst.ImportFrom) and node.lpar is None
        if fits and isinstance(node, cst.ImportFrom) and _names_from(node, module):
            body[number] = _with_name(body[number], node, name)
            return
    line = statement(wanted)
    if _module_of(wanted).split(".")[0] in sys.stdlib_module_names:
        _add_of_library(body, known, line)
        return
    body.insert(_place(body, known, wanted), line)


def _place(body: list[cst.BaseStatement], known: list[tuple[int, cst.Import | cst.ImportFrom]], wanted: str) -> int:
    """Behind the last import of the last block of imports that belongs before it in the alphabet, or behind all."""
    if not known:
        return below_imports(body)
    kind = cst.ImportFrom if wanted.startswith("from ") else cst.Import
    last = known[-1][0]
    for number, node in reversed(known):
        if isinstance(node, kind) and _name_of(node) > _module_of(wanted) and not _starts_block(body[number]):
            last = number - 1
        else:
            break
    return last + 1


def _starts_block(statement: cst.BaseStatement) -> bool:
    return bool(getattr(statement, "leading_lines", ()))


def _with_name(line: cst.BaseStatement, node: cst.ImportFrom, name: str) -> cst.BaseStatement:
    assert isinstance(line, cst.SimpleStatementLine)
    assert not isinstance(node.names, cst.ImportStar)
    aliases = [each.with_changes(comma=cst.MaybeSentinel.DEFAULT) for each in node.names]
    place = next((n for n, each in enumerate(aliases) if dotted(each.name) > name), len(aliases))
    aliases.insert(place, cst.ImportAlias(cst.Name(name)))
    return line.with_changes(body=[node.with_changes(names=aliases)])


def _add_of_library(
    body: list[cst.BaseStatement], known: list[tuple[int, cst.Import | cst.ImportFrom]], line: cst.BaseStatement
) -> None:
    """Among the imports of the standard library, or in a block of its own before the others."""
    library = [(number, node) for number, node in known if _name_of(node).split(".")[0] in sys.stdlib_module_names]
    before = [n for n, node in library if isinstance(node, cst.Import) and _name_of(node) < _module_of(code_of(line))]
    if before:
        body.insert(before[-1] + 1, line)
        return
    place = library[0][0] if library else known[0][0] if known else 0
    if place >= len(body):
        body.append(line)
        return
    below = body[place]
    lines = list(getattr(below, "leading_lines", ()))
    gap = blank_lines(0 if library else 1)
    body[place] = below.with_changes(leading_lines=gap)
    body.insert(place, line.with_changes(leading_lines=lines))
