from serve_compat.operations import tables


def replica(state="RUNNING", failed_checks=0, error=None):
    row = {"state": state, "pid": 7, "node": "0123456789ab", "failed_checks": failed_checks, "last_error": error}
    return {**row, "version": "1"}


def backend(replicas, wanted=1, **more):
    row = {"status": "HEALTHY", "wanted": wanted, "autoscaling": None, "load": 3, "given_version": None}
    return {**row, "last_error": None, "replicas": replicas, **more}


def endpoint(route, traffic, matching="exact", methods=("GET",), shadows=None):
    row = {"route": route, "matching": matching, "methods": list(methods), "traffic": traffic}
    return {**row, "shadows": shadows or {}}


STATUS = {
    "instance": "SERVE_CONTROLLER_ACTOR",
    "namespace": "serve",
    "url": "http://127.0.0.1:8000",
    "proxies": {"proxy": "RUNNING"},
    "endpoints": {
        "greet": endpoint("/greet", {"old": 0.75, "new": 0.25}, shadows={"big": 0.05}),
        "Model": endpoint("/", {"Model": 1.0}, "prefix", ()),
        "headless": endpoint(None, {"old": 1.0}),
    },
    "backends": {
        "old": backend({"old#a": replica(failed_checks=2)}),
        "new": backend({}, 2, status="UNHEALTHY", last_error="ValueError: no weights\nTraceback ..."),
        "Model": backend({"Model#b": replica("STARTING")}, autoscaling=[1, 4], given_version="v2"),
    },
}


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_columns_are_as_wide_as_their_widest_cell():
    assert tables.table(("A", "B"), [("1", "2"), ("long", "3")]).splitlines() == ["A     B", "1     2", "long  3"]


def test_lines_longer_than_the_terminal_are_cut():
    assert tables.table(("A",), [("123456789",)], width=5).splitlines() == ["A", "1234…"]


def test_endpoints_show_route_split_and_shadows():
    assert lines(tables.endpoints(STATUS)) == [
        "ENDPOINT ROUTE METHODS TRAFFIC SHADOWS",
        "Model / all Model 100% -",
        "greet /greet GET old 75%, new 25% big 5%",
        "headless - GET old 100% -",
    ]


def test_backends_show_replicas_and_the_first_line_of_the_last_error():
    assert lines(tables.backends(STATUS)) == [
        "BACKEND STATUS REPLICAS LOAD VERSION LAST ERROR",
        "Model HEALTHY 0/1 (auto 1-4) 3 v2 -",
        "new UNHEALTHY 0/2 3 - ValueError: no weights",
        "old HEALTHY 1/1 3 - -",
    ]


def test_replicas_show_their_state_and_failed_health_checks():
    assert lines(tables.replicas(STATUS)) == [
        "REPLICA STATE PID NODE LAST ERROR",
        "Model#b STARTING 7 01234567 -",
        "old#a RUNNING, 2 health checks failed 7 01234567 -",
    ]


def test_routes_leave_headless_endpoints_out():
    assert lines(tables.routes(STATUS)) == [
        "ROUTE METHODS ENDPOINT TRAFFIC",
        "/... all Model Model 100%",
        "/greet GET greet old 75%, new 25%",
    ]


def test_a_proxy_that_stands_by_is_no_trouble():
    proxies = {"a": "STANDBY", "b": "RUNNING", "c": "STANDBY (starting)", "d": "RUNNING"}
    text = tables.head({**STATUS, "proxies": proxies})
    assert text.endswith("http://127.0.0.1:8000, 2 of 2 proxies up, 2 on standby")


def test_the_whole_report_names_the_instance_and_what_is_wrong_with_http():
    text = tables.status_text({**STATUS, "proxies": {"proxy": "OSError: port 8000 is taken"}})
    assert text.startswith("Instance SERVE_CONTROLLER_ACTOR in namespace serve: http://127.0.0.1:8000, 0 of 1 prox")
    assert "\nproxy: OSError: port 8000 is taken\n" in text
    assert "ENDPOINT" in text
    assert "REPLICA" in text


def test_an_empty_instance_says_so():
    text = tables.status_text({**STATUS, "proxies": {}, "endpoints": {}, "backends": {}})
    assert text.endswith("no HTTP\n\nNothing is registered.")


def test_percentages_have_no_rounding_dust():
    assert [tables.percent(share) for share in (0.07, 1 / 3, 1)] == ["7%", "33.3333%", "100%"]


def test_no_name_or_error_steers_the_terminal_or_forges_a_line():
    text = tables.table(("A", "B"), [["x\x1b]0;t\x07\n1", "\u202e\x9b31m"]])
    assert text.splitlines()[1:] == [r"x\x1b]0;t\x07\n1  \u202e\x9b31m"]
