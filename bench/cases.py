"""Runs the cases that test the rules: python -m bench.cases [--stock-python PYTHON] [--only SC201 ...].

Each case shows a small program before and after a rule. Here all of them are run: before, as `serve-compat run` does;
after the deployment stage, on this package; after the serve stage, on stock Ray Serve where it does not stay on this
package. What they print must be the same. A case whose program cannot be run by itself is listed, and not counted.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.migration import compared, run
from bench.peers import ROOT, ensure_peers

CASES = ROOT / "tests" / "migrate" / "fixtures"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Shown:
    """How one case went: "same", "differs" or "not run", and why."""

    case: str
    stage: str
    result: str
    trouble: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Run the cases; exit status 1 when one differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.cases", description=__doc__)
    parser.add_argument("--stock-python", metavar="PYTHON", help="an interpreter with stock Ray Serve")
    parser.add_argument("--only", nargs="+", default=[], metavar="RULE")
    given = parser.parse_args(arguments)
    stock = Path(given.stock_python or ensure_peers())
    found: list[Shown] = []
    for before in sorted(CASES.glob("*/*/before.py")):
        if not given.only or before.parent.parent.name in given.only:
            for shown in _shown(before, stock):
                found.append(shown)
                print(f"{shown.result:8} {shown.stage:10} {shown.case} {shown.trouble}", flush=True)
    counts = {result: sum(each.result == result for each in found) for result in ("same", "differs", "not run")}
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return 1 if counts["differs"] else 0


def _shown(before: Path, stock: Path) -> list[Shown]:
    name = f"{before.parent.parent.name}/{before.parent.name}"
    expected = run(before, None, Path(sys.executable), TIMEOUT_S)
    if expected.status != 0:
        return [Shown(name, "before", "not run", expected.error[:150])]
    shown = []
    for stage in ("deployment", "serve"):
        after = before.with_name(f"{stage}.py")
        if after.exists():
            text = after.read_text()
            on_stock = stage == "serve" and "import serve_compat" not in text and "from serve_compat" not in text
            got = run(after, text, stock if on_stock else Path(sys.executable), TIMEOUT_S)
            same, trouble = compared(expected, got)
            shown.append(Shown(name, stage, "same" if same else "differs", trouble[:200]))
    return shown


if __name__ == "__main__":
    sys.exit(main())
