"""Builds the HTTP application: routes, error bodies, and the process's runtime.

Run with `uvicorn --factory api.app:create_app`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from api import errors
from api.middleware import Frame
from api.routes import auth, health
from sync.settings import Settings
from worker import logs, runtime
from worker.app import app as celery
from worker.dispatch import CeleryHints


def create_app() -> FastAPI:
    """The application; its database engine is made when it starts."""
    settings = Settings()
    logs.configure(settings.log_level, role="api")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        built = runtime.build(settings, role="api", hints=CeleryHints(celery), checked=False)
        app.state.settings = settings
        app.state.runtime = built
        yield
        built.close()

    app = FastAPI(title="Ledgerbridge", version="0.1.0", lifespan=lifespan)
    app.add_middleware(Frame)
    errors.install(app)
    v1 = APIRouter(prefix="/v1")
    for routes in (auth,):
        v1.include_router(routes.router)
    app.include_router(v1)
    app.include_router(health.router)
    return app
