"""Tables of the results, for the terminal and for bench/RESULTS.md. Text only, no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from bench.systems import SPECS
from bench.targets import COSTS, TARGETS, Verdict, judge
from bench.values import Samples, Spread

Row = Sequence[str]


def report(samples: Samples, facts: Sequence[tuple[str, str]], notes: str = "") -> str:
    """The whole report in Markdown: the machine, the verdicts, the figures, and notes written by hand."""
    verdicts = [_verdict_row(verdict) for verdict in (judge(target, samples) for target in TARGETS) if verdict]
    costs = _cost_rows(samples)
    parts = [
        "# Benchmark results",
        "Written by the benchmark; do not edit. Medians over the rounds, lowest and highest in brackets.",
        table(("what", "value"), facts),
        "## Targets",
        "Ratios are formed inside each round; their median decides.",
        table(("this project against", "measured", "wanted", "verdict"), verdicts),
    ]
    if costs:
        parts += [
            "## What features cost",
            "The rate with it, over the rate without it, 32 connections.",
            table(("feature", "ratio"), costs),
        ]
    parts += ["## Figures", *_figures(samples), notes.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Row, rows: Sequence[Row]) -> str:
    """A Markdown table whose columns line up, so that it reads well on a terminal too."""
    cells = [list(head), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _verdict_row(verdict: Verdict) -> Row:
    said = "met" if verdict.met else f"MISSED by {verdict.gap:.0%}"
    return (verdict.name, _spread(verdict.measured, verdict.unit), verdict.wanted, said)


def _cost_rows(samples: Samples) -> list[Row]:
    ratios = [(cost.name, cost.ratio(samples)) for cost in COSTS]
    return [(name, _spread(ratio, "x")) for name, ratio in ratios if ratio is not None]


def _figures(samples: Samples) -> list[str]:
    scenarios = list(dict.fromkeys(scenario for scenario, _ in samples.rows()))
    parts = []
    for scenario in scenarios:
        metrics = [metric for name, metric in samples.rows() if name == scenario]
        rows = []
        for system in samples.systems():
            cells = [samples.spread(scenario, metric, system) for metric in metrics]
            if any(cells):
                rows.append((SPECS[system].title, *(_spread(cell) for cell in cells)))
        parts.append(f"### {scenario}\n\n{table(('system', *metrics), rows)}")
    return parts


def _spread(spread: Spread | None, unit: str = "") -> str:
    if spread is None:
        return "-"
    text = number(spread.median) + unit
    return text if spread.rounds == 1 else f"{text} ({number(spread.low)}-{number(spread.high)})"


def number(value: float) -> str:
    """Three digits that matter, thousands separated."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
