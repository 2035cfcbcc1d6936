"""One small FastAPI app, for the ingress of a deployment and for uvicorn alone."""

from __future__ import annotations

from fastapi import FastAPI

from bench.systems.handlers import HELLO


def make_app(prefix: str = "") -> FastAPI:
    """An app that says hello at `<prefix>/hello`."""
    app = FastAPI()

    @app.get(f"{prefix}/hello")
    async def hello() -> str:
        return HELLO

    return app


app = make_app("/fast")
