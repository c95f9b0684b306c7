"""`/incoming/{address}`: where providers send their webhooks.

Whoever calls is told by the signature alone, which the connector checks over the raw body.
"""

import contextlib
from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.deps import RuntimeOf
from api.errors import ApiError
from connectors.errors import WebhookRefused
from sync import incoming

# For providers, not for programs that use the API.
router = APIRouter(prefix="/incoming", include_in_schema=False)

MAX_BODY_BYTES = 1024 * 1024


@router.post("/{address}")
async def take(address: str, request: Request, runtime: RuntimeOf) -> Response:
    """Take note of what a provider says has changed; it is read soon.

    The address is a connection's id; or a provider's name, where all customers' webhooks come to
    one address.
    """
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(413, "payload_too_large", "a webhook is never that large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    take_it: Callable[..., None] = incoming.take_for_app
    target: str | UUID = address
    with contextlib.suppress(ValueError):
        take_it, target = incoming.take, UUID(address)
    try:
        await run_in_threadpool(take_it, runtime.engine, runtime.opener, target, headers, body)
    except WebhookRefused as error:
        raise ApiError(401, "signature_refused", error.message) from None
    return Response(status_code=200)
