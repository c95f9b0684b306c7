"""Webhook subscriptions, what happened (`/events`), and who was told (`/webhook_deliveries`).

A subscription is an organisation's, or an integration's: then it hears of the billing entities
of the integration's connection. The signing secret is in the answer to the request that made it,
and nowhere else.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from api.deps import CallerOf, RuntimeOf, VersionOf
from api.pagination import Order, Paged, Pager, Tokens
from api.words import MadeBetween
from models.repositories.webhooks import DeliveryLine, Slice
from models.tables import DeliveryStatus, EndpointStatus, EventRow, WebhookEndpointRow
from sync import webhooks
from sync.access import Caller
from worker.runtime import Runtime

router = APIRouter(tags=["webhooks"])

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
Url = Annotated[
    str,
    StringConstraints(
        max_length=2083,
        pattern=rf'^https?://(?:{_LABEL}\.)*{_LABEL}(?::{_PORT})?(?:/[!"$-~]*)?$',
    ),
]
"""Without credentials and without a fragment; which addresses are allowed is decided apart."""


def _short(given: object) -> object:
    """Let `synced_record.done` stand for `done`."""
    if isinstance(given, list):
        return [name.rpartition(".")[2] if isinstance(name, str) else name for name in given]
    return given


Name = TypeVar("Name")
Names = Annotated[Annotated[list[Name], Field(max_length=20)] | None, BeforeValidator(_short)]
"""Which events: none, or an empty list, stands for all."""


class ObjectTypeName(StrEnum):
    """What can be subscribed to."""

    ACCOUNTING_CONNECTION = "accounting_connection"
    ISSUE = "issue"
    SYNC_RUN = "sync_run"
    SYNCED_RECORD = "synced_record"


class EventName(StrEnum):
    """What can happen to one of them."""

    CONNECTED = "connected"
    DEAUTHORIZED = "deauthorized"
    DISCONNECTED = "disconnected"
    PENDING_AUTH = "pending_auth"
    CLOSED = "closed"
    OPENED = "opened"
    FINISHED = "finished"
    DONE = "done"
    FAILED = "failed"


class _Wanted(BaseModel):
    url: Url


class OfConnections(_Wanted):
    """Tell of accounting connections."""

    object_type: Literal["accounting_connection"]
    event_types: Names[Literal["connected", "deauthorized", "disconnected", "pending_auth"]] = None


class OfIssues(_Wanted):
    """Tell of issues."""

    object_type: Literal["issue"]
    event_types: Names[Literal["closed", "opened"]] = None


class OfRuns(_Wanted):
    """Tell of sync runs."""

    object_type: Literal["sync_run"]
    event_types: Names[Literal["finished"]] = None


class OfRecords(_Wanted):
    """Tell of synced records."""

    object_type: Literal["synced_record"]
    event_types: Names[Literal["done", "failed"]] = None


Wanted = Annotated[
    OfConnections | OfIssues | OfRuns | OfRecords, Field(discriminator="object_type")
]


class Changed(BaseModel):
    """What is to be different; what is missing stays."""

    url: Url | None = None
    event_types: Names[EventName] = None


class Subscription(BaseModel):
    """A URL that is told of one type of object."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    object_type: ObjectTypeName
    event_types: list[str]
    """Empty: all of the object type."""
    url: str
    status: EndpointStatus
    api_version: str
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


class SubscriptionWithSecret(Subscription):
    """The same with its signing secret, which is shown only now."""

    secret: str


class Subscriptions(Tokens):
    """A page of subscriptions."""

    data: list[Subscription]


class Event(BaseModel):
    """Something that happened."""

    id: UUID
    created_at: datetime
    action: str
    description: str
    entity_id: UUID
    object_type: ObjectTypeName
    object: dict[str, Any]


class Events(Tokens):
    """A page of events."""

    data: list[Event]


class Delivery(BaseModel):
    """The way of one event to one subscription."""

    id: UUID
    event_id: UUID
    webhook_subscription_id: UUID
    url: str
    """Where the subscription leads now."""
    action: str
    status: DeliveryStatus
    was_successful: bool | None
    """None while it is still tried."""
    requests_made_count: int
    response_status_code: int | None
    error: str | None
    replay_of: UUID | None
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime


class Deliveries(Tokens):
    """A page of the delivery log."""

    data: list[Delivery]


class _InTime(Paged, MadeBetween):
    """The parameters of a list in the order of time."""

    order: Order = Order.ASC
    sort: Literal["created_at"] = "created_at"
    object_type: ObjectTypeName | None = None

    def list_for(self, runtime: Runtime, caller: Caller, name: str) -> tuple[Self, Pager, Slice]:
        """The first query, and what of it is on this page; its tokens are no use to others."""
        audience = caller.connection_id or caller.organisation_id
        first, pager = self.begun(runtime.keys, audience, name, self.sort, self.order)
        moments = first.model_dump(include=set(MadeBetween.model_fields), exclude_none=True)
        return first, pager, Slice(pager.place, self.limit + 1, pager.descending, moments)


class SubscriptionQuery(_InTime):
    """Which subscriptions are meant."""


class EventQuery(_InTime):
    """Which events are meant."""

    entity_id: UUID | None = None
    event_action: EventName | None = None


class DeliveryQuery(_InTime):
    """Which deliveries are meant."""

    webhook_subscription_id: UUID | None = None
    event_id: UUID | None = None
    status: DeliveryStatus | None = None
    event_action: EventName | None = None


def _with_secret(made: webhooks.NewEndpoint) -> SubscriptionWithSecret:
    shown = Subscription.model_validate(made.row)
    return SubscriptionWithSecret(**shown.model_dump(), secret=made.secret)


def _event(row: EventRow) -> Event:
    return Event(
        id=row.id,
        created_at=row.created_at,
        action=f"{row.object_type}.{row.event_type}",
        description=row.description,
        entity_id=row.billing_entity_id,
        object_type=ObjectTypeName(row.object_type),
        object=row.object,
    )


def _delivery(line: DeliveryLine) -> Delivery:
    row = line.delivery
    waiting = row.status is DeliveryStatus.PENDING
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        webhook_subscription_id=row.endpoint_id,
        url=line.url,
        action=f"{line.event.object_type}.{line.event.event_type}",
        status=row.status,
        was_successful=None if waiting else row.status is DeliveryStatus.DELIVERED,
        requests_made_count=row.attempts,
        response_status_code=row.http_status,
        error=row.error,
        replay_of=row.replay_of,
        next_attempt_at=row.next_attempt_at if waiting else None,
        last_attempt_at=row.last_attempt_at,
        delivered_at=row.delivered_at,
        created_at=row.created_at,
    )


@router.post("/webhook_subscriptions", response_model=SubscriptionWithSecret, status_code=201)
def subscribe(asked: Wanted, runtime: RuntimeOf, caller: CallerOf, version: VersionOf) -> Any:
    """Tell a URL from now on; the secret is shown only now."""
    return _with_secret(
        webhooks.subscribe(
            runtime.begin,
            runtime.keys,
            runtime.addresses,
            caller,
            object_type=asked.object_type,
            event_types=asked.event_types or [],
            url=asked.url,
            api_version=str(version),
        )
    )


@router.get("/webhook_subscriptions")
def subscriptions(
    runtime: RuntimeOf, caller: CallerOf, _: VersionOf, asked: Annotated[SubscriptionQuery, Query()]
) -> Subscriptions:
    """The subscriptions, oldest first."""
    first, pager, part = asked.list_for(runtime, caller, "webhook_subscriptions")
    with runtime.begin() as work:
        rows = work.webhooks.listing(
            webhooks.audience_of(caller), part, object_type=first.object_type
        )
    page = pager.page(rows, asked.limit)
    data = [Subscription.model_validate(row) for row in page.rows]
    return Subscriptions(data=data, **page.tokens)


@router.get("/webhook_subscriptions/{subscription_id}", response_model=Subscription)
def subscription(
    subscription_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf
) -> WebhookEndpointRow:
    """One subscription."""
    with runtime.begin() as work:
        return webhooks.endpoint_of(work, caller, subscription_id)


@router.patch("/webhook_subscriptions/{subscription_id}", response_model=Subscription)
def change(
    subscription_id: UUID, asked: Changed, runtime: RuntimeOf, caller: CallerOf, _: VersionOf
) -> WebhookEndpointRow:
    """Change where or of what it is told."""
    names = None if asked.event_types is None else [name.value for name in asked.event_types]
    return webhooks.change(
        runtime.begin,
        runtime.addresses,
        caller,
        subscription_id,
        url=asked.url,
        event_types=names,
    )


@router.delete("/webhook_subscriptions/{subscription_id}", status_code=204)
def unsubscribe(subscription_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf) -> None:
    """Tell it nothing any more; its deliveries stay in the log."""
    webhooks.unsubscribe(runtime.begin, caller, subscription_id)


@router.post("/webhook_subscriptions/{subscription_id}/enable", response_model=Subscription)
def enable(
    subscription_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf
) -> WebhookEndpointRow:
    """Tell it again; what has been waiting goes out."""
    return webhooks.set_enabled(runtime.begin, caller, subscription_id, enabled=True)


@router.post("/webhook_subscriptions/{subscription_id}/disable", response_model=Subscription)
def disable(
    subscription_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf
) -> WebhookEndpointRow:
    """Tell it nothing for now; what happens meanwhile is not told later."""
    return webhooks.set_enabled(runtime.begin, caller, subscription_id, enabled=False)


@router.post(
    "/webhook_subscriptions/{subscription_id}/regenerate_secret",
    response_model=SubscriptionWithSecret,
)
def regenerate_secret(
    subscription_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf
) -> Any:
    """Sign with a new secret, which is shown only now."""
    return _with_secret(
        webhooks.regenerate_secret(runtime.begin, runtime.keys, caller, subscription_id)
    )


@router.get("/events")
def events(
    runtime: RuntimeOf, caller: CallerOf, _: VersionOf, asked: Annotated[EventQuery, Query()]
) -> Events:
    """What happened since there has been a subscription."""
    first, pager, part = asked.list_for(runtime, caller, "events")
    with runtime.begin() as work:
        rows = work.webhooks.events(
            webhooks.audience_of(caller),
            part,
            entity_id=first.entity_id,
            object_type=first.object_type,
            event_type=first.event_action,
        )
    page = pager.page(rows, asked.limit)
    return Events(data=[_event(row) for row in page.rows], **page.tokens)


@router.get("/webhook_deliveries")
def deliveries(
    runtime: RuntimeOf, caller: CallerOf, _: VersionOf, asked: Annotated[DeliveryQuery, Query()]
) -> Deliveries:
    """The delivery log."""
    first, pager, part = asked.list_for(runtime, caller, "webhook_deliveries")
    with runtime.begin() as work:
        rows = work.webhooks.deliveries(
            webhooks.audience_of(caller),
            part,
            endpoint_id=first.webhook_subscription_id,
            event_id=first.event_id,
            status=first.status,
            object_type=first.object_type,
            event_type=first.event_action,
        )
    page = pager.page(rows, asked.limit)
    return Deliveries(data=[_delivery(row) for row in page.rows], **page.tokens)


@router.get("/webhook_deliveries/{delivery_id}", response_model=Delivery)
def delivery(delivery_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf) -> Any:
    """One line of the delivery log."""
    with runtime.begin() as work:
        return _delivery(webhooks.delivery_of(work, caller, delivery_id))


@router.post("/webhook_deliveries/{delivery_id}/replay", response_model=Delivery, status_code=202)
def replay(delivery_id: UUID, runtime: RuntimeOf, caller: CallerOf, _: VersionOf) -> Any:
    """Send the event again under the same message id, as a delivery of its own."""
    return _delivery(webhooks.replay(runtime.begin, caller, delivery_id))
