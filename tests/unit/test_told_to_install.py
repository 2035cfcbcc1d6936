"""Nobody is told to install by name what anybody could register on an index."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = re.compile(
    r"(pip3?|uv|pipx|conda) (pip )?(install|add)[^\n`]*?(?<![/\w.-])['\"]?serve[-_]compat\b(?![-\w]*/)"
)
PLACES = ("legacy", "serve_compat", "migration_guide", "examples", "README.md", "CONTRIBUTING.md", "SECURITY.md")
FILES = [
    path
    for place in PLACES
    for path in ([ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*")))
    if path.suffix in (".py", ".md", ".sh", ".toml", ".txt", ".ipynb")
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_names_this_distribution_as_if_it_were_on_the_index(path):
    lines = [line.strip() for line in path.read_text().splitlines() if INSTALL.search(line)]
    assert lines == []
