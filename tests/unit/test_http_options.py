"""legacy.http_options: defaults and rules of reference 2.3."""

from __future__ import annotations

import pytest

from legacy.http_options import DeploymentMode, HTTPOptions


def test_http_options_have_the_defaults_of_ray_1_4():
    options = HTTPOptions()
    assert (options.host, options.port, options.middlewares, options.num_cpus) == ("127.0.0.1", 8000, [], 0)
    assert options.location == "HeadOnly"


@pytest.mark.parametrize("no_server", [{"host": None}, {"location": None}, {"location": "NoServer"}])
def test_no_host_or_no_location_means_no_server(no_server):
    assert HTTPOptions(**no_server).location is DeploymentMode.NoServer


@pytest.mark.parametrize(
    "bad", [{"prot": 1}, {"port": "x"}, {"port": -1}, {"port": 70_000}, {"location": "Moon"}, {"num_cpus": -1}], ids=str
)
def test_bad_http_options_are_value_errors(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        HTTPOptions(**bad)


def test_http_options_validate_assignment():
    options = HTTPOptions()
    options.port = 9000
    with pytest.raises(ValueError, match="port"):
        options.port = "x"  # type: ignore[assignment]


def test_a_fixed_number_of_proxies_needs_the_number():
    with pytest.raises(ValueError, match="fixed_number_replicas"):
        HTTPOptions(location="FixedNumber")
    assert HTTPOptions(location="FixedNumber", fixed_number_replicas=2).fixed_number_replicas == 2
