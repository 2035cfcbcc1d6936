"""legacy.settings: a typed table of environment variables."""

from __future__ import annotations

import dataclasses
import os
import tempfile

import pytest

from legacy import settings
from legacy.settings import Settings


def test_without_variables_everything_has_its_default():
    loaded = settings.load({})
    assert dataclasses.replace(loaded, run_dir="") == Settings()
    assert loaded.run_dir == tempfile.gettempdir()


def test_variables_are_read_by_the_type_of_their_field():
    loaded = settings.load({"SERVE_COMPAT_RUN_DIR": "/run/x", "SERVE_COMPAT_CALL_TIMEOUT_S": "2.5"})
    assert (loaded.run_dir, loaded.call_timeout_s) == ("/run/x", 2.5)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("1", True), ("true", True), ("0", False), ("False", False), ("no", False), ("off", False), ("", False)],
)
def test_switches_may_be_written_in_words(text, meant):
    assert settings.load({"SERVE_LOG_DEBUG": text}).debug_log is meant


def test_an_empty_variable_counts_as_not_set():
    assert settings.load({"SERVE_COMPAT_CALL_TIMEOUT_S": ""}).call_timeout_s == Settings().call_timeout_s


def test_a_value_of_the_wrong_type_names_the_variable_and_the_remedy():
    with pytest.raises(ValueError, match=r"SERVE_COMPAT_CALL_TIMEOUT_S='soon' is not a float; .*unset"):
        settings.load({"SERVE_COMPAT_CALL_TIMEOUT_S": "soon"})


def test_the_process_environment_is_the_default_source(monkeypatch):
    monkeypatch.setenv("SERVE_COMPAT_RUN_DIR", "/run/y")
    assert settings.load().run_dir == "/run/y"


def test_a_variable_that_is_forgotten_is_gone_or_was_not_there(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    for _ in range(2):
        settings.forget("auth_mode")
        assert "RAY_AUTH_MODE" not in os.environ


def test_there_are_few_settings_of_our_own():
    """What Ray, Python and conda already define is read too, but adds nothing to learn."""
    assert set(settings._VARIABLES) == {field.name for field in dataclasses.fields(Settings)}
    own = [variable for variable in settings._VARIABLES.values() if variable.startswith("SERVE_COMPAT_")]
    # SERVE_COMPAT_SECRET_NAMES: only users know which of their headers are secrets; ..._CONTROLLER_NAME: only they know
    # that stock Ray Serve will come into their cluster
    assert len(own) <= 10
