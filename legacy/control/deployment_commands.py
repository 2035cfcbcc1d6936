"""The commands on deployments (Ray 1.3-2.6): one backend and one endpoint of the same name, changed together."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial

from legacy.control.capacity import has_capacity
from legacy.control.commands import Commands, command
from legacy.control.deploy_decision import decide, is_under_way
from legacy.control.receiving import received
from legacy.control.registered import BackendRecord
from legacy.control.status import status_of
from legacy.control.store import code_key
from legacy.errors import BackendEnvironmentError, BackendHealthError, BackendStartError
from legacy.large_code import LargeCode
from legacy.logs import logger
from legacy.records import BackendSpec, DeploymentInfo, Endpoint


class DeploymentCommands(Commands):
    """The part of the controller that deploys; the rest is the same as for backends."""

    @command
    async def deploy(
        self, command: str, spec: BackendSpec, endpoint: Endpoint, prev_version: str | None, wait: bool
    ) -> int:
        """Register or change a deployment; with `wait`, until all its replicas are of this version.

        A change of it that is not in force yet ends, unless it wants the same.
        """
        await self._recovered
        async with received(spec, self._changes.store, self._changes.desired) as spec:
            return await self._deploy(command, spec, endpoint, prev_version, wait)

    @command
    async def delete_deployment(self, command: str, name: str) -> int:
        """Unregister a deployment with its route and wait until its replicas are gone; an unknown name is fine."""
        await self._recovered
        changes = self._changes
        record = changes.desired.backends.get(name)
        if changes.desired.log.has(command):
            await changes.reconciler.gone(name)  # Ray runs it again
            return changes.publisher.version
        if record is None:
            return changes.publisher.version
        users = [user for user in changes.desired.users_of(name) if user != name]
        if users:
            logger.warning("deployment %r is deleted while endpoints %s still use it", name, users)
        await changes.drop_deployment(command, record)
        return changes.publisher.version

    async def get_deployment(self, name: str) -> DeploymentInfo | None:
        """One backend as the deployment style sees it, with its code or where it is; None when there is none."""
        await self._recovered
        record = self._changes.desired.backends.get(name)
        return None if record is None else self._described(record)

    async def list_deployments(self) -> dict[str, DeploymentInfo]:
        """All backends as the deployment style sees them (Ray 1.4 lists those of create_backend too)."""
        await self._recovered
        return {name: self._described(record) for name, record in self._changes.desired.backends.items()}

    async def large_code(self, code: LargeCode) -> bytes | LargeCode:
        """Where a program can take large code from that a deployment has."""
        return await self._changes.store.large.sendable(code)

    async def deployment_statuses(self) -> dict[str, tuple[str, str]]:
        """name -> (UPDATING, HEALTHY or UNHEALTHY; why)."""
        await self._recovered
        return {name: self._status(record) for name, record in self._changes.desired.backends.items()}

    async def _deploy(
        self, command: str, spec: BackendSpec, endpoint: Endpoint, prev_version: str | None, wait: bool
    ) -> int:
        changes = self._changes
        fits = spec.tag in changes.desired.backends and await has_capacity(spec.actor_options)
        accept = partial(self._accept_deployment, command, spec, endpoint, prev_version, fits)
        try:
            changes.check_how_it_ended(spec.tag, command)
            known = changes.desired.backends.get(spec.tag)
            if is_under_way(changes.desired, spec, code_key(spec.code), endpoint):
                if not wait:
                    return changes.publisher.version
            elif known is not None and not known.confirmed:
                accept()
            async with contextlib.AsyncExitStack() as turn:
                await turn.enter_async_context(changes.turn(spec.tag, command, next_one=True))
                await changes.in_force(accept())
                record = changes.desired.backends.get(spec.tag)
                if record is None or record.confirmed:
                    return changes.publisher.version
                if not wait:
                    changes.finish_later(record, turn.pop_all())
                    return changes.publisher.version
                return await changes.in_force(await changes.carry_out(record, spec.generation.start_tries))
        except BackendStartError as error:
            raise self._unhealthy(spec, error) from None

    def _accept_deployment(
        self, command: str, spec: BackendSpec, endpoint: Endpoint, prev_version: str | None, fits: bool
    ) -> int:
        changes = self._changes
        decision = decide(changes.desired, command, spec, endpoint, prev_version)
        record = decision.backend
        if record is not None:
            new_code = not record.code_key
            opens = record.before is None and decision.endpoint is not None
            record = replace(
                record,
                code_key=code_key(spec.code) if new_code else record.code_key,
                created_endpoint=record.created_endpoint or opens,
                surge=new_code and record.replicas == 1 and fits,
            )
            return changes.accept(record, decision.endpoint, spec.code if new_code else None)
        return changes.publisher.version if decision.endpoint is None else changes.put_endpoint(decision.endpoint)

    def _unhealthy(self, spec: BackendSpec, error: BackendStartError) -> BackendStartError:
        there = spec.tag in self._changes.desired.backends
        serves = "The version before it serves again." if there else "Nothing stays registered."
        if isinstance(error, BackendEnvironmentError):
            return BackendEnvironmentError(f"Deployment {spec.tag} is UNHEALTHY: {serves}\n{error}")
        what = "health check" if isinstance(error, BackendHealthError) else "constructor"
        tries = spec.generation.start_tries
        return type(error)(
            f"Deployment {spec.tag} is UNHEALTHY: The Deployment failed to start {tries} times in a row. "
            f"The Deployment {what} failed {tries} times in a row. {serves} See logs for details.\n{error}"
        )

    def _described(self, record: BackendRecord) -> DeploymentInfo:
        code = self._changes.store.load_code(record.code_key)
        known = self._changes.desired.endpoints.get(record.tag)
        endpoint = None if known is None else known.endpoint
        return DeploymentInfo(replace(record.spec, code=code), endpoint, record.replicas)

    def _status(self, record: BackendRecord) -> tuple[str, str]:
        word, why = status_of(record, self._changes.reconciler.fleets().get(record.tag))
        if word == "UPDATING" and record.spec.environment is not None:
            why = "; ".join(filter(None, (why, self._changes.environments.progress(record.spec.environment))))
        return word, why
