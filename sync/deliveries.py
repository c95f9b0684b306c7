"""Sending what the outbox holds: claim, send with no transaction open, settle behind the fence.

A delivery goes out at least once. Whoever receives it tells repetitions by `webhook-id`, which
is the event's id and the same at every try and in every replay. A worker that dies after the
claim leaves a lease that ends; the next one sends again.

An endpoint that does not answer is left alone for a while, so that its backlog does not keep
workers from everybody else's.
"""

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook

from models.crypto import KeyRing, UnreadableSecretError
from models.repositories import Due, Told
from models.tables import DeliveryStatus
from models.unit_of_work import Begin
from sync.engine import log

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Between the tries of one delivery; after the last one it has failed."""

JITTER = 0.2
"""How much longer than stated a pause may be: what failed together does not return together."""

LONGEST_PAUSE = timedelta(minutes=5)
"""Of an endpoint that fails; it is tried again that often at least."""

PATIENCE = timedelta(days=5)
"""How long an endpoint may fail before it is disabled."""

LEASE = timedelta(seconds=90)
"""Much longer than one try can take."""

AT_ONCE = 8

GONE = 410
SUCCESS = range(200, 300)


@dataclass(frozen=True)
class Reply:
    """What came of a request: a status, or the reason why there is none."""

    status: int | None = None
    problem: str | None = None


Send = Callable[[str, dict[str, str], bytes], Reply]
"""(url, headers, body) → reply; never raises for what a receiver does."""


def retry_after(attempts: int, chance: float) -> timedelta | None:
    """How long to wait after so many failed tries; None when it is enough.

    Args:
        attempts: Tries so far, at least 1.
        chance: Between 0 and 1; spreads what failed together.
    """
    if attempts > len(PAUSES):
        return None
    return PAUSES[attempts - 1] * (1 + JITTER * chance)


def endpoint_pause(failures: int) -> timedelta:
    """How long to leave an endpoint alone after so many earlier failures in a row."""
    return min(LONGEST_PAUSE, PAUSES[0] * (1 << min(failures, 10)))


def payload(due: Due) -> bytes:
    """The body: the same bytes at every try."""
    event = due.event
    body: dict[str, Any] = {
        "id": str(event.id),
        "created_at": event.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "action": f"{event.object_type}.{event.event_type}",
        "api_version": due.api_version,
        "entity_id": str(event.billing_entity_id),
        "description": event.description,
        "object_type": event.object_type,
        "object": event.object,
        "webhook_subscription_id": str(due.endpoint_id),
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def signed(body: bytes, message_id: str, secret: str, moment: datetime) -> dict[str, str]:
    """The headers of a message, after the Standard Webhooks specification."""
    return {
        "content-type": "application/json",
        "user-agent": "Ledgerbridge",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, moment, body.decode()),
    }


def judged(due: Due, reply: Reply, chance: float) -> Told:
    """What a reply means for a delivery and its endpoint."""
    if reply.status in SUCCESS:
        return Told(
            due.id, due.fence, due.endpoint_id, DeliveryStatus.DELIVERED, http_status=reply.status
        )
    wait = retry_after(due.attempts, chance)
    gone = reply.status == GONE
    final = gone or wait is None
    return Told(
        due.id,
        due.fence,
        due.endpoint_id,
        DeliveryStatus.FAILED if final else DeliveryStatus.PENDING,
        delay=wait or timedelta(0),
        http_status=reply.status,
        error=reply.problem or f"it answered {reply.status}",
        gone=gone,
        pause=endpoint_pause(due.failures),
    )


def deliver_due(
    begin: Begin,
    keys: KeyRing,
    send: Send,
    *,
    worker: str,
    over: Callable[[], bool] = lambda: False,
) -> int:
    """Send what is due until nothing is left or the time is up; how many tries there were."""
    tries = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as threads:
        while not over():
            with begin() as work:
                claimed = work.webhooks.claim(worker=worker, lease=LEASE, limit=AT_ONCE)
            if not claimed:
                break
            told = list(threads.map(lambda due: _try(due, keys, send), claimed))
            settle(begin, told)
            tries += len(told)
    return tries


def _try(due: Due, keys: KeyRing, send: Send) -> Told:
    try:
        secret = keys.open(due.sealed)["secret"]
    except UnreadableSecretError:
        reply = Reply(problem="its signing secret cannot be decrypted: ask the operator")
    else:
        body = payload(due)
        headers = signed(body, str(due.event.id), secret, datetime.now(UTC))
        reply = send(due.url, headers, body)
    return judged(due, reply, random.random())  # noqa: S311  # spreads tries, keeps no secret


def settle(begin: Begin, told: list[Told]) -> None:
    """Write down what became of tries; endpoints that are gone or fail for days are disabled."""
    with begin() as work:
        disabled = work.webhooks.settle(told, patience=PATIENCE)
        for endpoint_id, reason in disabled:
            work.audit.add("worker", "webhook.disable", str(endpoint_id), reason=reason)
    for endpoint_id, reason in disabled:
        log.warning("webhook.disabled", endpoint=str(endpoint_id), reason=reason)
    failed = sum(one.status is not DeliveryStatus.DELIVERED for one in told)
    if failed:
        log.warning("webhook.failed", deliveries=failed)
