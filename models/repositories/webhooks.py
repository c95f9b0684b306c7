"""Webhook endpoints, and the deliveries to them: claimed with a lease, settled behind a fence.

Everything that a person reads or changes is limited to an organisation and, for an integration,
to what its connection may see.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, select, true, tuple_

from models.repositories.place import Place
from models.repositories.statement import Repository, many
from models.tables import DeliveryStatus, EventRow, WebhookDeliveryRow, WebhookEndpointRow

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True)
class Audience:
    """Whose endpoints, deliveries and events may be seen."""

    organisation_id: UUID
    connection_id: UUID | None
    """None: all of the organisation."""
    entities: frozenset[UUID]


@dataclass(frozen=True)
class Slice:
    """Which part of a list in the order of time is wanted."""

    place: Place | None = None
    limit: int = 1000
    descending: bool = False
    moments: Mapping[str, datetime] = field(default_factory=dict)
    """Only what was made then: `created_at__gt` and so on."""


_COMPARED = {
    "created_at__gt": operator.gt,
    "created_at__gte": operator.ge,
    "created_at__lt": operator.lt,
    "created_at__lte": operator.le,
}


@dataclass(frozen=True)
class Due:
    """A delivery that this worker holds until its lease ends, with all that sending needs."""

    id: UUID
    fence: int
    attempts: int
    """This try included."""
    endpoint_id: UUID
    url: str
    sealed: bytes
    api_version: str
    failures: int
    event: EventRow


@dataclass(frozen=True)
class Told:
    """What became of one try."""

    delivery_id: UUID
    fence: int
    endpoint_id: UUID
    status: DeliveryStatus
    delay: timedelta = timedelta(0)
    http_status: int | None = None
    error: str | None = None
    gone: bool = False
    """The receiver says that it wants nothing any more."""
    pause: timedelta = timedelta(0)
    """No further tries at this endpoint for a while."""


@dataclass(frozen=True)
class DeliveryLine:
    """A line of the delivery log, with the event that it is about."""

    id: UUID
    created_at: datetime
    delivery: WebhookDeliveryRow
    event: EventRow
    url: str
    """Where the endpoint leads now."""


def _due(row: Row[Any]) -> Due:
    event = EventRow(
        id=row.event_id,
        billing_entity_id=row.billing_entity_id,
        object_type=row.object_type,
        event_type=row.event_type,
        description=row.description,
        object=row.object,
        created_at=row.happened_at,
    )
    return Due(
        id=row.id,
        fence=row.fence,
        attempts=row.attempts,
        endpoint_id=row.endpoint_id,
        url=row.url,
        sealed=bytes(row.sealed),
        api_version=row.api_version,
        failures=row.failures,
        event=event,
    )


class Webhooks(Repository):
    """Who wants to be told, and who was."""

    def add(self, row: WebhookEndpointRow) -> None:
        """Store an endpoint."""
        self._session.add(row)
        self._session.flush()

    def get(
        self, audience: Audience, endpoint_id: UUID, *, lock: bool = False
    ) -> WebhookEndpointRow | None:
        """One endpoint, if it may be seen."""
        query = _endpoints(audience).where(WebhookEndpointRow.id == endpoint_id)
        if lock:
            query = query.with_for_update(key_share=True)
        return self._session.execute(query).scalar_one_or_none()

    def listing(
        self, audience: Audience, part: Slice, *, object_type: str | None = None
    ) -> list[WebhookEndpointRow]:
        """Endpoints in the order that they were made."""
        query = _endpoints(audience)
        if object_type is not None:
            query = query.where(WebhookEndpointRow.object_type == object_type)
        query = _in_time(query, WebhookEndpointRow, part)
        return list(self._session.execute(query).scalars())

    def give_up(self, endpoint_id: UUID) -> None:
        """Nothing goes to an endpoint any more: what waited for it has failed."""
        self._execute(
            "UPDATE webhook_deliveries SET status = 'failed', lease_until = NULL, "
            "lease_owner = NULL, fence = fence + 1, error = 'the endpoint was deleted' "
            "WHERE endpoint_id = :id AND status = 'pending'",
            id=endpoint_id,
        )

    def all_sealed(self) -> list[tuple[UUID, bytes]]:
        """All encrypted secrets, locked, for a change of keys."""
        found = self._execute(
            "SELECT id, sealed FROM webhook_endpoints ORDER BY id FOR NO KEY UPDATE"
        )
        return [(row.id, bytes(row.sealed)) for row in found]

    def reseal(self, endpoint_id: UUID, sealed: bytes) -> None:
        """Replace an endpoint's secret."""
        self._execute(
            "UPDATE webhook_endpoints SET sealed = :sealed, updated_at = now() WHERE id = :id",
            sealed=sealed,
            id=endpoint_id,
        )

    def events(
        self,
        audience: Audience,
        part: Slice,
        *,
        entity_id: UUID | None = None,
        object_type: str | None = None,
        event_type: str | None = None,
    ) -> list[EventRow]:
        """What happened, in the order of time."""
        query = select(EventRow).where(
            EventRow.organisation_id == audience.organisation_id,
            EventRow.billing_entity_id.in_(audience.entities),
            *_given(
                (EventRow.billing_entity_id, entity_id),
                (EventRow.object_type, object_type),
                (EventRow.event_type, event_type),
            ),
        )
        return list(self._session.execute(_in_time(query, EventRow, part)).scalars())

    def delivery(self, audience: Audience, delivery_id: UUID) -> DeliveryLine | None:
        """One line of the delivery log."""
        found = self._lines(_lines(audience).where(WebhookDeliveryRow.id == delivery_id))
        return found[0] if found else None

    def deliveries(
        self,
        audience: Audience,
        part: Slice,
        *,
        endpoint_id: UUID | None = None,
        event_id: UUID | None = None,
        status: DeliveryStatus | None = None,
        object_type: str | None = None,
        event_type: str | None = None,
    ) -> list[DeliveryLine]:
        """The delivery log in the order of time; of each endpoint no more is read than needed."""
        of_endpoint = select(WebhookDeliveryRow.id).where(
            WebhookDeliveryRow.endpoint_id == WebhookEndpointRow.id,
            *_given((WebhookDeliveryRow.event_id, event_id), (WebhookDeliveryRow.status, status)),
        )
        if event_type is not None:
            of_endpoint = of_endpoint.join(
                EventRow, EventRow.id == WebhookDeliveryRow.event_id
            ).where(EventRow.event_type == event_type)
        found = (
            _in_time(of_endpoint, WebhookDeliveryRow, part).correlate(WebhookEndpointRow).lateral()
        )
        query = (
            _lines(audience)
            .join(found, true())
            .where(
                WebhookDeliveryRow.id == found.c.id,
                # What an endpoint is told of is all of one type.
                *_given(
                    (WebhookEndpointRow.id, endpoint_id),
                    (WebhookEndpointRow.object_type, object_type),
                ),
            )
        )
        return self._lines(_in_time(query, WebhookDeliveryRow, part))

    def _lines(self, query: Select[WebhookDeliveryRow, EventRow, str]) -> list[DeliveryLine]:
        return [
            DeliveryLine(delivery.id, delivery.created_at, delivery, event, url)
            for delivery, event, url in self._session.execute(query)
        ]

    def replay(self, delivery: WebhookDeliveryRow) -> WebhookDeliveryRow:
        """Tell an endpoint the same thing again, under the same id."""
        row = WebhookDeliveryRow(
            endpoint_id=delivery.endpoint_id,
            event_id=delivery.event_id,
            replay_of=delivery.id,
            status=DeliveryStatus.PENDING,
            next_attempt_at=self._execute("SELECT now()").scalar_one(),
        )
        self._session.add(row)
        self._session.flush()
        return row

    def claim(self, *, worker: str, lease: timedelta, limit: int) -> list[Due]:
        """Take due deliveries of endpoints that may be tried now, a few of each at a time."""
        found = self._execute(
            """
            WITH found AS (
                SELECT d.id FROM webhook_endpoints w
                 CROSS JOIN LATERAL (
                    SELECT d.id, d.next_attempt_at FROM webhook_deliveries d
                     WHERE d.endpoint_id = w.id AND d.status = 'pending'
                       AND d.next_attempt_at <= now()
                       AND (d.lease_until IS NULL OR d.lease_until < now())
                     ORDER BY d.next_attempt_at LIMIT :each) d
                 WHERE w.status = 'enabled' AND w.deleted_at IS NULL
                   AND (w.paused_until IS NULL OR w.paused_until <= now())
                 ORDER BY d.next_attempt_at LIMIT :limit),
            due AS (
                -- Said again here, where the lock is: another worker may just have had them.
                SELECT d.id FROM webhook_deliveries d JOIN found f ON f.id = d.id
                 WHERE d.status = 'pending' AND d.next_attempt_at <= now()
                   AND (d.lease_until IS NULL OR d.lease_until < now())
                   FOR UPDATE OF d SKIP LOCKED)
            UPDATE webhook_deliveries d
               SET lease_owner = :worker, lease_until = now() + :lease, fence = d.fence + 1,
                   attempts = d.attempts + 1, last_attempt_at = now()
              FROM due, webhook_endpoints w, events e
             WHERE d.id = due.id AND w.id = d.endpoint_id AND e.id = d.event_id
            RETURNING d.id, d.fence, d.attempts, d.endpoint_id, w.url, w.sealed, w.api_version,
                      w.failures, e.id AS event_id, e.billing_entity_id, e.object_type,
                      e.event_type, e.description, e.object, e.created_at AS happened_at
            """,
            worker=worker,
            lease=lease,
            limit=limit,
            each=max(1, limit // 2),
        )
        return [_due(row) for row in found]

    def settle(self, told: Sequence[Told], *, patience: timedelta) -> list[tuple[UUID, str]]:
        """Write down what became of tries, where the fence still matches.

        An endpoint is disabled when it says that it is gone, or when it has failed for as long
        as `patience`.

        Returns:
            The endpoints that were disabled by this, with the reason.
        """
        rows = [
            {**vars(one), "status": one.status.value}
            for one in sorted(told, key=lambda one: one.delivery_id)
        ]
        found = self._execute(
            """
            WITH v AS (
                SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
                    delivery_id uuid, fence bigint, status text, delay float8, http_status int,
                    error text, gone boolean, pause float8)),
            settled AS (
                UPDATE webhook_deliveries d
                   SET status = v.status, lease_owner = NULL, lease_until = NULL,
                       http_status = v.http_status, error = v.error,
                       next_attempt_at = now() + make_interval(secs => v.delay),
                       delivered_at = CASE v.status WHEN 'delivered' THEN now() END
                  FROM v
                 WHERE d.id = v.delivery_id AND d.fence = v.fence AND d.status = 'pending'
                RETURNING d.endpoint_id, v.status, v.gone, v.pause),
            by_endpoint AS (
                SELECT endpoint_id, bool_or(status = 'delivered') AS reached,
                       bool_or(gone) AS gone, max(pause) AS pause
                  FROM settled GROUP BY endpoint_id),
            judged AS (
                SELECT w.id, s.reached, s.gone, s.pause,
                       NOT s.reached AND w.failing_since < now() - :patience AS given_up
                  FROM by_endpoint s JOIN webhook_endpoints w ON w.id = s.endpoint_id
                 ORDER BY w.id FOR NO KEY UPDATE OF w)
            UPDATE webhook_endpoints w
               SET failures = CASE WHEN j.reached THEN 0 ELSE w.failures + 1 END,
                   failing_since = CASE WHEN j.reached THEN NULL
                                        ELSE coalesce(w.failing_since, now()) END,
                   paused_until = CASE WHEN j.reached THEN NULL
                                       ELSE now() + make_interval(secs => j.pause) END,
                   status = CASE WHEN j.gone OR j.given_up THEN 'disabled' ELSE w.status END,
                   updated_at = CASE WHEN j.gone OR j.given_up THEN now() ELSE w.updated_at END
              FROM judged j WHERE w.id = j.id
            RETURNING w.id, j.gone, j.given_up
            """,
            rows=many(rows),
            patience=patience,
        )
        return [
            (row.id, "it answered 410 Gone" if row.gone else "it failed for too long")
            for row in found
            if row.gone or row.given_up
        ]


def _seen_by(audience: Audience) -> list[ColumnElement[bool]]:
    conditions = [WebhookEndpointRow.organisation_id == audience.organisation_id]
    if audience.connection_id is not None:
        conditions.append(WebhookEndpointRow.connection_id == audience.connection_id)
    return conditions


def _endpoints(audience: Audience) -> Select[WebhookEndpointRow]:
    return select(WebhookEndpointRow).where(
        *_seen_by(audience), WebhookEndpointRow.deleted_at.is_(None)
    )


def _lines(audience: Audience) -> Select[WebhookDeliveryRow, EventRow, str]:
    return (
        select(WebhookDeliveryRow, EventRow, WebhookEndpointRow.url)
        .select_from(WebhookEndpointRow)
        .join(WebhookDeliveryRow, WebhookDeliveryRow.endpoint_id == WebhookEndpointRow.id)
        .join(EventRow, EventRow.id == WebhookDeliveryRow.event_id)
        .where(*_seen_by(audience))
    )


def _given(*wanted: tuple[Any, object]) -> list[ColumnElement[bool]]:
    """Conditions for what is asked for; None does not matter."""
    return [column == value for column, value in wanted if value is not None]


def _in_time(
    query: Select[*Columns],
    of: type[WebhookEndpointRow | EventRow | WebhookDeliveryRow],
    part: Slice,
) -> Select[*Columns]:
    """The rows from a place on or back: the cost does not grow with how far in it is."""
    place, descending, key = part.place, part.descending, (of.created_at, of.id)
    for name, moment in part.moments.items():
        query = query.where(_COMPARED[name](of.created_at, moment))
    if place is not None:
        descending ^= place.back
        row, edge = tuple_(*key), (place.value, place.id)
        if place.inclusive:
            query = query.where(row <= edge if descending else row >= edge)
        else:
            query = query.where(row < edge if descending else row > edge)
    order = [column.desc() if descending else column.asc() for column in key]
    return query.order_by(*order).limit(part.limit)
