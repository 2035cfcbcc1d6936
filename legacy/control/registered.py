"""The records of what is registered: frozen values that the checkpoint keeps, and how one follows from another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from legacy.config import BackendConfig, Door
from legacy.environments.origin import Origin
from legacy.records import BackendSpec, Endpoint

_REPLICA_FIELDS = ("max_batch_size", "batch_wait_timeout", "max_concurrent_queries", "user_config")


@dataclass(frozen=True)
class EndpointRecord:
    """A registered endpoint and the command that made it."""

    endpoint: Endpoint
    created_by: str


@dataclass(frozen=True)
class Before:
    """What was registered before a change that is still being carried out; a failure puts it back."""

    backend: BackendRecord
    endpoint: EndpointRecord | None = None


@dataclass(frozen=True)
class BackendRecord:
    """A registered backend.

    Attributes:
        code_key: names the pickled code in the store; the record itself stays small.
        version: replicas of another version are replaced. `given_version` is what the user called it, or None.
        stamp: changes whenever a running replica has to hear of a new config.
        replicas: how many are wanted now: `config.num_replicas`, or what autoscaling chose.
        created_by, revision: the commands that made the backend and this record of it.
        confirmed: False until the replicas are as this record wants them; `before` is what a failure restores.
        created_endpoint: whether the first deploy made the endpoint of the same name, so that its failure removes it.
        opens: the endpoint of the same name, until it is written on its own: one write makes both durable.
        surge: whether a single replica is replaced by starting the new one first, which takes room for both.
    """

    tag: str
    code_key: str
    is_class: bool | None
    config: BackendConfig
    actor_options: dict[str, Any]
    door: Door
    version: str
    given_version: str | None
    stamp: str
    replicas: int
    created_by: str
    revision: str
    confirmed: bool = False
    before: Before | None = None
    waits_for_resources: bool = True
    surge: bool = False
    created_endpoint: bool = False
    opens: EndpointRecord | None = None
    setup: str = ""
    sys_path: tuple[str, ...] = ()
    environment: Origin | None = None

    @property
    def spec_without_code(self) -> BackendSpec:
        """What the user asked for."""
        return BackendSpec(
            tag=self.tag,
            code=b"",
            is_class=self.is_class,
            config=self.config,
            actor_options=self.actor_options,
            door=self.door,
            version=self.given_version,
            wait_for_resources=self.waits_for_resources,
            setup=self.setup,
            sys_path=self.sys_path,
            environment=self.environment,
        )


def new_record(command: str, spec: BackendSpec, code_key: str) -> BackendRecord:
    """The record of a backend that a command registers or redeploys; without a version it matches no other."""
    return BackendRecord(
        tag=spec.tag,
        code_key=code_key,
        is_class=spec.is_class,
        config=spec.config,
        actor_options=dict(spec.actor_options),
        door=spec.door,
        version=spec.version if spec.version is not None else command,
        given_version=spec.version,
        stamp=command,
        replicas=first_replicas(spec.config),
        created_by=command,
        revision=command,
        waits_for_resources=spec.wait_for_resources,
        setup=spec.setup,
        sys_path=spec.sys_path,
        environment=spec.environment,
    )


def with_config(command: str, record: BackendRecord, config: BackendConfig) -> BackendRecord:
    """The record after a command that changes only the config; code, version and running replicas stay."""
    stamp = command if _replicas_must_hear(record.config, config) else record.stamp
    same_scaling = config.autoscaling_config == record.config.autoscaling_config
    keeps = config.autoscaling_config is not None and same_scaling
    replicas = record.replicas if keeps else first_replicas(config)
    return replace(
        record,
        config=config,
        stamp=stamp,
        replicas=replicas,
        revision=command,
        confirmed=False,
        before=undo_of(record),
    )


def undo_of(record: BackendRecord, endpoint: EndpointRecord | None = None) -> Before:
    """What to restore when the change of a record fails: the last one whose replicas came up."""
    if not record.confirmed and record.before is not None:
        return record.before
    return Before(replace(record, before=None), endpoint)


def first_replicas(config: BackendConfig) -> int:
    """How many replicas a config begins with."""
    scaling = config.autoscaling_config
    return config.num_replicas if scaling is None else scaling.first_target()


def same_config(old: BackendConfig, new: BackendConfig) -> bool:
    """Whether two configs are equal; values that do not compare count as different."""
    return all(_same(getattr(old, name), getattr(new, name)) for name in BackendConfig.model_fields)


def _replicas_must_hear(old: BackendConfig, new: BackendConfig) -> bool:
    return not all(_same(getattr(old, name), getattr(new, name)) for name in _REPLICA_FIELDS)


def _same(old: Any, new: Any) -> bool:
    try:
        return bool(old == new)
    except ValueError:  # arrays and frames in user_config do not compare to a plain bool
        return False
