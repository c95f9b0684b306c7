"""Liveness and readiness.

Redis down is degraded, not down: rows are written and the sweeper makes up for lost hints.
"""

import contextlib
from typing import Any

import redis
from fastapi import APIRouter, Request, Response

from sync.errors import SyncError
from sync.settings import Settings
from worker import runtime
from worker.app import broker_url
from worker.embedded import redis_client

AT_THE_ROOT = True
router = APIRouter(tags=["health"])

SERVICE_UNAVAILABLE = 503


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request, response: Response) -> dict[str, Any]:
    """The database can be reached and is migrated; whether Redis can is told, not required."""
    try:
        # What a newer version has migrated is good enough until that version takes over.
        with contextlib.suppress(runtime.NewerSchemaError):
            runtime.require_current_schema(request.app.state.runtime.database)
    except SyncError as error:
        response.status_code = SERVICE_UNAVAILABLE
        return {"status": "down", "database": str(error)}
    if redis_answers(request.app.state.settings):
        return {"status": "ok"}
    return {"status": "degraded", "redis": "it cannot be reached; syncs start with a delay"}


def redis_answers(settings: Settings) -> bool:
    """Whether the broker's Redis answers within two seconds."""
    try:
        with redis_client(broker_url(settings)) as client:
            return bool(client.ping())
    except (SyncError, redis.RedisError):
        return False
