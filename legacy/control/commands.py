"""The commands on backends and endpoints (Ray 0.8-1.7), each atomic over a crash of the controller.

A command is: validate and change what is wanted, write it to the checkpoint, act, publish, wait until it is in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from legacy.config import BackendConfig
from legacy.control.capacity import check_capacity, has_capacity
from legacy.control.changes import Changes
from legacy.control.receiving import received
from legacy.control.registered import BackendRecord, EndpointRecord, instead_of, new_record, wants_the_same
from legacy.control.store import code_key
from legacy.records import BackendSpec, Endpoint, Version

Arguments = ParamSpec("Arguments")
Commanded = TypeVar("Commanded", bound="Commands")
Answer = Coroutine[Any, Any, int]


def command(
    method: Callable[Concatenate[Commanded, Arguments], Answer],
) -> Callable[Concatenate[Commanded, Arguments], Coroutine[Any, Any, Version]]:
    """One that changes something: its caller is also told of which life of the controller the version is."""

    @wraps(method)
    async def told(self: Commanded, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Version:
        return Version(self._changes.publisher.log.epoch, await method(self, *args, **kwargs))

    return told


class Commands:
    """The part of the controller that changes backends, endpoints and traffic.

    Every command takes its own unique id first: when Ray runs it again after a crash, it finds its own work done. It
    gives the version from which on it is in force.

    Raises:
        ValueError, TypeError: what `Desired` refuses; nothing changes.
        ResourcesError: no room for more replicas, for generations that do not wait for resources.
        BackendStartError: a replica could not be started or refused its config.
        ChangeSupersededError: another command took this one's place before it was in force.
        BackendDeletedError: another command deleted what this one made before it was answered.
    """

    _changes: Changes
    _recovered: asyncio.Future[None]

    @command
    async def create_backend(self, command: str, spec: BackendSpec) -> int:
        """Register a backend and wait until all its replicas run; when one fails, nothing stays registered."""
        await self._recovered
        changes = self._changes
        changes.check_how_it_ended(spec.tag, command)
        changes.desired.create_backend(command, spec, "")  # refused at once, not when it is its turn
        async with received(spec, changes.store, changes.desired) as spec, changes.turn(spec.tag, command):
            if spec.tag not in changes.desired.backends:
                await self._check_room(spec)
            record = changes.desired.create_backend(command, spec, code_key(spec.code))
            if spec.tag not in changes.desired.backends:
                changes.accept(record, code=spec.code)
            version = await self._carry_out(record)
        return await changes.in_force(version)

    @command
    async def replace_backend(self, command: str, spec: BackendSpec) -> int:
        """Register a backend, in the place of one of its tag (Ray 0.7-0.8), which is in force again if that fails.

        A change of that one which is not in force yet ends, unless it wants the same.
        """
        await self._recovered
        async with received(spec, self._changes.store, self._changes.desired) as spec:
            return await self._replace_backend(command, spec)

    @command
    async def update_backend(self, command: str, tag: str, changes: Mapping[str, Any] | BackendConfig) -> int:
        """Merge changes into a backend's config and wait until its replicas follow; one that refuses undoes it.

        Another change of the backend that is under way is waited for: what it leaves is what this one changes.
        """
        await self._recovered
        desired = self._changes.desired
        BackendConfig().updated(changes)  # a bad field is refused at once, not when it is its turn
        async with self._changes.turn(tag, command):
            known = desired.backend(tag)
            if not known.follows(command):
                await self._check_growth(known, changes)
                self._changes.accept(desired.update_backend(command, tag, changes))
            version = await self._carry_out(desired.backend(tag))
        return await self._changes.in_force(version)

    @command
    async def delete_backend(self, command: str, tag: str, force: bool = False) -> int:
        """Unregister a backend that no endpoint uses, and wait until its replicas have finished and are gone."""
        await self._recovered
        changes = self._changes
        if changes.desired.log.has(command):
            await changes.reconciler.gone(tag)  # Ray runs it again
        elif (record := changes.desired.delete_backend(tag)) is not None:
            await changes.drop_backend(command, record, force)
        return changes.publisher.version

    @command
    async def create_endpoint(self, command: str, endpoint: Endpoint) -> int:
        """Register an endpoint and wait until every proxy routes to it."""
        await self._recovered
        desired = self._changes.desired
        if desired.log.has_undone("endpoint", endpoint.name, command):
            return self._changes.publisher.version  # it was there; whoever deleted it has been told so
        return await self._set_endpoint(lambda: desired.create_endpoint(command, endpoint), endpoint.traffic)

    @command
    async def delete_endpoint(self, command: str, name: str) -> int:
        """Unregister an endpoint and wait until no proxy routes to it; an unknown name is fine."""
        await self._recovered
        changes = self._changes
        if changes.desired.log.has(command):
            return await changes.in_force(changes.publisher.version)  # Ray runs it again
        record = changes.desired.endpoints.get(name)
        return changes.publisher.version if record is None else await changes.drop_endpoint(command, record)

    @command
    async def set_routes(self, command: str, routes: Mapping[str, str | None]) -> int:
        """Give endpoints other routes, None for none, in one step for every router."""
        await self._recovered
        changes = self._changes
        if not routes or changes.desired.reroutes.has(command):
            return await changes.in_force(changes.publisher.version)  # nothing to do, or Ray runs it again
        return await changes.set_routes(changes.desired.set_routes(command, routes))

    @command
    async def set_traffic(self, command: str, name: str, weights: Mapping[str, float]) -> int:
        """Replace an endpoint's split, drop its shadows, and wait until every proxy follows."""
        await self._recovered
        desired = self._changes.desired
        return await self._set_endpoint(lambda: desired.set_traffic(name, weights), (*weights, name))

    @command
    async def shadow_traffic(self, command: str, name: str, tag: str, proportion: float) -> int:
        """Copy a share of an endpoint's requests to a backend."""
        await self._recovered
        desired = self._changes.desired
        return await self._set_endpoint(lambda: desired.shadow_traffic(name, tag, proportion), (tag, name))

    async def list_backends(self) -> dict[str, BackendConfig]:
        """tag -> config, of all registered backends."""
        await self._recovered
        return {tag: record.config for tag, record in self._changes.desired.backends.items()}

    async def list_endpoints(self) -> dict[str, Endpoint]:
        """name -> endpoint, of all registered endpoints."""
        await self._recovered
        return {name: record.endpoint for name, record in self._changes.desired.endpoints.items()}

    async def _replace_backend(self, command: str, spec: BackendSpec) -> int:
        changes, backends = self._changes, self._changes.desired.backends
        surge = spec.config.num_replicas == 1 and await has_capacity(spec.actor_options)
        changes.check_how_it_ended(spec.tag, command)
        known = backends.get(spec.tag)
        new = replace(new_record(command, spec, code_key(spec.code)), surge=surge)
        if known is not None and _is_in_the_way(known, new, spec):
            changes.accept(instead_of(known, new), code=spec.code)
        async with changes.turn(spec.tag, command, next_one=True):
            known = backends.get(spec.tag)
            if known is None:
                await self._check_room(spec)
                changes.accept(new, code=spec.code)
            elif not known.follows(command):
                changes.accept(instead_of(known, new), code=spec.code)
            version = await self._carry_out(backends[spec.tag])
        return await changes.in_force(version)

    async def _carry_out(self, record: BackendRecord) -> int:
        changes = self._changes
        return changes.publisher.version if record.confirmed else await changes.carry_out(record)

    async def _set_endpoint(self, decide: Callable[[], EndpointRecord], backends: Iterable[str]) -> int:
        decide()  # what is wrong anyway is refused at once
        await self._changes.created(backends)
        return await self._changes.in_force(self._changes.put_endpoint(decide()))

    async def _check_room(self, spec: BackendSpec) -> None:
        if not spec.generation.waits_for_resources:
            await check_capacity(spec.tag, spec.actor_options, spec.config.num_replicas)

    async def _check_growth(self, record: BackendRecord, changes: Mapping[str, Any] | BackendConfig) -> None:
        wanted = record.config.updated(changes).num_replicas
        if not record.spec.generation.waits_for_resources and wanted > record.config.num_replicas:
            await check_capacity(record.tag, record.spec.actor_options, wanted - record.config.num_replicas)


def _is_in_the_way(known: BackendRecord, new: BackendRecord, spec: BackendSpec) -> bool:
    """Whether a change that is not in force yet has to end for this one."""
    begun = known.confirmed or known.follows(new.revision)
    return not begun and not wants_the_same(known, spec, new.code_key)
