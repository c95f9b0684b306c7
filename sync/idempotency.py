"""The same request twice is one request: answers are kept under the caller's own key.

A key is taken in a transaction of its own, so that a repetition that arrives meanwhile is told
that the first is running, instead of doing it again. An answer that refuses is not kept: nothing
was changed, and the caller may mend the request and use the key again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from models.unit_of_work import Begin
from sync.errors import SyncError

KEPT = timedelta(hours=24)
# Longer than any request runs; after that its process is gone.
RUNNING = timedelta(minutes=10)


@dataclass(frozen=True)
class Answer:
    """What a request is answered with: JSON values only."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    repeated: bool = False
    """Whether it was given before."""


class KeyInUseError(SyncError):
    """The first request with this key is still running."""


class KeyReusedError(SyncError):
    """The key was used for another request."""


def once(
    begin: Begin, client_id: UUID, key: str, request_hash: str, act: Callable[[], Answer]
) -> Answer:
    """Do something unless the same client did it with the same key in the last 24 hours.

    Raises:
        KeyInUseError: The first request is still running.
        KeyReusedError: It was another request.
    """
    with begin() as work:
        claim = work.idempotency.claim(client_id, key, request_hash, kept=KEPT, running=RUNNING)
        known = None if claim else work.idempotency.get(client_id, key)
    if claim is None:
        if known is None or (known.request_hash == request_hash and known.status_code is None):
            raise KeyInUseError("the first request with this Idempotency-Key is still running")
        if known.request_hash != request_hash:
            raise KeyReusedError("this Idempotency-Key was used for another request")
        kept = known.answer or {}
        return Answer(known.status_code or 0, kept.get("body"), kept.get("headers", {}), True)
    try:
        answer = act()
    except Exception:
        with begin() as work:
            work.idempotency.release(claim)
        raise
    with begin() as work:
        work.idempotency.answered(
            claim, answer.status, {"body": answer.body, "headers": answer.headers}
        )
    return answer
