import re
import subprocess
import sys

import pytest

from serve_compat.explain.tables import TABLES
from tests.programs import ROOT

NAMES = (ROOT / "migration_guide" / "reference" / "names.md").read_text()
RULES = (ROOT / "migration_guide" / "reference" / "rules.md").read_text()
WITHOUT_EXAMPLE = {
    "Client", "stat", "init.name", "metric_exporter", "_checkpoint_path", "_override_controller_namespace", "root_path",
    "fixed_number_replicas", "fixed_number_selection_seed", "missing_ok", "ServeRequest", "request.values",
    "InputNode.attribute", "backend_def", "request.body", "handle.HandleOptions",
}  # fmt: skip
"""Names that hardly any program uses, or whose cases are told apart in other words."""


def test_the_reference_pages_are_current():
    command = [sys.executable, str(ROOT / "migration_guide" / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr


def section(name):
    return NAMES.partition(f"### `{name}`\n")[2].partition("\n### ")[0]


@pytest.mark.parametrize("entry", [entry for table in TABLES.values() for entry in table], ids=lambda entry: entry.name)
def test_a_name_has_before_after_and_why(entry):
    text = section(entry.name)
    assert entry.before in text
    assert "**stock Ray Serve**" in text or "**deployments, stock Ray Serve**: the same" in text
    assert len(re.findall(r"\*\*why\*\*", text)) == len(entry.rules)
    in_a_submodule = (
        "." in entry.name and entry.name[0].islower() and not entry.name.startswith(("handle.", "request."))
    )
    if entry.rules and not in_a_submodule and entry.name not in WITHOUT_EXAMPLE:
        assert "**example**" in text


def test_links_from_names_lead_to_rules_and_cases():
    anchors = set(re.findall(r"rules\.md#([\w-]+)\)", NAMES))
    assert anchors <= set(re.findall(r"^\(([\w-]+)\)=$", RULES, re.MULTILINE))
