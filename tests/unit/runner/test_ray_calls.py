import types

import pytest

from serve_compat.runner.ray_calls import (
    SETUP_HOOK,
    _renaming,
    _without_tokens_of_another,
    translated,
    where_to,
    with_setup_hook,
)


def test_keywords_keep_their_meaning_under_new_names():
    kept, notes = translated({"num_cpus": 2, "include_webui": False, "redis_password": "x"})
    assert kept == {"num_cpus": 2, "include_dashboard": False, "_redis_password": "x"}
    assert len(notes) == 2
    assert "include_webui" in notes[0]
    assert "include_dashboard" in notes[0]


def test_keywords_that_are_gone_are_left_out_with_a_note():
    kept, notes = translated({"lru_evict": True, "local_mode": True})
    assert kept == {"local_mode": True}
    assert "lru_evict" in notes[0]


def test_a_keyword_given_under_both_names_counts_once():
    kept, notes = translated({"webui_host": "a", "dashboard_host": "b"})
    assert kept == {"dashboard_host": "b"}
    assert len(notes) == 1


def test_unknown_keywords_are_rays_to_judge():
    assert translated({"nonsense": 1}) == ({"nonsense": 1}, [])


def test_workers_of_a_running_cluster_are_told_by_their_runtime_env():
    assert with_setup_hook(None) == {"worker_process_setup_hook": SETUP_HOOK}
    assert with_setup_hook({"pip": []}) == {"pip": [], "worker_process_setup_hook": SETUP_HOOK}
    assert with_setup_hook({"worker_process_setup_hook": "own"}) == {"worker_process_setup_hook": "own"}


def test_keywords_that_describe_a_cluster_start_one_even_where_one_runs_already():
    assert where_to({"num_cpus": 4}) == {"num_cpus": 4, "address": "local"}
    assert where_to({"namespace": "x"}) == {"namespace": "x"}
    assert where_to({"address": "local", "num_cpus": 1}) == {"address": "local", "num_cpus": 1}


def test_a_cluster_that_is_named_gets_the_alias_into_its_workers():
    assert where_to({"address": "auto"}) == {"address": "auto", "runtime_env": with_setup_hook(None)}
    assert where_to({}, positional_address=True) == {"runtime_env": with_setup_hook(None)}


def test_workers_of_a_cluster_that_is_named_hear_of_the_era():
    told = where_to({"address": "auto", "runtime_env": {"env_vars": {"A": "1"}}}, era=lambda: "1.0")["runtime_env"]
    assert told["env_vars"] == {"A": "1", "SERVE_COMPAT_ERA": "1.0"}
    assert "env_vars" not in where_to({"address": "auto"})["runtime_env"]


def test_what_ray_init_still_takes_is_passed_on():
    still = {"log_to_driver": False, "local_mode": True, "_temp_dir": "/x", "_metrics_export_port": 1, "namespace": "n"}
    assert translated(still) == (still, [])


def test_an_empty_namespace_is_none_as_it_was_for_old_ray():
    kept, (note,) = translated({"namespace": "", "num_cpus": 1})
    assert kept == {"num_cpus": 1}
    assert "namespace" in note


@pytest.mark.parametrize("name", ["redis_password", "_redis_password", "webui_host", "_plasma_directory", "temp_dir"])
def test_rays_client_is_not_told_about_the_machine(name):
    kept, notes = translated({name: "x", "namespace": "n", "allow_multiple": True}, joins_by_client=True)
    assert kept == {"namespace": "n", "allow_multiple": True}
    assert name in notes[0]


def test_a_cluster_that_is_found_by_itself_gets_the_alias_into_its_workers():
    assert where_to({}, finds_a_cluster=lambda: True) == {"runtime_env": with_setup_hook(None)}
    assert where_to({}, finds_a_cluster=lambda: False) == {}
    assert where_to({"address": "local"}, finds_a_cluster=lambda: True) == {"address": "local"}
    assert where_to({"address": None, "num_cpus": 1}, finds_a_cluster=lambda: True) == {"address": None, "num_cpus": 1}


def test_old_keywords_of_other_calls_are_renamed_with_a_warning():
    ray = types.SimpleNamespace(wait=lambda waitables=None, **keywords: keywords)
    wait = _renaming("ray.wait", ray.wait, {"object_ids": "ray_waitables"})
    with pytest.warns(UserWarning, match=r"ray.wait\(object_ids=...\) is called ray_waitables today"):
        assert wait(object_ids=[1], timeout=2) == {"timeout": 2, "ray_waitables": [1]}


def rays_decisions(monkeypatch, given=None):
    """A `ray.init` that switches tokens on as Ray's does, and what is asked before a cluster is joined."""
    asked, process = [], {"mode": given, "connected": False}

    def init(address=None):
        process["mode"] = process["mode"] or (None if address else "token")

    monkeypatch.setattr("legacy.cluster.asks_for_tokens", lambda: process["mode"] == "token")
    monkeypatch.setattr("legacy.tokens.forget_for", lambda address: (asked.append(address), process.update(mode=None)))
    return _without_tokens_of_another(init, lambda: process["connected"]), asked, process


def test_tokens_that_ray_switched_on_for_one_cluster_are_not_taken_to_the_next(monkeypatch):
    init, asked, process = rays_decisions(monkeypatch)
    for address in ("there:1", None, "there:2", "there:3", None):
        init(address)
    init(address="there:4")
    assert (asked, process["mode"]) == (["there:2", "there:4"], None)


def test_tokens_stay_while_connected_and_where_the_user_switched_them_on(monkeypatch):
    init, asked, process = rays_decisions(monkeypatch)
    init()
    process["connected"] = True
    init("there:1")  # ignore_reinit_error=True
    by_user, of_user, _ = rays_decisions(monkeypatch, given="token")
    for address in (None, "there:1"):
        by_user(address)
    assert (asked, of_user) == ([], [])
