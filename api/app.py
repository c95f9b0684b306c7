"""Builds the HTTP application: routes and the process's runtime.

Run with `uvicorn --factory api.app:create_app`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.routes import health
from sync.settings import Settings
from worker import logs, runtime


def create_app() -> FastAPI:
    """The application; its database engine is made when it starts."""
    settings = Settings()
    logs.configure(settings.log_level, role="api")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.database = runtime.connect(settings, role="api")
        yield
        app.state.database.dispose()

    app = FastAPI(title="Ledgerbridge", version="0.1.0", lifespan=lifespan)
    app.include_router(health.router)
    return app
