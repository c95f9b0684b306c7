"""The header `Idempotency-Key`: a repeated request gets the first answer again."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse

from api.deps import ENTITY_HEADER, CallerOf, RuntimeOf
from api.errors import ApiError, invalid
from models.unit_of_work import Begin
from sync import idempotency
from sync.idempotency import Answer, KeyInUseError, KeyReusedError

HEADER = "Idempotency-Key"
REPEATED = "idempotency-replayed"


@dataclass(frozen=True)
class Once:
    """Does what a request asks for, unless the same was done before under its key."""

    begin: Begin
    client_id: UUID
    key: str | None
    request_hash: str

    def __call__(self, act: Callable[[], Answer]) -> JSONResponse:
        """Answer the request.

        Raises:
            RequestValidationError: The key was used for another request.
            ApiError: The first request with this key is still running (409).
        """
        if self.key is None:
            return response(act())
        try:
            return response(
                idempotency.once(self.begin, self.client_id, self.key, self.request_hash, act)
            )
        except KeyReusedError as error:
            raise invalid(["header", HEADER], str(error), "idempotency_key_reused") from None
        except KeyInUseError as error:
            raise ApiError(
                409, "request_running", str(error), headers={"Retry-After": "1"}
            ) from None


def response(answer: Answer) -> JSONResponse:
    """An answer as HTTP."""
    headers = answer.headers | ({REPEATED: "true"} if answer.repeated else {})
    return JSONResponse(answer.body, answer.status, headers)


async def _body(request: Request) -> bytes:
    return await request.body()


def _once(
    request: Request,
    runtime: RuntimeOf,
    caller: CallerOf,
    body: Annotated[bytes, Depends(_body)],
    key: Annotated[
        str | None,
        Header(
            alias=HEADER,
            min_length=1,
            max_length=255,
            description="A repeated request with the same key gets the first answer again, for "
            "24 hours.",
        ),
    ] = None,
) -> Once:
    parts = (
        request.method,
        request.url.path,
        request.url.query,
        request.headers.get(ENTITY_HEADER, "").lower(),
    )
    digest = hashlib.sha256("\n".join(parts).encode() + b"\n" + body).hexdigest()
    return Once(runtime.begin, caller.client_id, key, digest)


OnceOf = Annotated[Once, Depends(_once)]
