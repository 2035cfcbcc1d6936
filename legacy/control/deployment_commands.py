"""The commands on deployments (Ray 1.3-2.6): one backend and one endpoint of the same name, changed together."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from legacy.control.capacity import has_capacity
from legacy.control.commands import Commands
from legacy.control.deploy_decision import decide
from legacy.control.registered import BackendRecord
from legacy.control.status import status_of
from legacy.errors import BackendEnvironmentError, BackendHealthError, BackendStartError
from legacy.logs import logger
from legacy.records import BackendSpec, DeploymentInfo, Endpoint


class DeploymentCommands(Commands):
    """The part of the controller that deploys; the rest is the same as for backends."""

    async def deploy(
        self, command: str, spec: BackendSpec, endpoint: Endpoint, prev_version: str | None, wait: bool
    ) -> int:
        """Register or change a deployment; with `wait`, until all its replicas are of this version."""
        await self._recovered
        changes = self._changes
        fits = spec.tag in changes.desired.backends and await has_capacity(spec.actor_options)
        decision = decide(changes.desired, command, spec, endpoint, prev_version)
        record = decision.backend
        if record is not None:
            new_code = not record.code_key
            record = replace(
                record,
                code_key=changes.store.save_code(spec.code) if new_code else record.code_key,
                created_endpoint=record.before is None and decision.endpoint is not None,
                surge=new_code and record.replicas == 1 and fits,
            )
            await changes.accept_with_endpoint(record, decision.endpoint)
        elif decision.endpoint is not None:
            await changes.set_endpoint(decision.endpoint)
        current = changes.desired.backends.get(spec.tag)
        if current is None or current.confirmed:
            return changes.publisher.version
        return await self._roll_out(current, wait)

    async def delete_deployment(self, command: str, name: str) -> int:
        """Unregister a deployment with its route and wait until its replicas are gone; an unknown name is fine."""
        await self._recovered
        changes = self._changes
        record = changes.desired.backends.get(name)
        if record is None:
            return changes.publisher.version
        users = [user for user in changes.desired.users_of(name) if user != name]
        if users:
            logger.warning("deployment %r is deleted while endpoints %s still use it", name, users)
        await changes.drop_deployment(record)
        return changes.publisher.version

    async def get_deployment(self, name: str) -> DeploymentInfo | None:
        """One backend as the deployment style sees it, with its code; None when there is none."""
        await self._recovered
        record = self._changes.desired.backends.get(name)
        return None if record is None else self._described(record)

    async def list_deployments(self) -> dict[str, DeploymentInfo]:
        """All backends as the deployment style sees them (Ray 1.4 lists those of create_backend too)."""
        await self._recovered
        return {name: self._described(record) for name, record in self._changes.desired.backends.items()}

    async def deployment_statuses(self) -> dict[str, tuple[str, str]]:
        """name -> (UPDATING, HEALTHY or UNHEALTHY; why)."""
        await self._recovered
        return {name: self._status(record) for name, record in self._changes.desired.backends.items()}

    async def _roll_out(self, record: BackendRecord, wait: bool) -> int:
        tries = record.spec.generation.start_tries
        if not wait:
            asyncio.ensure_future(self._changes.finish(record, tries))  # noqa: RUF006 - the checkpoint finishes it too
            return self._changes.publisher.version
        try:
            return await self._changes.in_force(await self._changes.carry_out(record, tries))
        except BackendEnvironmentError as error:
            raise BackendEnvironmentError(
                f"Deployment {record.tag} is UNHEALTHY: {_what_serves(record)}\n{error}"
            ) from None
        except BackendStartError as error:
            what = "health check" if isinstance(error, BackendHealthError) else "constructor"
            raise type(error)(
                f"Deployment {record.tag} is UNHEALTHY: The Deployment {what} failed {tries} times in a row. "
                f"{_what_serves(record)} See logs for details.\n{error}"
            ) from None

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


def _what_serves(record: BackendRecord) -> str:
    return "The version before it serves again." if record.before else "Nothing stays registered."
