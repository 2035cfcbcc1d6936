"""legacy.traffic.routes: precedence, methods, redirects; and the same answers as a naive reference implementation."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import compile_path

from legacy.constants import HTTP_METHODS
from legacy.generations import DEPLOYMENT, DEPLOYMENT_1_4, V1_2, V1_4
from legacy.records import Endpoint
from legacy.traffic.routes import Match, RouteTable

GENERATIONS = {"exact": V1_2, "template": V1_4, "prefix": DEPLOYMENT}


def endpoint(name: str, route: str | None, matching: Any = "exact", methods: tuple[str, ...] = ("GET",)) -> Endpoint:
    return Endpoint(name, route, methods, {"b": 1.0}, generation=GENERATIONS[matching])


def table(*endpoints: Endpoint) -> RouteTable:
    routes = RouteTable()
    for each in endpoints:
        assert routes.conflict(each) is None
        routes.put(each)
    return routes


def answer(routes: RouteTable, path: str, method: str = "GET") -> tuple[str, str | None]:
    match = routes.match(path, method)
    return match.kind, match.endpoint.name if match.endpoint else None


def seen(match: Match) -> tuple[str, str]:
    return match.root_path, match.path


def test_an_exact_route_matches_nothing_but_itself():
    routes = table(endpoint("e", "/r"), endpoint("root", "/"))
    assert answer(routes, "/r") == ("found", "e")
    assert answer(routes, "/") == ("found", "root")
    for path in ("/r/", "/r/x", "/rx", "/R", "/r\n", "", "*"):
        assert answer(routes, path) == ("not_found", None)
    assert seen(routes.match("/r", "GET")) == ("", "/r")


def test_a_template_fills_its_fields():
    routes = table(endpoint("t", "/t/{x}/n/{y:int}", "template"))
    match = routes.match("/t/a b/n/7", "GET")
    assert (match.kind, match.path_params) == ("found", {"x": "a b", "y": 7})
    assert seen(match) == ("/t/a b/n/7", "")
    assert answer(routes, "/t/a/n/seven") == ("not_found", None)
    assert answer(routes, "/t/a/n/7\n") == ("not_found", None)
    assert answer(routes, "/t/a/n/" + "9" * 5000) == ("not_found", None)


def test_the_application_below_a_literal_template_sees_the_route_as_root_path():
    routes = table(endpoint("t", "/t", "template"), endpoint("root", "/", "template"))
    assert seen(routes.match("/t", "GET")) == ("/t", "")
    assert seen(routes.match("/", "GET")) == ("", "/")


def test_templates_are_tried_in_the_order_of_registration():
    routes = table(endpoint("any", "/t/{x}", "template"), endpoint("one", "/t/1", "template"))
    assert answer(routes, "/t/1") == ("found", "any")
    routes = table(endpoint("one", "/t/1", "template"), endpoint("any", "/t/{x}", "template"))
    assert answer(routes, "/t/1") == ("found", "one")
    assert answer(routes, "/t/2") == ("found", "any")


def test_a_replaced_template_keeps_its_place_and_a_moved_one_goes_to_the_end():
    routes = table(endpoint("a", "/{x}", "template"), endpoint("b", "/{y:path}", "template"))
    routes.put(endpoint("a", "/{x}", "template", ("GET", "PUT")))
    assert answer(routes, "/q") == ("found", "a")
    routes.put(endpoint("a", "/{z}", "template"))
    assert answer(routes, "/q") == ("found", "b")


def test_a_template_that_allows_the_method_wins_over_an_earlier_one_that_does_not():
    routes = table(endpoint("get", "/t/{x}", "template"), endpoint("post", "/{y:path}", "template", ("POST",)))
    assert answer(routes, "/t/1", "POST") == ("found", "post")
    assert answer(routes, "/t/1", "PUT") == ("not_allowed", "get")


@pytest.mark.parametrize(
    ("path", "expected", "root"),
    [("/a", "a", "/a"), ("/a/", "a", "/a"), ("/a/x", "a", "/a"), ("/a/b", "ab", "/a/b"), ("/a/b/c/d", "ab", "/a/b")],
)
def test_the_longest_prefix_of_whole_segments_wins(path, expected, root):
    routes = table(endpoint("a", "/a", "prefix"), endpoint("ab", "/a/b/", "prefix"))
    assert answer(routes, path) == ("found", expected)
    assert seen(routes.match(path, "GET")) == (root, path[len(root) :])


def test_a_prefix_does_not_match_half_a_segment():
    routes = table(endpoint("a", "/a", "prefix"))
    assert answer(routes, "/ab") == ("not_found", None)
    routes.put(endpoint("root", "/", "prefix"))
    assert answer(routes, "/ab") == ("found", "root")
    assert seen(routes.match("/ab", "GET")) == ("", "/ab")


def test_exact_goes_before_template_before_prefix_before_redirect():
    routes = table(
        endpoint("prefix", "/", "prefix"),
        endpoint("template", "/{x}", "template"),
        endpoint("exact", "/e"),
    )
    assert [answer(routes, path)[1] for path in ("/e", "/t", "/t/")] == ["exact", "template", "prefix"]
    routes.remove("prefix")
    assert routes.match("/t/", "GET").kind == "redirect"


@pytest.mark.parametrize(
    ("path", "location"), [("/r/", "/r"), ("/r///", "/r"), ("/s", "/s/"), ("/ä b/", "/%C3%A4%20b")]
)
def test_templates_redirect_when_only_the_slash_at_the_end_differs(path, location):
    routes = table(*(endpoint(route, route, "template", ("POST",)) for route in ("/r", "/s/", "/ä b")))
    match = routes.match(path, "GET")
    assert (match.kind, match.location) == ("redirect", location)


def test_a_redirect_never_leads_to_another_host():
    routes = table(endpoint("t", "/{a:path}/b", "template"))
    assert routes.match("//evil.example/b/", "GET").location == "/.//evil.example/b"


def test_exact_and_prefix_routes_do_not_redirect():
    routes = table(endpoint("e", "/e"), endpoint("p", "/p/q", "prefix"))
    assert answer(routes, "/e/") == ("not_found", None)
    assert answer(routes, "/p") == ("not_found", None)


@pytest.mark.parametrize("matching", ["exact", "template", "prefix"])
def test_other_methods_are_not_allowed_and_the_match_says_which_are(matching):
    routes = table(endpoint("e", "/e", matching, ("GET", "POST")))
    match = routes.match("/e", "PUT")
    assert (match.kind, match.allowed[:2]) == ("not_allowed", ("GET", "POST"))
    assert answer(routes, "/e", "POST") == ("found", "e")


def test_head_is_allowed_where_get_is_except_for_clients():
    routes = table(
        endpoint("old", "/old"), endpoint("new", "/new", "template"), endpoint("put", "/p", "template", ("PUT",))
    )
    assert [routes.match(path, "HEAD").kind for path in ("/old", "/new", "/p")] == [
        "not_allowed",
        "found",
        "not_allowed",
    ]


def test_no_methods_means_all_methods():
    assert answer(table(endpoint("d", "/d", "prefix", ())), "/d", "BREW") == ("found", "d")


def test_a_taken_route_is_a_conflict_that_names_its_owner():
    routes = table(endpoint("e", "/r"))
    for matching in ("exact", "template", "prefix"):
        assert "'e' has it" in str(routes.conflict(endpoint("other", "/r", matching)))
    assert str(routes.conflict(endpoint("d", "/r", "prefix"))).startswith("route_prefix '/r' is already registered")
    assert routes.conflict(endpoint("e", "/r", "prefix")) is None
    assert routes.conflict(endpoint("headless", None)) is None


def test_prefixes_that_differ_by_a_slash_at_the_end_are_the_same():
    routes = table(endpoint("a", "/a/", "prefix"))
    assert routes.conflict(endpoint("b", "/a", "prefix")) is not None


@pytest.mark.parametrize("route", ["/t/{x:nonsense}", "/t/{x}/{x}"])
def test_a_bad_template_is_a_conflict_and_leaves_the_table_as_it_was(route):
    routes = table(endpoint("t", "/t", "template"))
    assert "not a valid path template" in str(routes.conflict(endpoint("t", route, "template")))
    with pytest.raises(ValueError, match="template"):
        routes.put(endpoint("t", route, "template"))
    assert answer(routes, "/t") == ("found", "t")


def test_a_freed_route_can_be_taken_again():
    routes = table(endpoint("a", "/r"), endpoint("t", "/t/{x}", "template"))
    routes.remove("a")
    routes.remove("t")
    routes.remove("never there")
    assert answer(routes, "/r") == answer(routes, "/t/1") == ("not_found", None)
    assert routes.conflict(endpoint("b", "/r")) is None


def test_an_endpoint_moves_between_kinds_of_routes():
    routes = table(endpoint("e", "/r"))
    routes.put(endpoint("e", "/r", "prefix"))
    assert answer(routes, "/r/x") == ("found", "e")
    routes.put(endpoint("e", None))
    assert answer(routes, "/r") == ("not_found", None)


def test_removing_a_dispossessed_endpoint_leaves_the_new_owner_alone():
    routes = table(endpoint("a", "/r"))
    routes.put(endpoint("b", "/r"))
    routes.remove("a")
    assert answer(routes, "/r") == ("found", "b")
    assert routes.conflict(endpoint("c", "/r")) is not None


@pytest.mark.parametrize("matching", ["exact", "template", "prefix"])
@pytest.mark.parametrize("route", ["/", "/r"])
def test_an_endpoint_that_gives_up_its_route_frees_it(matching, route):
    routes = table(endpoint("e", route, matching))
    routes.put(endpoint("e", None, matching))
    assert answer(routes, route) == ("not_found", None)
    assert routes.conflict(endpoint("other", route, matching)) is None
    routes.put(endpoint("other", route, matching))
    routes.remove("e")
    assert answer(routes, route) == ("found", "other")


def test_who_gives_up_its_route_in_the_same_step_is_no_conflict():
    routes = table(endpoint("d", "/r", "prefix"))
    other = endpoint("other", "/r/", "prefix")
    assert routes.conflict(other) is not None
    assert routes.conflict(other, leaving=["d"]) is None
    assert (routes.owner(other), routes.owner(endpoint("other", None))) == ("d", None)


def test_the_listing_has_the_form_of_each_generation():
    old, new = endpoint("old", None), Endpoint("new", None, ("GET",), {"b": 1}, generation=V1_4)
    first = Endpoint("first", "/first", (), {"b": 1}, generation=DEPLOYMENT_1_4)
    routes = table(endpoint("e", "/e", methods=("GET", "POST")), endpoint("d", "/d", "prefix", ()), old, new, first)
    assert routes.listing() == {
        "/e": ["e", ["GET", "POST"]],
        "/d": "d",
        "old": ["old", ["GET"]],
        "/first": ["first", list(HTTP_METHODS)],
    }
    assert RouteTable().listing() == {}


def test_the_listing_is_sent_in_the_form_of_the_newest_generation():
    old = endpoint("e", "/e", methods=("GET",))
    assert table(old).page() == b'{\n  "/e": [\n    "e",\n    [\n      "GET"\n    ]\n  ]\n}'
    assert table(old, endpoint("d", "/d", "prefix", ())).page() == b'{"/e":["e",["GET"]],"/d":"d"}'
    assert RouteTable().page() == b"{}"


def allowed(each: Endpoint, method: str) -> bool:
    as_get = "GET" if method == "HEAD" and each.generation is not V1_2 else method
    return not each.methods or method in each.methods or as_get in each.methods


def verdict(candidates: list[Endpoint], method: str) -> tuple[str, str | None] | None:
    for each in candidates:
        if allowed(each, method):
            return "found", each.name
    return ("not_allowed", candidates[0].name) if candidates else None


def naive(endpoints: list[Endpoint], path: str, method: str) -> tuple[str, str | None]:
    """The module's docstring as a linear search."""

    def templates(at: str) -> list[Endpoint]:
        return [e for e in endpoints if e.matching == "template" and e.route and compile_path(e.route)[0].fullmatch(at)]

    def is_prefix(e: Endpoint) -> bool:
        return e.matching == "prefix" and (path + "/").startswith(str(e.route).rstrip("/") + "/")

    exact = [e for e in endpoints if e.matching == "exact" and e.route == path]
    prefixes = sorted(filter(is_prefix, endpoints), key=lambda e: -len(str(e.route).rstrip("/")))
    for candidates in (exact, templates(path), prefixes[:1]):
        if found := verdict(candidates, method):
            return found
    other = path.rstrip("/") if path.endswith("/") else path + "/"
    return ("redirect", None) if path != "/" and templates(other) else ("not_found", None)


SEGMENT = st.sampled_from(["a", "b", "ab", "", "5"])
FIELD = st.sampled_from(["a", "b", "{x}", "{y:int}", "a{z}", "{w:path}"])
PATHS = st.lists(SEGMENT, max_size=5).map(lambda parts: "/" + "/".join(parts))
TEMPLATES = st.lists(FIELD, max_size=3, unique=True).map(lambda parts: "/" + "/".join(parts))
METHODS = st.lists(st.sampled_from(["GET", "POST", "PUT"]), unique=True, max_size=2).map(tuple)
ENDPOINTS = st.builds(
    lambda name, kind, template, path, methods: endpoint(name, template if kind == "template" else path, kind, methods),
    st.sampled_from("pqrstu"),
    st.sampled_from(["exact", "template", "prefix"]),
    TEMPLATES,
    PATHS.filter(lambda path: "//" not in path),
    METHODS,
)
CHANGES = st.lists(st.one_of(ENDPOINTS, st.sampled_from("pqrstu")), max_size=12)


@settings(max_examples=500, deadline=None)
@given(CHANGES, st.lists(st.tuples(PATHS, st.sampled_from(["GET", "HEAD", "POST"])), min_size=1, max_size=8))
def test_after_any_changes_the_table_answers_like_a_linear_search(changes, requests):
    routes, model = RouteTable(), {}
    for change in changes:
        if isinstance(change, str):
            routes.remove(change)
            model.pop(change, None)
        elif routes.conflict(change) is None:
            routes.put(change)
            old = model.get(change.name)
            if old is None or (old.route, old.matching) != (change.route, change.matching):
                model.pop(change.name, None)
            model[change.name] = change
    for path, method in requests:
        assert answer(routes, path, method) == naive(list(model.values()), path, method)
        match = routes.match(path, method)
        assert match.kind != "found" or match.root_path + match.path == path


def steps(routes: RouteTable, path: str) -> int:
    """How many steps of Python a look-up takes, which no other load of the machine changes."""
    taken, before = 0, sys.gettrace()

    def count(frame: Any, event: str, arg: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        taken += event == "opcode"
        return count

    sys.settrace(count)
    try:
        routes.match(path, "GET")
    finally:
        sys.settrace(before)
    return taken


@pytest.mark.parametrize(
    ("matching", "field", "below"),
    [("exact", "", ""), ("template", "", ""), ("template", "/{x}", "/1"), ("prefix", "", "/x")],
)
def test_a_look_up_does_not_cost_more_with_ten_thousand_endpoints(matching, field, below):
    path = f"/api/v1/e7{below}"
    small = table(endpoint("e7", f"/api/v1/e7{field}", matching))
    large = table(*(endpoint(f"e{i}", f"/api/v1/e{i}{field}", matching) for i in range(10_000)))
    for routes in (small, large):
        assert answer(routes, path) == ("found", "e7")
    assert steps(large, path) <= steps(small, path) + 100


def test_a_path_of_thousands_of_slashes_is_cheap():
    routes = table(endpoint("p", "/p", "prefix"), endpoint("t", "/t/{x}", "template"))
    assert answer(routes, "/" * 60_000 + "x") == ("not_found", None)
    assert steps(routes, "/" * 60_000 + "x") <= steps(routes, "/" * 6 + "x") + 100
