import asyncio

import pytest

from serve_compat.asgi.lifespan import Lifespan


def app_that(log, on_startup="complete", raises=None, state=None):
    async def app(scope, receive, send):
        if scope["type"] != "lifespan":
            log.append(scope.get("state"))
            return
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"].update(state or {})
        await send({"type": f"lifespan.startup.{on_startup}", "message": "why"})
        if raises is not None:
            raise raises
        assert (await receive())["type"] == "lifespan.shutdown"
        log.append("shut down")
        await send({"type": "lifespan.shutdown.complete"})

    return app


async def live(app):
    lifespan = Lifespan(app)
    await lifespan.startup()
    await lifespan({"type": "http"}, None, None)
    await lifespan.shutdown()


def test_an_application_is_started_serves_and_is_shut_down():
    log = []
    asyncio.run(live(app_that(log, state={"db": 1})))
    assert log == [{"db": 1}, "shut down"]


def test_an_application_without_lifespan_serves_all_the_same():
    served = []

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        served.append(1)

    asyncio.run(live(app))
    assert served == [1]


@pytest.mark.parametrize(("raises", "text"), [(ValueError("no db"), "no db"), (None, "startup failed: why")])
def test_a_failed_startup_raises_the_applications_own_error_where_it_has_one(raises, text):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "why"})
        if raises:
            raise raises

    with pytest.raises((ValueError, RuntimeError), match=text):
        asyncio.run(live(app))


def test_shutdown_without_startup_does_nothing():
    asyncio.run(Lifespan(None).shutdown())
