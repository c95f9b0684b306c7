"""Builds the HTTP application: routes, error bodies, and the process's runtime.

Run with `uvicorn --factory api.app:create_app`.
"""

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from api import console, errors, routes
from api.console.limits import SignIns
from api.measured import Measured, Requests
from api.middleware import Frame
from api.throttle import Throttle
from sync.settings import Settings
from worker import logs, runtime
from worker.app import app as celery
from worker.app import broker_url
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
        app.state.throttle = Throttle(
            settings.api_requests_per_second, lambda: broker_url(settings)
        )
        app.state.sign_ins = SignIns(lambda: broker_url(settings))
        yield
        app.state.sign_ins.close()
        app.state.throttle.close()
        built.close()

    app = FastAPI(title="Ledgerbridge", version="0.1.0", lifespan=lifespan)
    app.add_middleware(Frame)
    app.state.requests = Requests()
    app.add_middleware(Measured, requests=app.state.requests)
    errors.install(app)
    v1 = APIRouter(prefix="/v1", responses=errors.RESPONSES)
    for found in pkgutil.iter_modules(routes.__path__):
        module = importlib.import_module(f"{routes.__name__}.{found.name}")
        # Health and metrics are for the people who run it, not part of the versioned contract.
        parent = app if getattr(module, "AT_THE_ROOT", False) else v1
        parent.include_router(module.router)
    app.include_router(v1)
    console.install(app)
    return app
