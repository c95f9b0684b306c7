"""Liveness and readiness.

Redis down is degraded, not down: rows are written and the sweeper makes up for lost hints.
"""

from typing import Any

import redis
from fastapi import APIRouter, Request, Response
from kombu.utils.url import url_to_parts

from sync.errors import SyncError
from sync.settings import Settings
from worker import runtime
from worker.app import broker_url

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
        runtime.require_current_schema(request.app.state.database)
    except SyncError as error:
        response.status_code = SERVICE_UNAVAILABLE
        return {"status": "down", "database": str(error)}
    if redis_answers(request.app.state.settings):
        return {"status": "ok"}
    return {"status": "degraded", "redis": "it cannot be reached; syncs start with a delay"}


def redis_answers(settings: Settings) -> bool:
    """Whether the broker's Redis answers within two seconds."""
    try:
        url = broker_url(settings)
    except SyncError:
        return False
    if url.startswith("redis+socket://"):
        client = redis.Redis(unix_socket_path=url_to_parts(url).path or "", socket_timeout=2)
    else:
        client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
