"""Which commands gave endpoints other routes lately. Pure.

One write says it of all endpoints that a command changes; the record of each follows as soon as the store takes it, and
says by a number which changes it knows. After a crash the others are made to follow, and a command that Ray runs again
does not undo what another driver has changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from legacy.control.registered import BackendRecord, EndpointRecord
from legacy.control.remembered import with_one_more

_KINDS = ("backend", "endpoint")  # of records that follow


@dataclass(frozen=True)
class Reroute:
    """One command and the routes that it gave.

    Attributes:
        number: those that come later have higher ones.
        routes: name of an endpoint -> the command that made it, and its route.
    """

    number: int
    command: str
    routes: dict[str, tuple[str, str | None]]


@dataclass(frozen=True)
class RerouteLog:
    """The last changes of an instance, in their order."""

    changes: tuple[Reroute, ...] = ()

    @property
    def next_number(self) -> int:
        """Of the change that comes now."""
        return self.changes[-1].number + 1 if self.changes else 1

    def after(self, reroute: Reroute, is_behind: Callable[[str, str], bool] = lambda kind, name: False) -> RerouteLog:
        """The log with one more; the oldest is forgotten.

        Args:
            is_behind: whether the store may not have a record yet as the changes want it.
        """

        def is_needed(one: Reroute) -> bool:
            return any(is_behind(kind, name) for name in one.routes for kind in _KINDS)

        return RerouteLog(with_one_more(self.changes, reroute, is_needed))

    def has(self, command: str) -> bool:
        """Whether a command has given the routes that it was to give."""
        return any(change.command == command for change in self.changes)

    def followed(self, record: BackendRecord | EndpointRecord) -> BackendRecord | EndpointRecord:
        """A record of either kind after all changes that it does not know."""
        return self.followed_within(record) if isinstance(record, BackendRecord) else self.followed_by(record)

    def followed_by(self, record: EndpointRecord) -> EndpointRecord:
        """An endpoint's record after all changes that it does not know."""
        for change in self.changes:
            made_by, route = change.routes.get(record.endpoint.name, ("", None))
            if made_by == record.created_by and change.number > record.rerouted:
                record = replace(record, endpoint=replace(record.endpoint, route=route), rerouted=change.number)
        return record

    def followed_within(self, record: BackendRecord) -> BackendRecord:
        """A backend's record after them: so that a change of it which fails restores no route that is another's now."""
        before, opens = record.before, record.opens
        if before is not None and before.endpoint is not None:
            before = replace(before, endpoint=self.followed_by(before.endpoint))
        opens = None if opens is None else self.followed_by(opens)
        return replace(record, before=before, opens=opens)
