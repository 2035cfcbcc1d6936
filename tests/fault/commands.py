"""Every command that changes what is registered, and a small world to run them in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

from legacy.generations import DEPLOYMENT
from legacy.records import BackendSpec, Endpoint
from tests.fakes_control import spec
from tests.fault.lives import Command, KilledError, Life, World

MOST_EFFECTS = 60


def backend(tag: str, **config: Any) -> BackendSpec:
    return replace(spec(tag, **config), code=tag.encode())


def endpoint(name: str, route: str, **traffic: float) -> Endpoint:
    return Endpoint(name, route, ("GET",), traffic)


def deployment(name: str, code: bytes, version: str | None = None, **config: Any) -> BackendSpec:
    return replace(spec(name, version, DEPLOYMENT, **config), code=code)


def prefix(name: str, route: str) -> Endpoint:
    return Endpoint(name, route, (), {name: 1.0}, generation=DEPLOYMENT)


# Called with the controller and, for another client than the first, with the id of its command.
COMMANDS: dict[str, Callable[..., Awaitable[Any]]] = {
    "deploy": lambda c, by="x": c.deploy(
        by, deployment("new", b"n", num_replicas=2), prefix("new", "/new"), None, True
    ),
    "redeploy": lambda c, by="x": c.deploy(
        by, deployment("d", b"n", num_replicas=2), prefix("d", "/moved"), None, True
    ),
    "update_deployment": lambda c, by="x": c.deploy(
        by, deployment("d", b"n", "v1", user_config=3), prefix("d", "/moved"), None, True
    ),
    "delete_deployment": lambda c, by="x": c.delete_deployment(by, "d"),
    "create_backend": lambda c, by="x": c.create_backend(by, backend("new", num_replicas=2)),
    "create_endpoint": lambda c, by="x": c.create_endpoint(by, endpoint("new", "/new", a=1.0)),
    "set_traffic": lambda c, by="x": c.set_traffic(by, "e", {"a": 0.5, "b": 0.5}),
    "shadow_traffic": lambda c, by="x": c.shadow_traffic(by, "e", "b", 0.5),
    "scale_up": lambda c, by="x": c.update_backend(by, "b", {"num_replicas": 3}),
    "scale_down": lambda c, by="x": c.update_backend(by, "a", {"num_replicas": 1}),
    "user_config": lambda c, by="x": c.update_backend(by, "a", {"user_config": 7}),
    "delete_backend": lambda c, by="x": c.delete_backend(by, "b"),
    "force_delete_backend": lambda c, by="x": c.delete_backend(by, "b", True),
    "replace_backend": lambda c, by="x": c.replace_backend(by, replace(backend("a", num_replicas=2), code=b"other")),
    "set_routes": lambda c, by="x": c.set_routes(by, {"e": None, "d": "/e"}),
    "delete_endpoint": lambda c, by="x": c.delete_endpoint(by, "e"),
}


async def populated() -> tuple[World, dict[str, Any]]:
    """A world with backends a (2 replicas) and b, endpoint e on a, and deployment d; gives it and its state."""
    world = World()
    life = Life(world)
    await life.controller.create_backend("1", backend("a", num_replicas=2))
    await life.controller.create_backend("2", backend("b"))
    await life.controller.create_endpoint("3", endpoint("e", "/e", a=1.0))
    await life.controller.deploy("4", deployment("d", b"d", "v1"), prefix("d", "/d"), None, True)
    await life.settle()
    old = life.state()
    life.end()
    return world, old


async def revived(world: World) -> Life:
    """A fresh life on an old world."""
    life = Life(world)
    await life.controller._recovered
    return life


async def state_after(command: Command) -> dict[str, Any]:
    world, _ = await populated()
    life = await revived(world)
    await command(life.controller)
    await life.settle()
    life.end()
    return life.state()


async def crash_points(
    command: Command, break_world: Callable[[World], None] = lambda world: None
) -> AsyncIterator[tuple[int, World, dict[str, Any]]]:
    """Yield (n, world, old state) for every n at which the controller can die while it runs the command."""
    for effects in range(MOST_EFFECTS):
        world, old = await populated()
        break_world(world)
        life = await revived(world)
        life._left = effects
        outcome = await life.run(command)
        if not isinstance(outcome, KilledError):
            assert effects > 0, "the command has no effect"
            life.end()
            return
        yield effects, world, old
    raise AssertionError(f"more than {MOST_EFFECTS} effects")


def bounded(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario for a minute at most."""
    asyncio.run(asyncio.wait_for(scenario(), 60))
