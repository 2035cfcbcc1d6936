"""What is wanted: backends and endpoints, and the rules by which commands may change them.

Every command either changes the state wholly or raises and changes nothing. A command that Ray runs a second time after
a controller crash carries the same id and finds its own work done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from legacy.config import BackendConfig
from legacy.control.deletes import Deleted, DeleteLog
from legacy.control.registered import BackendRecord, EndpointRecord, new_record, with_config
from legacy.control.reroutes import Reroute, RerouteLog
from legacy.records import BackendSpec, Endpoint
from legacy.traffic.routes import RouteTable
from legacy.traffic.split import check_proportion, check_traffic

NAMES_SHOWN = 10


@dataclass
class Desired:
    """All that is registered in one instance, and what was deleted lately."""

    backends: dict[str, BackendRecord] = field(default_factory=dict)
    endpoints: dict[str, EndpointRecord] = field(default_factory=dict)
    routes: RouteTable = field(default_factory=RouteTable)
    log: DeleteLog = field(default_factory=DeleteLog)
    reroutes: RerouteLog = field(default_factory=RerouteLog)

    def recover(
        self, log: DeleteLog, reroutes: RerouteLog, records: Iterable[BackendRecord | EndpointRecord]
    ) -> list[Deleted]:
        """Take over what the checkpoint holds; gives what of it was deleted before a crash came."""
        self.log, self.reroutes, every = log, reroutes, list(records)
        for record in every:
            if not log.has_deleted(record.as_deleted()):
                self.restore(reroutes.followed(record))
        return [gone for record in every if log.has_deleted(gone := record.as_deleted())]

    def restore(self, record: BackendRecord | EndpointRecord) -> None:
        """Take over a record that the checkpoint holds."""
        if isinstance(record, BackendRecord):
            self.backends[record.tag] = record
        else:
            self.endpoints[record.endpoint.name] = record
            self.routes.put(record.endpoint)

    def create_backend(self, command: str, spec: BackendSpec, code_key: str) -> BackendRecord:
        """The record of a new backend; ValueError when the tag is taken."""
        known = self.backends.get(spec.tag)
        if known is not None and known.created_by == command:
            return known
        if known is not None:
            raise ValueError(already_registered(spec.tag))
        return new_record(command, spec, code_key)

    def update_backend(self, command: str, tag: str, changes: Mapping[str, Any] | BackendConfig) -> BackendRecord:
        """The record with `changes` merged into its config; ValueError for an unknown field or a bad value."""
        record = self.backend(tag)
        if record.follows(command):
            return record
        config = record.config.updated(changes)
        if record.spec.generation.refuses_batch_size:
            config.check_batch_size(tag)
        return with_config(command, record, config)

    def delete_backend(self, tag: str) -> BackendRecord | None:
        """The record of a backend that is to be deleted; an unknown tag is fine and gives None.

        Raises:
            ValueError: an endpoint's traffic or shadow still names it, even with weight 0.
        """
        users = self.users_of(tag) if tag in self.backends else []
        if users:
            raise ValueError(
                f"cannot delete backend {tag!r}: endpoint {users[0]!r} still uses it; "
                "set_traffic() it to other backends, shadow_traffic(..., 0) it, or delete_endpoint() it first"
            )
        return self.backends.get(tag)

    def create_endpoint(self, command: str, endpoint: Endpoint) -> EndpointRecord:
        """The record of a new endpoint; ValueError for an unknown backend, or a name or route that is taken."""
        known = self.endpoints.get(endpoint.name)
        if known is not None and known.created_by == command:
            return known
        for tag in endpoint.traffic:
            if tag not in self.backends:
                missing = not_registered("backend", tag, self.backends)
                raise ValueError(f"cannot create endpoint {endpoint.name!r}: {missing}. create_backend() it first")
        if known is not None:
            raise ValueError(_taken(known.endpoint, endpoint))
        conflict = self.routes.conflict(endpoint)
        if conflict is not None:
            raise ValueError(conflict)
        return EndpointRecord(endpoint, command)

    def set_routes(self, command: str, routes: Mapping[str, str | None]) -> Reroute:
        """The change that gives endpoints other routes, None for none; they may take them over from one another.

        Raises:
            ValueError: an endpoint is unknown, or one that is not among these has such a route.
        """
        given = {}
        for name, route in routes.items():
            known = self.endpoint(name)
            conflict = self.routes.conflict(replace(known.endpoint, route=route), leaving=routes)
            if conflict is not None:
                raise ValueError(conflict)
            given[name] = (known.created_by, route)
        return Reroute(self.reroutes.next_number, command, given)

    def delete_endpoint(self, name: str) -> None:
        """Forget an endpoint; an unknown name is fine. Backends stay."""
        self.routes.remove(name)
        self.endpoints.pop(name, None)

    def set_traffic(self, name: str, weights: Mapping[str, float]) -> EndpointRecord:
        """The record with another split and without shadows (Ray 0.8-1.7); ValueError as `check_traffic`."""
        record = self.endpoint(name)
        check_traffic(name, weights, self.backends)
        return replace(record, endpoint=replace(record.endpoint, traffic=dict(weights), shadows={}))

    def shadow_traffic(self, name: str, tag: str, proportion: float) -> EndpointRecord:
        """The record with a share of the requests copied to a backend, 0 for none; errors as `check_proportion`."""
        check_proportion(name, tag, proportion)
        record = self.endpoint(name)
        self.backend(tag)
        shadows = {other: share for other, share in record.endpoint.shadows.items() if other != tag}
        if proportion:
            # listed as it was given, if that is a number of Python's
            shadows[tag] = proportion if type(proportion) in (bool, int, float) else float(proportion)
        return replace(record, endpoint=replace(record.endpoint, shadows=shadows))

    def backend(self, tag: str) -> BackendRecord:
        """The record of a backend; ValueError for an unknown tag."""
        record = self.backends.get(tag)
        if record is None:
            raise ValueError(not_registered("backend", tag, self.backends))
        return record

    def endpoint(self, name: str) -> EndpointRecord:
        """The record of an endpoint; ValueError for an unknown name."""
        record = self.endpoints.get(name)
        if record is None:
            raise ValueError(not_registered("endpoint", name, self.endpoints))
        return record

    def code_keys(self) -> set[str]:
        """The keys of the code that is needed, that of the versions before included."""
        keys = set()
        for record in self.backends.values():
            keys.add(record.code_key)
            if record.before is not None:
                keys.add(record.before.backend.code_key)
        return keys

    def environment_keys(self) -> set[str]:
        """The keys of the conda environments that are needed, those of the versions before included."""
        every = list(self.backends.values())
        every += [record.before.backend for record in self.backends.values() if record.before is not None]
        return {record.spec.environment.key for record in every if record.spec.environment is not None}

    def endpoints_without_backend(self) -> list[str]:
        """Endpoints that belong to a deployment which is not registered."""
        every = (record.endpoint for record in self.endpoints.values())
        return [one.name for one in every if one.generation.owns_endpoint and one.name not in self.backends]

    def users_of(self, tag: str) -> list[str]:
        """The endpoints whose traffic or shadows name a backend."""
        return [
            name
            for name, record in self.endpoints.items()
            if tag in record.endpoint.traffic or tag in record.endpoint.shadows
        ]


def already_registered(tag: str) -> str:
    """The text for a backend's tag that is taken."""
    return (
        f"cannot create backend {tag!r}: it is already registered; "
        "delete_backend() it first, update_backend_config() it, or choose another tag"
    )


def not_registered(kind: str, name: str, known: Iterable[str]) -> str:
    """The text for a name that is not registered, with the first of those that are."""
    names = sorted(known)
    shown = ", ".join(map(repr, names[:NAMES_SHOWN])) or "none"
    return f"{kind} {name!r} is not registered; known {kind}s: {shown}{', ...' if len(names) > NAMES_SHOWN else ''}"


def _taken(known: Endpoint, wanted: Endpoint) -> str:
    if (known.route, known.methods) == (wanted.route, wanted.methods):
        return (
            f"endpoint {wanted.name!r} with route {wanted.route!r} and methods {list(wanted.methods)} already exists; "
            "use set_traffic() to change the backends behind it"
        )
    return (
        f"endpoint {wanted.name!r} already exists with route {known.route!r} and methods {list(known.methods)}, "
        f"not route {wanted.route!r} and methods {list(wanted.methods)}; "
        "delete_endpoint() it first or choose another name"
    )
