import contextlib
import json
import time

import pytest
from click.testing import CliRunner

from legacy.errors import BackendStartError, InstanceError
from serve_compat.cli import main
from serve_compat.operations import reach
from tests.unit.operations.test_tables import STATUS, backend, endpoint


class FakeInstance:
    """Records what it is ordered; stands in the place of the module that talks to Ray, too."""

    def __init__(self):
        self.orders = []
        self.asked_for = None
        self.error = None
        self.report = {
            **STATUS,
            "endpoints": {"greet": endpoint("/greet", {"old": 1.0}, shadows={"big": 0.05})},
            "backends": {"old": backend({}, style="client"), "Auto": backend({}, style="deployment")},
        }

    @contextlib.contextmanager
    def connected(self, *where):
        self.asked_for = where
        if isinstance(self.error, InstanceError):
            raise self.error
        yield self

    def status(self):
        return self.report

    def __getattr__(self, order):
        def note(*arguments):
            if self.error:
                raise self.error
            self.orders.append((order, *arguments))

        return note


@pytest.fixture
def instance(monkeypatch):
    fake = FakeInstance()
    monkeypatch.setattr(reach, "_operations", lambda: fake)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return fake


def invoke(*arguments, **more):
    return CliRunner().invoke(main, arguments, **more)


@pytest.mark.parametrize(
    ("arguments", "order", "output"),
    [
        (("traffic", "greet", "old=0.9", "new=10%"), ("set_traffic", "greet", {"old": 0.9, "new": 0.1}), "old 90%"),
        (("shadow", "greet", "big", "5%"), ("shadow", "greet", "big", 0.05), "shadows big 5%"),
        (("scale", "old", "3"), ("scale", "old", 3), "old: 0/1 replicas run"),
        (("delete", "greet"), ("delete", "endpoint", "greet"), "deleted endpoint greet"),
        (("delete", "--backend", "old"), ("delete", "backend", "old"), "deleted backend old"),
        (("delete", "Auto"), ("delete", "deployment", "Auto"), "deleted deployment Auto"),
        (("shutdown", "-y"), ("shutdown",), "is shut down"),
    ],
)
def test_a_verb_orders_and_says_what_is_in_force(instance, arguments, order, output):
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    assert instance.orders == [order]
    assert output in result.stdout


def test_moving_traffic_says_which_shadows_ended(instance):
    assert "no shadow any more (before: big 5%)" in invoke("traffic", "greet", "old=1").stdout


@pytest.mark.parametrize("error", [ValueError("weights sum to 2"), BackendStartError("weights sum to 2")])
def test_a_refusal_is_exit_status_1_with_its_text_on_stderr(instance, error):
    instance.error = error
    result = invoke("traffic", "greet", "old=2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "weights sum to 2" in result.stderr


@pytest.mark.parametrize("arguments", [("scale", "odl", "2"), ("delete", "odl"), ("delete", "--backend", "odl")])
def test_a_name_that_is_not_registered_is_refused(instance, arguments):
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert "did you mean 'old'?" in result.stderr
    assert instance.orders == []


def test_no_instance_is_exit_status_3(instance):
    instance.error = InstanceError("no serve instance runs")
    result = invoke("status")
    assert result.exit_code == 3
    assert "no serve instance runs" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("traffic", "greet"),
        ("traffic", "greet", "old"),
        ("shadow", "greet", "old", "half"),
        ("scale", "old", "0"),
        ("status", "--every", "0"),
        ("status", "--address", "local"),
    ],
)
def test_wrong_usage_is_exit_status_2(instance, arguments):
    assert invoke(*arguments).exit_code == 2
    assert instance.orders == []


def test_the_options_say_which_instance(instance):
    invoke("status", "--address", "10.0.0.1:6379", "--namespace", "x", "--instance", "abc")
    assert instance.asked_for == ("10.0.0.1:6379", "x", "abc")
    invoke("status", env={"RAY_ADDRESS": "10.0.0.2:6379"})
    assert instance.asked_for == ("10.0.0.2:6379", None, None)


def test_status_is_a_table_or_json(instance):
    assert "greet" in invoke("status").stdout
    assert json.loads(invoke("status", "--json").stdout) == instance.report
    assert json.loads(invoke("routes", "--json").stdout)["greet"]["route"] == "/greet"


def test_watching_prints_again_until_interrupted(instance, monkeypatch):
    naps = iter([None, None, KeyboardInterrupt()])

    def sleep(seconds):
        if (nap := next(naps)) is not None:
            raise nap

    monkeypatch.setattr(time, "sleep", sleep)
    result = invoke("status", "--watch", "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["namespace"] for line in result.stdout.splitlines()] == ["serve"] * 3


def test_shutdown_asks_first(instance):
    result = invoke("shutdown", input="n\n")
    assert result.exit_code == 1
    assert instance.orders == []
    assert "1 endpoints and 2 backends" in result.stdout
