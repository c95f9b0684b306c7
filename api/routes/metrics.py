"""Prometheus metrics: the state of the whole system, and the requests of this process.

Without authentication, and without anything that names a tenant: keep it inside your network.
"""

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError

from api.deps import RuntimeOf
from sync.engine import log
from worker.metrics import DatabaseState

AT_THE_ROOT = True
router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
def metrics(request: Request, runtime: RuntimeOf) -> Response:
    """Metrics in Prometheus's text format; this process's own also while the database is away."""
    database = CollectorRegistry()
    database.register(DatabaseState(runtime.begin))
    text = generate_latest(request.app.state.requests.registry)
    try:
        text += generate_latest(database)
    except DBAPIError as error:
        log.warning("metrics.database", error=type(error).__name__)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
