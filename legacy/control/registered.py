"""The records of what is registered: frozen values that the checkpoint keeps, and how one follows from another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from legacy.config import BackendConfig, heard_by_replicas
from legacy.control.deletes import Deleted
from legacy.records import BackendSpec, Endpoint

REMEMBERED = 16  # commands of which a record knows how they ended, of each kind


@dataclass(frozen=True)
class EndpointRecord:
    """A registered endpoint and the command that made it.

    Attributes:
        rerouted: the number of the last change of routes that it knows, see `legacy.control.reroutes`.
    """

    endpoint: Endpoint
    created_by: str
    rerouted: int = 0

    def as_deleted(self) -> Deleted:
        """How it is remembered once it is gone."""
        return Deleted("endpoint", self.endpoint.name, (self.created_by,))


@dataclass(frozen=True)
class Before:
    """What was registered before a change that is still being carried out; a failure puts it back."""

    backend: BackendRecord
    endpoint: EndpointRecord | None = None


@dataclass(frozen=True)
class BackendRecord:
    """A registered backend.

    Attributes:
        spec: what the user asked for, without its code: the record stays small.
        code_key: names the pickled code in the store.
        version: replicas of another version are replaced. `spec.version` is what the user called it, or None.
        stamp: changes whenever a running replica has to hear of a new config.
        replicas: how many are wanted now: `config.num_replicas`, or what autoscaling chose.
        created_by, revision: the commands that made the backend and this record of it.
        confirmed: False until the replicas are as this record wants them; `before` is what a failure restores, None
            while the backend is being created.
        superseded: the last commands whose changes ended because another took their place.
        carried_out: the last commands whose changes were in force before this one.
        created_endpoint: whether the first deploy made the endpoint of the same name, so that its failure removes it.
        opens: the endpoint of the same name, until it is written on its own: one write makes both durable.
        surge: whether a single replica is replaced by starting the new one first, which takes room for both.
    """

    spec: BackendSpec
    code_key: str
    version: str
    stamp: str
    replicas: int
    created_by: str
    revision: str
    confirmed: bool = False
    before: Before | None = None
    surge: bool = False
    created_endpoint: bool = False
    opens: EndpointRecord | None = None
    superseded: tuple[str, ...] = ()
    carried_out: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The backend's name."""
        return self.spec.tag

    @property
    def config(self) -> BackendConfig:
        """The config in force, or on its way to be."""
        return self.spec.config

    def as_deleted(self) -> Deleted:
        """How it is remembered once it is gone."""
        return Deleted("backend", self.tag, (self.created_by, self.revision, *self.superseded, *self.carried_out))

    @property
    def is_being_created(self) -> bool:
        """Whether a failure of its replicas would unregister it."""
        return not self.confirmed and self.before is None

    def follows(self, command: str) -> bool:
        """Whether a command's change is this one, or was in force before it: Ray runs the command again."""
        return command == self.revision or command in self.carried_out

    def has_carried_out(self) -> tuple[str, ...]:
        """What the next record remembers as carried out."""
        return (*self.carried_out, *((self.revision,) if self.confirmed else ()))[-REMEMBERED:]


def new_record(command: str, spec: BackendSpec, code_key: str) -> BackendRecord:
    """The record of a backend that a command registers or redeploys; without a version it matches no other."""
    return BackendRecord(
        spec=replace(spec, code=b""),
        code_key=code_key,
        version=spec.version if spec.version is not None else command,
        stamp=command,
        replicas=first_replicas(spec.config),
        created_by=command,
        revision=command,
    )


def with_config(command: str, record: BackendRecord, config: BackendConfig) -> BackendRecord:
    """The record after a command that changes only the config; code, version and running replicas stay."""
    stamp = record.stamp if same_config(record.config, config, heard_by_replicas()) else command
    same_scaling = config.autoscaling_config == record.config.autoscaling_config
    keeps = config.autoscaling_config is not None and same_scaling
    replicas = record.replicas if keeps else enough_for_a_proof(first_replicas(config), record)
    return replace(
        record,
        spec=replace(record.spec, config=config),
        stamp=stamp,
        replicas=replicas,
        revision=command,
        confirmed=False,
        before=undo_of(record),
        carried_out=record.has_carried_out(),
    )


def undo_of(record: BackendRecord, endpoint: EndpointRecord | None = None) -> Before | None:
    """What to restore when the change of a record fails: the last one whose replicas came up, None for none."""
    if not record.confirmed:
        before = record.before
        return before if before is None or before.endpoint else replace(before, endpoint=endpoint)
    return Before(replace(record, before=None), endpoint)


def undone(record: BackendRecord) -> BackendRecord | None:
    """What is registered when a change fails; None when it was the creation.

    The stamp is a new one: replicas that took the failed config get the old one again.
    """
    if record.before is None:
        return None
    mark = undoing(record.revision)
    old = record.before.backend
    return replace(
        old,
        stamp=mark,
        revision=mark,
        confirmed=True,
        superseded=record.superseded,
        carried_out=record.carried_out,
    )


def undoing(command: str) -> str:
    """The revision of the record that undoes a command's change."""
    return f"{command}-undone"


def instead_of(known: BackendRecord, record: BackendRecord, endpoint: EndpointRecord | None = None) -> BackendRecord:
    """A record that takes the place of a known one, whose change ends if it is not in force yet."""
    ended = () if known.confirmed else (known.revision,)
    before = undo_of(known, endpoint)
    return replace(
        record,
        replicas=record.replicas if before is None else enough_for_a_proof(record.replicas, before.backend),
        created_by=known.created_by,
        created_endpoint=known.is_being_created and known.created_endpoint,
        before=before,
        superseded=(*known.superseded, *ended)[-REMEMBERED:],
        carried_out=known.has_carried_out(),
    )


def wants_the_same(known: BackendRecord, spec: BackendSpec, code_key: str) -> bool:
    """Whether a record is what this spec would make of the backend anyway."""
    same_code = (known.spec.version, known.code_key) == (spec.version, code_key)
    same_version = spec.version is not None and spec.version == known.spec.version
    return (same_code or same_version) and same_config(known.config, spec.config)


def first_replicas(config: BackendConfig) -> int:
    """How many replicas a config begins with."""
    scaling = config.autoscaling_config
    return config.num_replicas if scaling is None else scaling.first_target()


def enough_for_a_proof(replicas: int, known: BackendRecord) -> int:
    """How many replicas a change begins with that wants so many: at least one where some run.

    A change that wants none is in force without proof. So where replicas serve, it has one, which autoscaling leaves it
    until it is in force: they go only once the new code or config has come up and is well.
    """
    return max(replicas, min(1, known.replicas))


def same_config(old: BackendConfig, new: BackendConfig, names: Iterable[str] = BackendConfig.model_fields) -> bool:
    """Whether two configs are equal in these fields; values that do not compare count as different."""
    return all(_same(getattr(old, name), getattr(new, name)) for name in names)


def _same(old: Any, new: Any) -> bool:
    try:
        return bool(old == new)
    except ValueError:  # arrays and frames in user_config do not compare to a plain bool
        return False
