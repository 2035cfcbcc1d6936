from __future__ import annotations

import pytest

from bench.load import LoadError, parse

REPORT = """Running 3s test @ http://127.0.0.1:8000/
  Latency Distribution
     50%  825.00us
     75%    1.18ms
     90%    1.61ms
     99%    1.82s
  93143 requests in 3.00s, 12.88MB read
{extra}Requests/sec:  31031.97
"""


def test_rate_and_latencies_are_read_in_milliseconds():
    load = parse(REPORT.format(extra=""))
    assert (load.rate, load.p50_ms, load.p99_ms) == pytest.approx((31031.97, 0.825, 1820.0))


@pytest.mark.parametrize(
    "trouble", ["  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 3, write 0, timeout 0\n"]
)
def test_a_run_with_failed_requests_is_no_figure(trouble):
    with pytest.raises(LoadError, match=trouble.strip()):
        parse(REPORT.format(extra=trouble))


def test_a_report_without_a_rate_is_an_error():
    with pytest.raises(LoadError, match="no rate"):
        parse("unable to connect")
