import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_compat.migrate import run
from serve_compat.migrate.context import Options
from serve_compat.migrate.files import notebooks

CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["from ray import serve\n"]},
    {
        "cell_type": "code",
        "metadata": {},
        "outputs": [],
        "source": ["!pip install ray\n", "%matplotlib inline\n", "x = 1"],
    },
    {
        "cell_type": "code",
        "metadata": {},
        "outputs": [{"text": ["\u00e9"]}],
        "source": ["from ray import serve\n", "%time\n"],
    },
    {"cell_type": "code", "metadata": {}, "source": ["%%bash\n", "from ray import serve"]},
    {
        "cell_type": "code",
        "metadata": {},
        "source": ["files = !ls\n", "client = serve.connect()\n", "client.create_backend('b', str)"],
    },
]


def raw(indent=1, ascii_only=False, cells=CELLS):
    return json.dumps({"cells": cells, "nbformat": 4}, indent=indent, ensure_ascii=ascii_only) + "\n"


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("indent", [None, 1, 4])
def test_only_the_source_that_changes_changes(tmp_path, indent, ascii_only):
    path = tmp_path / "a.ipynb"
    path.write_text(raw(indent, ascii_only), encoding="utf-8")
    outcome = run.over([str(path)], [], Options(to="compat"))
    before, after = outcome.contents[str(path)]
    cells = json.loads(json.dumps(CELLS))
    cells[2]["source"][0] = "import serve_compat as serve\n"
    assert before.decode() == raw(indent, ascii_only)
    assert after.decode() == raw(indent, ascii_only, cells)


def test_findings_name_the_cell_and_the_line_in_it(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(raw())
    [result] = run.over([str(path)], [], Options(to="compat")).results
    assert [(each.cell, each.line, each.rule) for each in result.findings] == [(3, 1, "SC001")]


@pytest.mark.parametrize("content", ["{}", '{"worksheets": []}', "[1]", "ray serve {"])
def test_what_is_no_notebook_is_told(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_text(content + " " * 3 + "ray serve")
    [result] = run.over([str(path)], [], Options(to="compat")).results
    assert "it cannot be read" in result.error


SOURCES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")), max_size=4
)


@given(SOURCES, st.sampled_from([None, 0, 2]))
def test_an_unchanged_text_gives_the_same_bytes(sources, indent):
    document = {"metadata": {"source": "x"}, "cells": [{"source": each, "cell_type": "code"} for each in sources]}
    given_raw = json.dumps(document, indent=indent)
    notebook = notebooks.opened(given_raw)
    assert notebook.with_text(notebook.text) == given_raw


def code(*sources):
    return [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]


def migrated(tmp_path, *sources):
    path = tmp_path / "a.ipynb"
    path.write_text(raw(cells=code(*sources)))
    outcome = run.over([str(path)], [], Options(to="compat"))
    cells = json.loads(outcome.contents[str(path)][1])["cells"]
    return [cell["source"] for cell in cells], outcome.results[0]


IMPORT = "from ray import serve\nserve.connect()\n"
NEW = IMPORT.replace("from ray import serve", "import serve_compat as serve")


@pytest.mark.parametrize(
    "source",
    [
        "x = ('%s'\n     % 1)",
        "!pip install a \\\n    b\n",
        "%%time\nserve.connect()",
        "if 1:\n    !echo 'it\n",
        "files = !ls\n?serve\nserve?\n",
        'text = """\n%no magic\n"""',
        "%%writefile x.py\nfrom ray import serve",
        "await serve.x()",
    ],
)
def test_what_is_for_ipython_stays_and_what_only_looks_so_is_python(tmp_path, source):
    sources, result = migrated(tmp_path, IMPORT, source)
    assert (sources, result.error) == ([NEW, source], "")


def test_a_timed_cell_is_python(tmp_path):
    assert migrated(tmp_path, "%%time\n" + IMPORT)[0] == ["%%time\n" + NEW]


def test_a_cell_that_is_no_python_stays_and_is_told_if_it_is_about_serve(tmp_path):
    sources, result = migrated(tmp_path, IMPORT, "x = = 1", "serve.start(")
    assert sources == [NEW, "x = = 1", "serve.start("]
    assert "cell 3: line 1" in result.error
    assert "cell 2" not in result.error


def test_what_belongs_at_the_top_goes_into_the_first_cell_but_behind_its_magic():
    notebook = notebooks.opened(raw(cells=code("%%time\nx = 1", "y = 2")))
    changed = json.loads(notebook.with_text("import a\n" + notebook.text))
    assert [cell["source"] for cell in changed["cells"]] == ["%%time\nimport a\nx = 1", "y = 2"]


def test_a_byte_order_mark_stays(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + raw().encode())
    [(before, after)] = run.over([str(path)], [], Options(to="compat")).contents.values()
    assert before[:4] == after[:4] == b"\xef\xbb\xbf{"
