"""Somebody who receives webhooks: a real server on loopback that keeps what it was told."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from standardwebhooks import Webhook

from connectors.faults import Answer, Faults, Request
from connectors.loopback import LoopbackServer
from models.crypto import KeyRing
from models.repositories import Audience
from models.repositories.webhooks import DeliveryLine, Slice
from models.tables import ClientKind
from models.unit_of_work import Begin
from sync import deliveries, webhooks
from sync.access import Caller
from sync.webhooks import Addresses
from worker.outgoing import Sender

LOOPBACK = Addresses(allow_loopback=True)


@dataclass
class Receiver:
    """What arrived, and what is answered."""

    url: str = ""
    answer: Answer = field(default_factory=lambda: Answer(200, {}))
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)

    def _handle(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.answer

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> "Iterator[Receiver]":
        """Receive for the length of a `with` block."""
        receiver = cls()
        with LoopbackServer(receiver._handle, faults=receiver.faults).running() as base:
            receiver.url = f"{base}/hooks"
            yield receiver

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """The messages, after a check of their signatures."""
        return [
            Webhook(secret).verify(request.body, dict(request.headers)) for request in self.requests
        ]

    @property
    def ids(self) -> list[str]:
        """The ids of the messages that came."""
        return [request.headers["webhook-id"] for request in self.requests]


@dataclass
class Outbox:
    """One organisation's subscriptions, and the worker that delivers."""

    begin: Begin
    keys: KeyRing
    caller: Caller

    @classmethod
    def of(cls, begin: Begin, keys: KeyRing, entity_id: UUID) -> "Outbox":
        """For the organisation of a billing entity, as somebody who may manage it."""
        with begin() as work:
            entity = work.tenants.entity(entity_id)
            assert entity is not None
        return cls(
            begin,
            keys,
            Caller(
                client_id=UUID(int=1),
                organisation_id=entity.organisation_id,
                kind=ClientKind.ORGANISATION,
                connection_id=None,
                entities=frozenset({entity_id}),
                scopes=frozenset({"manage"}),
                enabled=True,
            ),
        )

    @property
    def audience(self) -> Audience:
        """What it may see."""
        return webhooks.audience_of(self.caller)

    def subscribe(self, url: str, object_type: str, *events: str) -> webhooks.NewEndpoint:
        """Tell a URL from now on."""
        return webhooks.subscribe(
            self.begin,
            self.keys,
            LOOPBACK,
            self.caller,
            object_type=object_type,
            event_types=events,
            url=url,
            api_version="2024-05-25",
        )

    def told(self) -> list[str]:
        """What happened, in order."""
        with self.begin() as work:
            rows = work.webhooks.events(self.audience, Slice())
        return [f"{row.object_type}.{row.event_type}" for row in rows]

    def log(self) -> list[DeliveryLine]:
        """The delivery log."""
        with self.begin() as work:
            return work.webhooks.deliveries(self.audience, Slice())

    def statuses(self) -> list[tuple[str, int]]:
        """Where deliveries stand, and how often they were tried."""
        return [(line.delivery.status.value, line.delivery.attempts) for line in self.log()]

    def deliver(self, sender: Sender | None = None) -> int:
        """What a worker does at a tick."""
        send = sender or Sender(LOOPBACK, seconds=2)
        return deliveries.deliver_due(self.begin, self.keys, send, worker="test")


DAY = timedelta(days=1)
