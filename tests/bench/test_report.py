from __future__ import annotations

from bench.report import number, report, table
from bench.targets import OURS, RATE_32, UVICORN
from bench.values import Sample, Samples


def test_columns_line_up():
    lines = table(("a", "long head"), [("longer cell", "b")]).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_three_digits_that_matter():
    assert [number(value) for value in (27_812.4, 312.4, 12.345, 0.07123)] == ["27,812", "312", "12.3", "0.0712"]


def test_the_report_names_the_targets_that_were_measured_and_no_others():
    measured = Samples(
        Sample(0, "async hello", RATE_32, system, value) for system, value in ((OURS, 10_000), (UVICORN, 40_000))
    )
    text = report(measured, [("date", "today")])
    assert "MISSED by 44%" in text
    assert "bare uvicorn" in text
    assert "Ray Serve" not in text
