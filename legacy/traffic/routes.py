"""Which endpoint a path and method belong to.

Three kinds of routes live side by side, one per generation: "exact" (Ray 0.8-1.2), "template" (1.3-1.7, Starlette's
paths) and "prefix" (deployments). The order of precedence: exact; templates in the order of registration; the longest
prefix; a template that differs by slashes at the end (redirect). The first kind with a route for the path decides; its
endpoint's methods then say found or not allowed.

The cost of a look-up does not depend on the number of endpoints: it is a few dict look-ups per segment of the path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from starlette.convertors import Convertor
from starlette.routing import compile_path

from legacy.constants import HTTP_METHODS
from legacy.records import Endpoint

_SAFE_IN_PATH = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Match:
    """What a request gets.

    Attributes:
        endpoint: None for not_found and redirect.
        root_path, path: what the application below sees; together they are the path of the request.
        path_params: the fields of a template, converted.
        allowed: the endpoint's methods, for not_allowed.
        location: where to go instead, percent-encoded and without query, for redirect (307).
    """

    kind: Literal["found", "redirect", "not_found", "not_allowed"]
    endpoint: Endpoint | None = None
    root_path: str = ""
    path: str = ""
    path_params: dict[str, Any] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    location: str = ""


_NOT_FOUND = Match("not_found")


class _Entry:
    """An endpoint in the table, with everything that can be worked out before a request comes."""

    __slots__ = ("allowed", "convertors", "endpoint", "key", "not_allowed", "order", "regex", "stem", "whole")

    def __init__(self, endpoint: Endpoint, order: int) -> None:
        self.endpoint = endpoint
        self.order = order
        self.key = _key(endpoint)
        self.allowed = _allowed(endpoint)
        self.not_allowed = Match("not_allowed", endpoint, allowed=self.allowed)
        self.regex: re.Pattern[str] | None = None
        self.convertors: dict[str, Convertor[Any]] = {}
        self.stem = ""
        if _has_fields(endpoint):
            self.regex, self.convertors = _compiled(self.key)
            self.stem = self.key[: self.key.rindex("/", 0, self.key.index("{")) + 1]
        below_root = endpoint.matching != "exact" and self.key != "/"
        root, path = (self.key, "") if below_root else ("", self.key)
        self.whole = Match("found", endpoint, root, path)  # the answer when the path is the route

    def allows(self, method: str) -> bool:
        return not self.allowed or method in self.allowed

    def params(self, path: str) -> dict[str, Any] | None:
        """The template's fields, converted; None when the path is not of this shape."""
        if self.regex is None:
            return {}  # only looked up by its whole path
        found = self.regex.fullmatch(path)
        if found is None:
            return None
        try:
            return {name: self.convertors[name].convert(text) for name, text in found.groupdict().items()}
        except ValueError:  # an int of thousands of digits, which Python refuses
            return None

    def below(self, path: str, root: int) -> Match:
        """Found, with the first `root` characters of the path as root path."""
        return Match("found", self.endpoint, path[:root], path[root:])


class RouteTable:
    """All routes of an instance. Changing it costs the same for 10 and for 10,000 endpoints."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._owners: dict[str, str] = {}  # route -> endpoint name
        self._exact: dict[str, _Entry] = {}
        self._literal: dict[str, _Entry] = {}  # templates without fields
        self._templates: dict[str, dict[str, _Entry]] = {}  # what stands before the first field -> name -> entry
        self._prefixes: dict[str, _Entry] = {}  # without the slash at the end: "/" is ""
        self._longest_stem = 0
        self._longest_prefix = 0
        self._next_order = 0

    def put(self, endpoint: Endpoint) -> None:
        """Add an endpoint, or replace the one of the same name; an unchanged route keeps its place in the order.

        The caller asks `conflict` before; without that, the last endpoint put owns the route.

        Raises:
            ValueError: the route is not a valid template; the table is unchanged.
        """
        old = self._entries.get(endpoint.name)
        stays = old is not None and (old.key, old.endpoint.matching) == (
            _key(endpoint),
            endpoint.matching,
        )
        order = old.order if old is not None and stays else self._next_order
        entry = _Entry(endpoint, order)
        if old is not None and not stays:
            self.remove(endpoint.name)
        self._next_order += not stays
        self._entries[endpoint.name] = entry
        if endpoint.route is not None:
            self._owners[entry.key] = endpoint.name
            self._index(entry)

    def remove(self, name: str) -> None:
        """Forget an endpoint; an unknown one is fine."""
        entry = self._entries.pop(name, None)
        if entry is None or entry.endpoint.route is None:
            return
        if self._owners.get(entry.key) == name:
            del self._owners[entry.key]
        if entry.regex is not None:
            self._templates[entry.stem].pop(name, None)
            if not self._templates[entry.stem]:
                del self._templates[entry.stem]
            return
        index, key = self._index_of(entry)
        if key in index and index[key].endpoint.name == name:
            del index[key]

    def owner(self, endpoint: Endpoint) -> str | None:
        """Which endpoint has this one's route, it included; None for none."""
        return None if endpoint.route is None else self._owners.get(_key(endpoint))

    def conflict(self, endpoint: Endpoint, leaving: Container[str] = ()) -> str | None:
        """Why the endpoint cannot be put into the table, as text for the user; None when it can.

        Args:
            leaving: endpoints that give up their routes in the same step.
        """
        if endpoint.route is None:
            return None
        try:
            _Entry(endpoint, 0)
        except ValueError as error:
            return str(error)
        owner = self.owner(endpoint)
        if owner is None or owner == endpoint.name or owner in leaving:
            return None
        what = "route_prefix" if endpoint.matching == "prefix" else "route"
        return (
            f"{what} {endpoint.route!r} is already registered: endpoint {owner!r} has it. Choose another route for "
            f"{endpoint.name!r}, or delete that endpoint first"
        )

    def listing(self) -> dict[str, Any]:
        """The body of /-/routes: route -> [endpoint, methods], as in Ray 1.2-1.7; prefix -> endpoint, as in 1.8-2.6.

        Endpoints without a route are listed under their name up to Ray 1.2.
        """
        listed: dict[str, Any] = {}
        for name, entry in self._entries.items():
            endpoint = entry.endpoint
            shown = [name, list(endpoint.methods or HTTP_METHODS)] if endpoint.generation.lists_methods else name
            if endpoint.route is not None:
                listed[endpoint.route] = shown
            elif endpoint.generation.lists_without_route:
                listed[name] = shown
        return listed

    def page(self) -> bytes:
        """The listing as it is sent: in one line, indented where nothing is newer than Ray 1.2."""
        old = all(entry.endpoint.generation.matching == "exact" for entry in self._entries.values())
        form: dict[str, Any] = {"indent": 2} if old else {"separators": (",", ":")}
        return json.dumps(self.listing(), **form).encode()

    def match(self, path: str, method: str) -> Match:
        """The answer to a request.

        Args:
            path: percent-decoded, without query.
            method: upper case.
        """
        entry = self._exact.get(path)
        if entry is not None:
            return entry.whole if entry.allows(method) else entry.not_allowed
        return (
            self._match_template(path, method)
            or (self._match_prefix(path, method) if self._prefixes else None)
            or self._redirect(path)
            or _NOT_FOUND
        )

    def _match_template(self, path: str, method: str) -> Match | None:
        literal = self._literal.get(path)
        if not self._templates:
            return None if literal is None else literal.whole if literal.allows(method) else literal.not_allowed
        refused = None
        for entry in self._candidates(path, literal):
            params = entry.params(path)
            if params is None:
                continue
            if entry.allows(method):
                return Match("found", entry.endpoint, path, "", params) if params else entry.whole
            refused = refused or entry.not_allowed
        return refused

    def _candidates(self, path: str, literal: _Entry | None) -> list[_Entry]:
        found = [] if literal is None else [literal]
        for stem in _stems(path, self._longest_stem):
            found.extend(self._templates.get(stem, {}).values())
        found.sort(key=lambda entry: entry.order)
        return found

    def _match_prefix(self, path: str, method: str) -> Match | None:
        end = len(path)
        if end > self._longest_prefix:  # so that a path of a thousand slashes does not cost a thousand look-ups
            end = path.rfind("/", 0, self._longest_prefix + 1)
        while end >= 0:
            entry = self._prefixes.get(path[:end])
            if entry is not None:
                return entry.below(path, end) if entry.allows(method) else entry.not_allowed
            end = path.rfind("/", 0, end)
        return None

    def _redirect(self, path: str) -> Match | None:
        if path == "/":
            return None
        other = path.rstrip("/") if path.endswith("/") else path + "/"
        if self._match_template(other, "") is None:
            return None
        location = quote(other, safe=_SAFE_IN_PATH)
        # "//host/x" would lead a browser to another host
        return Match("redirect", location="/." + location if location.startswith("//") else location)

    def _index(self, entry: _Entry) -> None:
        if entry.regex is not None:
            self._templates.setdefault(entry.stem, {})[entry.endpoint.name] = entry
            self._longest_stem = max(self._longest_stem, len(entry.stem))
            return
        index, key = self._index_of(entry)
        index[key] = entry
        if index is self._prefixes:
            self._longest_prefix = max(self._longest_prefix, len(key))

    def _index_of(self, entry: _Entry) -> tuple[dict[str, _Entry], str]:
        if entry.endpoint.matching == "prefix":
            return self._prefixes, entry.key.rstrip("/")
        return (self._exact if entry.endpoint.matching == "exact" else self._literal), entry.key


def _key(endpoint: Endpoint) -> str:
    """The route in the form in which those that are the same are equal; "" for none, which no route has."""
    route = endpoint.route or ""
    return (route.rstrip("/") or "/") if route and endpoint.matching == "prefix" else route


def _has_fields(endpoint: Endpoint) -> bool:
    return endpoint.matching == "template" and "{" in (endpoint.route or "")


def _allowed(endpoint: Endpoint) -> tuple[str, ...]:
    if not endpoint.generation.answers_head or "GET" not in endpoint.methods or "HEAD" in endpoint.methods:
        return endpoint.methods
    return (*endpoint.methods, "HEAD")


def _compiled(route: str) -> tuple[re.Pattern[str], dict[str, Convertor[Any]]]:
    try:
        regex, _, convertors = compile_path(route)
    except (AssertionError, ValueError, re.error) as error:
        raise ValueError(
            f"route {route!r} is not a valid path template: {error}; an example is '/t/{{x:int}}'"
        ) from None
    return regex, convertors


def _stems(path: str, longest: int) -> Iterator[str]:
    end = path.find("/", 0, longest)
    while end >= 0:
        yield path[: end + 1]
        end = path.find("/", end + 1, longest)
