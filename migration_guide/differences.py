"""Every public behaviour that differs from the original Ray Serve on purpose: the one place that says so.

generate.py writes the list in README and the page reference/differences.md from it; tests/guide/test_differences.py
checks that both are current and that each test is there. A new difference is a new entry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One behaviour. Code in the texts stands between backticks.

    Attributes:
        id: its anchor on the page; never changes.
        title: what it is about.
        programs: releases whose programs meet it.
        original: what the originals do.
        here: what this package does.
        why: the reason to differ.
        tests: node ids of tests that show what is done here.
        ran: releases on which the original's behaviour was seen.
        read: releases in whose code or documents it was read only.
        main: whether README lists it too.
    """

    id: str
    title: str
    programs: str
    original: str
    here: str
    why: str
    tests: tuple[str, ...]
    ran: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    main: bool = False


DIFFERENCES = (
    Difference(
        "retries", "Requests of a replica that dies", "0.8 to 2.6",
        "Ray 1.2 ran every call again, without limit; proxies of Ray 1.4 and 1.13 any request, up to ten times.",
        "A request whose replica died is run again only for safe HTTP methods (GET, HEAD, OPTIONS).",
        "A POST may have had its effect before the replica died.",
        ("tests/http/test_retry.py::test_only_safe_methods_run_again_when_their_replica_dies",
         "tests/fault/test_kill_replica.py::test_only_requests_under_way_in_a_killed_replica_fail_and_none_runs_twice"),
        ran=("1.2.0", "1.4.1", "1.13.0"), main=True,
    ),
    Difference(
        "shadow-harm", "What a shadow costs", "0.8 to 1.7",
        "In Ray 1.2 a slow shadow raised the primary's median from 75 ms to 8 s.",
        "A shadow never delays or fails the primary: what it has no room for is dropped and counted, and a body of"
        " over a mebibyte is not copied.",
        "A shadow is there to try something out.",
        ("tests/ray/test_handles.py::test_a_slow_shadow_never_delays_the_caller",
         "tests/http/test_shadow.py::test_the_backlog_is_bounded_and_what_is_dropped_is_counted",
         "tests/http/test_shadow.py::test_a_body_over_a_mebibyte_is_not_copied"),
        ran=("1.2.0",), main=True,
    ),
    Difference(
        "shadow-sampling", "Which requests are copied", "0.8 to 1.7",
        "Ray 1.2 used one random draw for both.",
        "Shadow sampling is independent of the traffic split.",
        "Otherwise a shadow of 10% sees the requests of the first backend only.",
        ("tests/unit/traffic/test_split.py::test_shadows_are_independent_of_the_primary_and_of_each_other",
         "tests/fault/test_shadow_harm.py::test_copies_are_sampled_independently_of_the_split"),
        read=("1.2.0", "1.4.1"), main=True,
    ),
    Difference(
        "failed-starts", "Constructors that fail", "0.8 to 2.6",
        "Ray 1.2 and 1.4 reported success, or hung; Ray 1.13 and 2.3 raised and kept what had failed.",
        "A failing constructor or a missing `reconfigure` raises from the call that caused it and leaves nothing"
        " registered.",
        "Who asked for it can act on it.",
        ("tests/ray/test_deployments.py::test_a_user_config_nobody_takes_fails_the_deployment",
         "tests/unit/control/test_reconcile.py::test_a_failing_constructor_ends_the_wait_with_the_users_error"),
        ran=("1.2.0", "1.4.1", "1.13.0", "2.3.0"), main=True,
    ),
    Difference(
        "errors-500", "What a 500 says", "0.8 to 2.6",
        "Ray 1.2 and 1.4 said `Internal Server Error` and no more; Ray 1.13 and 2.3 sent the whole traceback.",
        "An HTTP 500 names the error's class and message, the first 8 KiB of it, and carries a request id, also when"
        " the error is another backend's or a graph's. The traceback goes to the log, and to the client only in debug"
        " mode. A FastAPI or other ASGI application answers for itself.",
        "The error is told without paths, code and actor ids.",
        ("tests/unit/replica/test_app.py::test_a_500_names_class_and_message_and_the_request",
         "tests/ray/test_long_errors.py::test_an_error_of_another_backend_is_told_without_its_trace_and_the_log_says_where",
         "tests/ray/test_long_errors.py::test_the_text_of_a_500_is_cut_and_the_log_has_all_of_it"),
        ran=("1.2.0", "1.4.1", "1.13.0", "2.3.0"), main=True,
    ),
    Difference(
        "scaling-down", "Scaling down", "0.8 to 1.7",
        "Ray 1.2 lost 232 of 1,114 requests.",
        "Scaling down loses nothing.",
        "A request that was taken is answered.",
        ("tests/fault/test_scaling.py::test_scaling_down_and_up_loses_nothing",),
        ran=("1.2.0",), main=True,
    ),
    Difference(
        "deadlines", "Waiting", "0.8 to 2.6",
        "The originals waited without end for replicas, endpoints, answers and resources.",
        "Nothing waits for ever: every wait has a deadline, and an error that names it. A deploy that waits for a"
        " resource says which.",
        "Who waits in vain is told why.",
        ("tests/fault/test_overload.py::test_a_request_that_finds_no_slot_in_time_is_503_and_never_starts",
         "tests/fault/test_overload.py::test_a_replica_that_never_answers_is_504_its_work_is_cancelled_and_its_slot_is_free",
         "tests/ray/test_deployments.py::test_a_handle_to_a_deployment_that_never_comes_gives_up_at_its_deadline",
         "tests/ray/test_deployments.py::test_a_deploy_without_room_says_what_it_waits_for"),
        ran=("1.2.0", "1.4.1"), read=("1.13.0",), main=True,
    ),
    Difference(
        "idle-stop", "How long a replica takes to stop", "1.2 to 2.6",
        "Ray 1.4 waited 2 s at least, Ray 1.2 returned while replicas still worked.",
        "`delete_backend` returns as soon as the replicas are idle.",
        "Nobody is served by a pause.",
        ("tests/unit/control/test_reconcile.py::test_a_replica_is_told_to_stop_when_the_routers_calls_to_it_are_over",
         "tests/fault/test_scaling.py::test_deleting_a_backend_after_its_traffic_moved_away_loses_nothing"),
        ran=("1.2.0", "1.4.1", "1.13.0"), main=True,
    ),
    Difference(
        "streaming", "Streams", "1.2 to 2.6",
        "The originals collected an answer and a request's body whole, and had no websockets.",
        "Streaming responses stream; websockets of ASGI applications work.",
        "Long answers begin at once and need no memory.",
        ("tests/http/test_streaming.py::test_the_pieces_of_a_stream_are_not_held_back",
         "tests/ray/test_ingress.py::test_a_stream_arrives_piece_by_piece_and_background_tasks_run",
         "tests/ray/test_ingress.py::test_websockets_reach_the_class"),
        ran=("1.4.1", "1.13.0"), main=True,
    ),
    Difference(
        "more-json", "Results that become JSON", "0.8 to 2.6",
        "numpy scalars were a 500 up to Ray 1.13, and Ray 2.x left those keys out.",
        "numpy scalars serialise to JSON, and all numpy values in FastAPI and other results of every generation."
        " Generators do, too, and keys of dicts that begin with `_sa`.",
        "Models return numpy values.",
        ("tests/unit/replica/test_results.py::test_what_all_know",
         "tests/unit/replica/test_results.py::test_a_generator_beside_keys_that_are_no_text_gives_all_it_has",
         "tests/unit/replica/test_fastapi_json.py::test_numpy_values_are_json"),
        ran=("1.2.0", "1.4.1", "1.13.0", "2.3.0"), main=True,
    ),
    Difference(
        "updates", "New versions of a deployment", "1.3 to 2.6",
        "Ray 1.13 stopped the old replica first and left the broken version registered.",
        "A deployment with one replica is updated without a gap where the cluster has room for two: the new replica"
        " starts first. A version that fails, be it only its first health check, is taken back; the one before it"
        " serves on.",
        "An update is no outage.",
        ("tests/unit/control/test_plan.py::test_with_surge_a_failing_version_leaves_the_old_replica_alone",
         "tests/ray/test_deployments.py::test_a_failing_version_raises_with_the_users_error_and_the_old_one_serves_on",
         "tests/fault/test_sick_versions.py::test_a_version_whose_health_check_fails_changes_nothing_for_clients"),
        ran=("1.13.0",), main=True,
    ),
    Difference(
        "tag-again", "A backend created again under its tag", "0.7 and 0.8",
        "Ray 0.8 took the new config and went on with the old code.",
        "A backend created again under its tag is replaced (0.8).",
        "The program asked for the new code.",
        ("tests/ray/test_era_0_8.py::test_a_tag_that_is_taken_is_replaced",
         "tests/ray/test_era_0_8.py::test_a_replacement_that_fails_leaves_what_was_there"),
        read=("0.8.7",), main=True,
    ),
    Difference(
        "no-backend", "An endpoint without a backend", "0.7 and 0.8",
        "Ray 0.8 let it wait without end.",
        "A request to an endpoint without a backend is answered with 503 (0.8).",
        "As for every wait.",
        ("tests/ray/test_era_0_8.py::test_an_endpoint_may_come_before_its_backend",
         "tests/unit/traffic/test_router.py::test_an_endpoint_without_a_backend_has_no_split_yet"),
        read=("0.8.5",), main=True,
    ),
    Difference(
        "steering-headers", "Headers that choose a method", "1.3 to 1.7",
        "In Ray 1.3 to 1.7 it called any public method, whatever the routes demanded.",
        "`X-SERVE-CALL-METHOD` does not walk around the routes of a FastAPI or other ASGI application; deployments"
        " know it, and `X-SERVE-SHARD-KEY`, with `--era 1.4` only.",
        "Routes check who may call them.",
        ("tests/ray/test_old_doors.py::test_no_header_walks_around_the_routes_of_an_asgi_application",
         "tests/ray/test_old_doors.py::test_a_deployment_does_not_know_the_call_method_header",
         "tests/ray/test_old_doors.py::test_a_deployment_of_ray_1_4_knows_the_header_as_its_generation_did"),
        ran=("1.4.1",), main=True,
    ),
    Difference(
        "route-conflicts", "A route that is taken", "1.3 to 1.13",
        "Ray 1.4 and 1.13 raised and kept the second deployment; where one of the two routes was a default one, Ray 1.4"
        " took it without a word, and an endpoint on the default route of a deployment, too.",
        "A route conflict is found before anything is registered, and raises.",
        "A command that raises has changed nothing.",
        ("tests/ray/test_deployments.py::test_a_taken_route_is_refused_and_leaves_nothing_behind",
         "tests/unit/control/test_deploy_decision.py::test_a_taken_route_changes_nothing",
         "tests/ray/test_both_styles.py::test_names_and_routes_are_one_space_for_both_styles"),
        ran=("1.4.1", "1.13.0"), main=True,
    ),
    Difference(
        "one-app", "The app of an ingress", "1.3 to 2.6",
        "In Ray 1.3 to 2.6 a constructor changed the app that serves only where the class had routes of its own, and"
        " never an app that was an argument or another module's.",
        "The app of `@serve.ingress` is one object in a replica, whatever names it.",
        "A constructor that sets `app.state` means the app that serves.",
        ("tests/ray/test_ingress.py::test_the_app_that_the_program_names_is_the_one_that_serves",
         "tests/unit/asgi/test_one_app.py::test_an_app_that_is_an_argument_of_the_constructor_is_the_one_that_serves"),
        ran=("1.13.0", "2.3.0"), main=True,
    ),
    Difference(
        "graph-handover", "A graph that replaces another", "1.12 to 2.6",
        "In the originals requests waited, and found nothing where the new one had failed. Ray 1.13 refused the"
        " second `serve.run` on a route that any other root had; it removed nothing of what an earlier run had"
        " deployed.",
        "A graph that replaces another takes its route over when it can answer; until then, and where it fails, the"
        " one before answers.",
        "A model that runs alone is run behind an ingress next.",
        ("tests/ray/test_graphs.py::test_another_graph_takes_over_the_route_without_a_gap",
         "tests/unit/graph/test_run.py::test_a_failed_run_leaves_the_route_where_it_was_and_later_ones_alone",
         "tests/unit/graph/test_run.py::test_a_run_without_a_name_removes_what_the_one_before_left"),
        ran=("1.13.0", "2.3.0"), main=True,
    ),
    Difference(
        "forwarded", "What a proxy in front says", "0.8 to 2.6",
        "In the originals handlers saw these headers as any client had sent them.",
        "`X-Forwarded-For` and its kin are shown to handlers only as trusted proxies send them.",
        "Rate limits and audit logs rely on them.",
        ("tests/http/test_forwarded.py::test_a_stranger_is_not_believed",
         "tests/http/test_pages.py::test_forwarding_headers_name_the_client_and_not_what_it_claims"),
        read=("1.2.0", "1.13.0", "2.3.0"), main=True,
    ),
    Difference(
        "standby", "A proxy that dies", "0.8 to 2.6",
        "The originals started it anew, which took seconds, and did not find one that hung.",
        "The port is not lost with its proxy: a node that has been served for ten seconds (`standby_after_s` of"
        " `http_options`) gets a second proxy process, which has everything but the port and listens at once when the"
        " first one dies; one that hangs is ended after 12 s. `standby_after_s=None` does without it.",
        "Clients see a pause, not an outage.",
        ("tests/fault/test_standby.py::test_it_takes_the_port_over_with_all_routes_and_the_dead_one_stands_by",
         "tests/fault/test_standby.py::test_one_that_was_stopped_is_ended_and_the_other_takes_over"),
        ran=("1.2.0", "1.4.1"), main=True,
    ),
    Difference(
        "log-records", "Lines of the log", "0.7 to 2.6",
        "The originals write what clients and errors say as it is.",
        "In the logs a line that does not begin with `| ` begins a record: no name, path or text of an error can"
        " forge one.",
        "Logs are evidence.",
        ("tests/ray/test_long_errors.py::test_no_text_of_an_error_begins_a_line_of_the_log",
         "tests/unit/test_logs.py::test_every_further_line_is_marked_and_nothing_steers_a_terminal"),
        ran=("1.13.0", "2.3.0"), main=True,
    ),
    Difference(
        "in-force", "When a change is in force", "0.7 to 2.6",
        "The originals were eventually consistent.",
        "Changes are in force when the call returns: `set_traffic`, `create_endpoint` and `delete_endpoint` wait"
        " until every proxy has applied them.",
        "The next request of the program meets what it has set.",
        ("tests/fault/test_in_force.py::test_it_returns_when_a_slow_proxy_has_it_and_not_before",
         "tests/ray/test_handles.py::test_a_change_of_traffic_is_in_force_when_the_call_returns"),
        ran=("1.2.0", "1.4.1"), main=True,
    ),
    Difference(
        "overlapping", "Changes that overlap", "0.7 to 2.6",
        "The originals let the last one win, whatever became of it.",
        "Changes of one backend that overlap are made one after the other, and each caller is told the truth about"
        " its own: a change that fails takes back nothing else. `deploy()`, the deletions and a backend created again"
        " do not wait for a change that is not in force yet: they take its place, and its caller gets a"
        " `ChangeSupersededError`. What uses a backend that is being created waits until it is there, or is told that"
        " it never will be.",
        "What was acknowledged stays.",
        ("tests/fault/test_overlapping_changes.py::test_a_change_that_was_acknowledged_stays_when_a_later_one_fails",
         "tests/fault/test_overlapping_changes.py::test_a_change_is_not_done_because_another_has_come_after_it",
         "tests/fault/test_failing_creations.py::test_what_uses_a_backend_whose_creation_fails_is_told_so_and_leaves_nothing"),
        read=("1.4.1", "1.13.0"), main=True,
    ),
    Difference(
        "ray-0-7-answers", "Answers of Ray 0.7", "0.7",
        'Ray 0.7 wrapped every answer, `{"result": ...}`, and listed its routes at `/`.',
        "Answers come plain and the routes are at `/-/routes`, as from Ray 0.8 on.",
        "Ray 0.7 and 0.8 share their calls; answers have the later form.",
        ("tests/ray/test_early_programs.py::test_a_program_prints_what_it_printed_on_its_release",),
        read=("0.7",), main=True,
    ),
    Difference(
        "no-era", "Programs that do not name their era", "0.8 to 2.6",
        "Results of deployments up to Ray 1.13 are indented JSON without dates, sets and objects, and their"
        " `user_config` is anything; awaiting a handle's result in a graph gives the value (1.13) or a reference (2.x);"
        " instances are in the driver's namespace (1.x) or in `serve` (2.x).",
        "Without `--era`, results of deployments are the JSON of Ray 2.x, and their `user_config` is JSON or bytes, as"
        " there; a handle's result in a graph may be awaited once or twice; and an instance is found in the namespace"
        " of the job, in `serve`, or where the only one is.",
        "The calls do not tell, and one rule serves most programs; `--era` gives each its own.",
        ("tests/unit/replica/test_results.py::test_json_is_in_one_line_from_2_on_and_indented_before",
         "tests/unit/deployments/test_options.py::test_up_to_1_13_a_user_config_was_anything",
         "tests/ray/test_graphs.py::test_a_handle_pleases_both_generations",
         "tests/unit/session/test_places.py::test_where_nobody_said_the_era_both_are_found"),
        ran=("1.4.1", "1.13.0", "2.3.0"),
    ),
    Difference(
        "later-learned", "What a later release of a style learned", "0.7 to 2.6",
        "Options had a leading underscore up to Ray 1.13 and none in 2.x; `init_kwargs`, async constructors, ASGI"
        " apps, path templates, keyword arguments of `@serve.batch`, handlers without parameters and handles that can"
        " be pickled came one by one.",
        "All of them work for every program of their style, in every spelling.",
        "A program does not get worse by asking for more.",
        ("tests/unit/deployments/test_options.py::test_every_spelling_reaches_the_backends_config",
         "tests/unit/replica/test_batching.py::test_keywords_arrive_as_lists_of_the_same_keyword",
         "tests/unit/replica/test_calls.py::test_a_handler_without_parameters_gets_nothing_of_a_request",
         "tests/unit/test_handle.py::test_a_pickled_handle_keeps_kind_generation_and_options"),
        ran=("1.2.0", "1.4.1", "1.13.0", "2.3.0"),
    ),
    Difference(
        "both-styles", "Backends and deployments in one instance", "1.3 to 1.7",
        "The next `deploy()` set a deployment's traffic back to itself alone.",
        "Redeploying keeps the split that `set_traffic` gave.",
        "A new version must not end a canary.",
        ("tests/ray/test_both_styles.py::test_traffic_is_split_between_both_and_a_redeploy_keeps_it",
         "tests/unit/control/test_deploy_decision.py::test_a_redeploy_can_move_the_route_and_keeps_the_split"),
        ran=("1.4.1",),
    ),
    Difference(
        "object-refs", "References in handle calls", "1.1",
        "Ray 1.1 gave handlers an `ObjectRef` as it was, in `request.data` and `request.args`; Ray 1.2 its value.",
        "Handlers get the value.",
        "With `--era 1.0` programs of Ray 1.0 run, too, and handlers of all other releases are written for values.",
        ("tests/ray/test_era_1_0.py::test_references_in_handle_calls_arrive_as_their_values",),
        ran=("1.1.0", "1.2.0"),
    ),
    Difference(
        "empty-request", "A handle call without its request", "1.3 to 2.6",
        "`handle.remote()` of a handler that needs one argument raised a TypeError, though the documents show it.",
        "It passes an empty request.",
        "The samples of the documents run.",
        ("tests/ray/test_deployments.py::test_a_call_without_arguments_gets_an_empty_request",),
        ran=("1.13.0",),
    ),
    Difference(
        "autoscaling", "Autoscaling", "1.8 to 2.6",
        'Ray 1.13 wanted a `version` beside it, took `{"min_replicas": 3}` with a maximum of 1, never woke what had 0'
        ' replicas up again, and a deployment deleted in the wrong moment came back.',
        "No version is needed, the maximum is at least the minimum, the first waiting request starts a replica, and"
        " what is deleted stays so.",
        "As from Ray 2.x on, and as the documents say.",
        ("tests/unit/deployments/test_options.py::test_a_deployment_that_scales_by_itself_has_no_fixed_number",
         "tests/unit/control/test_autoscaler.py::test_a_backend_scaled_to_zero_starts_a_replica_for_the_first_waiting_request",
         "tests/unit/control/test_autoscaler.py::test_a_deleted_backend_is_forgotten"),
        ran=("1.13.0",),
    ),
    Difference(
        "sick-replicas", "Replicas that fail their health check", "1.9 to 2.6",
        "Ray 1.13 killed a replica after three failed checks in a row, without grace.",
        "It finishes its requests, and goes as another takes its place; a single one stays where there is no room for"
        " two, up to twelve failed checks.",
        "A database that is away for a moment is no reason to serve nothing.",
        ("tests/unit/control/test_health.py::test_three_failed_checks_replace_a_replica_that_finishes_its_requests_first",
         "tests/fault/test_sick_versions.py::test_a_replica_that_falls_sick_finishes_its_requests_before_it_goes"),
        ran=("1.13.0",),
    ),
    Difference(
        "hung-replicas", "Replicas that hang", "0.7 to 2.6",
        "A replica that was stopped or stood in a deadlock kept its requests without end.",
        "It is found and replaced within 15 s.",
        "As for every wait.",
        ("tests/fault/test_hung_replicas.py::test_what_hangs_is_replaced_in_time_and_what_works_is_left_alone",
         "tests/fault/test_stuck_replicas.py::test_a_stopped_replica_is_found_replaced_and_its_process_ended"),
        read=("1.13.0",),
    ),
    Difference(
        "controller-crash", "A controller that dies", "0.8 to 2.6",
        "An instance that was not detached died with it; detached ones of Ray 1.2 and 1.4 did not come back if a"
        " replica had just been deleted, and one of 1.2 that was shut down could not be started again.",
        "Every instance goes on, and a shut down one leaves nothing behind.",
        "No request passes through the controller.",
        ("tests/fault/test_kill_controller.py::test_killing_the_controller_touches_no_request",
         "tests/fault/test_kill_controller.py::test_replicas_survive_a_killed_controller",
         "tests/fault/test_shutdown.py::test_shutdown_leaves_nothing"),
        ran=("1.2.0", "1.4.1"),
    ),
    Difference(
        "concurrency-kept", "`max_concurrent_queries`", "0.8 to 1.2",
        "Ray 1.2 forgot what was in flight once any replica had been stopped, and took 0, which served nothing.",
        "The limit always holds; less than 1 is a ValueError.",
        "Models rely on it for their memory.",
        ("tests/ray/test_handles.py::test_many_threads_never_exceed_the_limit_and_lose_nothing",
         "tests/unit/test_config.py::test_bad_fields_are_value_errors_that_name_the_field"),
        ran=("1.2.0",),
    ),
    Difference(
        "clients-that-leave", "Clients that leave", "0.8 to 2.6",
        "A handler worked on for a client that had gone.",
        "A request that waits never starts; one that runs gets `CancelledError` where it awaits something.",
        "Nobody reads the answer.",
        ("tests/fault/test_disconnect.py::test_a_queued_request_whose_client_leaves_never_starts",
         "tests/fault/test_disconnect.py::test_a_running_request_whose_client_leaves_is_cancelled_and_its_place_is_free"),
        ran=("1.13.0", "2.3.0"),
    ),
    Difference(
        "limits", "Limits of a proxy", "0.8 to 2.6",
        "The originals had no limit for bytes and requests that wait, for pauses of a client and for slow readers.",
        "Beyond the limits of `http_options` a request gets 503 with `Retry-After`, 408, 414 or 431; a long body that"
        " is not read ahead cannot be sent on through a handle before `await request.body()`.",
        "One client cannot take what all need.",
        ("tests/http/test_memory.py::test_waiting_requests_share_the_budget_and_the_rest_is_told_at_once",
         "tests/fault/test_overload.py::test_beyond_the_queue_requests_are_refused_at_once_and_the_queued_ones_are_served",
         "tests/http/test_promised_limits.py::test_a_head_over_the_promised_limits_is_refused_before_it_is_complete",
         "tests/unit/replica/test_messages.py::test_a_long_body_of_known_length_is_not_read_ahead_and_cannot_travel"),
        read=("1.13.0", "2.3.0"),
    ),
    Difference(
        "large-code", "Models by value", "0.7 to 2.6",
        "The originals send any size.",
        "Code and arguments of over 2 GiB, and a `user_config` of over 200 MiB, are refused before anything is sent;"
        " what cannot be pickled is named.",
        "They are kept in a file, so that a restart of the controller finds them.",
        ("tests/unit/session/test_packing.py::test_too_much_is_refused_before_anything_is_sent",
         "tests/unit/session/test_session.py::"
         "test_a_user_config_that_is_too_large_is_refused_before_anything_is_sent",
         "tests/unit/session/test_packing.py::test_what_cannot_be_pickled_is_named"),
    ),
    Difference(
        "environments", "Conda environments", "1.0 to 2.6",
        "Every node needed conda and the environment, and a wrong one was found when replicas failed.",
        "An environment is sent to the nodes that lack it and checked before a replica starts; one that fails names"
        " the remedy and fails only its own backend.",
        "Today's Ray needs the same versions everywhere.",
        ("tests/ray/test_environments.py::test_an_environment_that_cannot_run_replicas_fails_only_its_own_backend",
         "tests/ray/test_environments_on_nodes.py::test_packed_environments_are_sent_to_the_nodes_that_lack_them_once"),
        read=("1.2.0", "1.4.1"),
    ),
    Difference(
        "reconfigure-once", "How often `reconfigure` is called", "1.1 to 1.7",
        "Twice at each start, and again with the same value when other settings changed.",
        "Once for each new value.",
        "It may load a model.",
        ("tests/unit/replica/test_invoke.py::test_reconfigure_is_called_once_for_each_new_value",),
        ran=("1.2.0", "1.4.1"),
    ),
    Difference(
        "batch-wait", "When a partial batch begins", "0.8 to 1.3",
        "The wait began when the replica became idle, so that the first request after a pause often ran alone.",
        "The wait begins with the oldest request of the batch.",
        "`batch_wait_timeout` says how long a request may wait.",
        ("tests/unit/replica/test_batch_core.py::test_a_partial_batch_is_due_when_its_oldest_item_has_waited_long_enough",),
        ran=("1.2.0",),
    ),
    Difference(
        "shadow-zero", "A shadow of 0", "0.8 to 1.7",
        "0 for a backend that was no shadow left an entry that kept the backend from being deleted.",
        "It does nothing.",
        "An oversight.",
        ("tests/unit/control/test_desired.py::test_a_shadow_of_0_for_a_backend_that_is_none_leaves_nothing",),
        ran=("1.2.0", "1.4.1"),
    ),
    Difference(
        "actor-options", "The program's own dict of `ray_actor_options`", "0.8 to 2.6",
        "Defaults were written into it.",
        "It is left alone.",
        "It is the program's.",
        ("tests/unit/session/test_checks.py::test_actor_options_get_one_cpu_and_the_users_dict_is_left_alone",),
        ran=("1.13.0", "2.3.0"), read=("1.2.0", "1.4.1"),
    ),
    Difference(
        "templates", "Path templates", "1.3 to 1.7",
        "`request.url.path` was made of the template and the path (`/t/{x}/t/5`), and endpoints without a route were"
        " listed under `null`.",
        "It is the path of the request, and what has no route is not listed.",
        "Oversights.",
        ("tests/http/test_pages.py::test_the_replica_is_told_the_fields_of_a_template",
         "tests/unit/traffic/test_routes.py::test_the_listing_has_the_form_of_each_generation"),
        ran=("1.4.1",),
    ),
    Difference(
        "redirects", "Redirects for a slash at the end", "1.3 to 1.7",
        "They named the scheme and host of the request as the server saw it.",
        "They name the path only, and never another host.",
        "Behind another proxy the server's own address is of no use to the client.",
        ("tests/http/test_pages.py::test_a_slash_too_many_is_redirected_with_its_query",
         "tests/unit/traffic/test_routes.py::test_a_redirect_never_leads_to_another_host"),
        ran=("1.4.1",),
    ),
    Difference(
        "deployment-equality", "Comparing a `Deployment`", "1.4 to 2.6",
        "`==` with anything else raised an AttributeError.",
        "It is False.",
        "So Python has it.",
        ("tests/unit/deployments/test_deployment.py::test_equality_is_about_options_not_about_code",),
        ran=("1.13.0",),
    ),
    Difference(
        "graph-names", "Names in a graph", "1.12 to 2.6",
        "Two `.bind()` calls of one explicit name became one deployment, the last; in Ray 1.13 a function with the"
        " option `name` could not be called.",
        "Different things of one name are refused, and any name works.",
        "One of the two was lost without a word.",
        ("tests/unit/graph/test_naming.py::test_the_same_given_name_for_different_things_is_refused",
         "tests/unit/graph/test_naming.py::test_a_given_name_wins_wherever_it_stands"),
        ran=("1.13.0", "2.3.0"), read=("1.13.0",),
    ),
    Difference(
        "driver-paths", "Paths of a `DAGDriver`", "1.12 and 1.13",
        "Ray 1.13 answered at exactly `/` below the prefix.",
        "A driver of one graph answers every path below it, as in Ray 2.x.",
        "Programs without `--era` may be of either.",
        ("tests/unit/graph/test_driver.py::test_a_single_graph_answers_every_path_with_json",),
        ran=("1.13.0", "2.3.0"),
    ),
    Difference(
        "deleted-deployments", "A handle of a deployment that was deleted", "1.4 to 2.6",
        "Ray 1.4, 1.13 and 2.3 waited without end.",
        "A call waits five seconds for it to be deployed again, or as long as for any replica once that has begun, and"
        " raises a `BackendDeletedError`.",
        "Nobody waits for what will not come, and a deployment may be deleted to be made anew.",
        ("tests/unit/calls/test_local_router.py::test_a_call_to_what_was_deleted_says_so_soon",
         "tests/unit/calls/test_local_router.py::"
         "test_a_call_waits_for_what_was_deleted_and_is_being_deployed_again"),
        ran=("1.4.1", "1.13.0", "2.3.0"),
    ),
    Difference(
        "absolute-targets", "Request targets with a host, `GET http://host/path`", "0.8 to 2.6",
        "They were a 404: the whole target was taken for the path.",
        "They mean the path, and their host takes the place of the `Host` header's.",
        "HTTP/1.1 demands it of every server (RFC 9112, 3.2.2).",
        ("tests/http/test_pages.py::test_the_host_of_an_absolute_target_is_the_requests_host",),
        ran=("1.4.1", "1.13.0", "2.3.0"),
    ),
    Difference(
        "bad-host", "A host that HTTP cannot listen on", "0.8 to 2.6",
        "Its error was a `socket.gaierror` in Ray 1.2 and a ValueError from 1.4 on.",
        "It is an OSError and a ValueError, for an unknown host a `socket.gaierror` too.",
        "Each `except` of a program finds it.",
        ("tests/http/test_pages.py::test_every_except_finds_the_error_of_a_host_that_is_not_there",),
        ran=("1.4.1", "2.3.0"), read=("1.2.0",),
    ),
)  # fmt: skip
