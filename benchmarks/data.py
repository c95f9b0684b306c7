"""A database with a million synced records: what a large customer has after some years."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy

from models.canonical import LedgerAccount, TaxRate
from models.repositories.copied import COPIED, COPIED_NAMES
from models.tables import ConnectionRole
from models.unit_of_work import Begin

SHARES = (1.0, 0.05, 0.05)
"""Records of each connection, as a part of what was asked for; the first one is measured."""
START = datetime(2024, 1, 1, tzinfo=UTC)
EVERY = timedelta(minutes=1)

# Ids rise with the time, as ours do.
_ID = """(lpad(to_hex(1704067200000 + n::bigint * 60000), 12, '0') || '7'
          || substr(md5({seed} || n), 1, 3) || '8' || substr(md5({seed} || n), 4, 15))::uuid"""
_AT = "CAST(:start AS timestamptz) + n * CAST(:every AS interval)"
_NUMBERS = "generate_series(CAST(:first AS int), CAST(:last AS int)) AS n"
# Every tenth document was born in the ledger; 5,000 contacts, one of which has a hundredth of all.
_DOCUMENTS = f"""
    INSERT INTO documents (
        id, billing_entity_id, source_id, type, external_id, number, name, document_date,
        contact_ref, currency, net_total, tax_total, total, status, body, content_hash, version,
        created_at, updated_at)
    SELECT {_ID.format(seed="'d'")}, :entity, CASE WHEN n % 10 = 7 THEN CAST(:connection AS uuid) END,
           made.type, 'X-' || n, 'N-' || n,
           'Document ' || n, CAST(:day AS date) + n % 700, 'X-' || 20 * (n % 5000), 'EUR', 100, 20,
           120, CASE n % 1000 WHEN 1 THEN 'void' WHEN 2 THEN 'draft' ELSE
                CASE WHEN n % 3 = 0 THEN 'paid' ELSE 'open' END END,
           jsonb_build_object('id', 'X-' || n, 'type', made.type, 'note', repeat('words ', 40))
               || made.body,
           md5(n::text), 1, {_AT},
           {_AT} + CASE WHEN n % 5 = 0 THEN make_interval(secs => (n::bigint * 7919) % 5000000)
                        ELSE interval '2 s' END
      FROM {_NUMBERS},
           LATERAL (SELECT CASE WHEN n % 20 = 0 THEN 'contact' WHEN n % 20 < 12 THEN 'invoice'
                                WHEN n % 20 < 15 THEN 'bill' WHEN n % 20 = 15 THEN 'credit_note'
                                ELSE 'payment' END AS type) AS typed,
           LATERAL (SELECT typed.type, CASE
               WHEN typed.type = 'contact'
               THEN jsonb_build_object('name', 'Document ' || n) || CASE WHEN n % 40 = 0
                    THEN '{{"roles": ["supplier"]}}'::jsonb ELSE '{{}}'::jsonb END
               WHEN typed.type = 'payment'
               THEN '{{"date": "2024-01-01", "amount": "120.00", "currency": "EUR", "side": "customer"}}'
               ELSE jsonb_build_object(
                    'issue_date', '2024-01-01', 'currency', 'EUR',
                    'contact_id', 'X-' || 20 * (n % 5000), 'number', 'N-' || n,
                    'net_total', '100.00', 'tax_total', '20.00', 'total', '120.00',
                    'lines', '[{{"description": "Work", "quantity": "1", "unit_price": "100.00", "net_amount": "100.00",
                                "tax_rate": "20", "tax_amount": "20.00"}}]'::jsonb)
               END AS body) AS made
"""  # noqa: S608  # names of our own
# 2,000 causes, half of them closed; one record in forty waits for one.
_ISSUES = f"""
    INSERT INTO issues (id, connection_id, code, subject, sentence, actor, next_step, closed_at)
    SELECT {_ID.format(seed="'i'")}, :connection,
           CASE WHEN n % 100 = 0 THEN 'contact_unknown' ELSE 'account_unmapped' END, n::text,
           'Account ' || n || ' does not exist.', 'bookkeeper', 'Create it.',
           CASE WHEN n % 2 = 0 THEN now() END
      FROM generate_series(CAST(:first AS int), CAST(:first AS int) + 1999) AS n
"""  # noqa: S608  # names of our own
_RECORDS = f"""
    INSERT INTO synced_records (
        id, connection_id, type, object_id, object_date, {COPIED_NAMES}, platform_object_id,
        marker, status, issue_id, blocked_by, reason, fence, attempts, refusals, checks,
        generation, next_attempt_at, pushed_hash, ledger, last_pushed_at, created_at, updated_at)
    SELECT d.id, :connection, d.type, d.id, d.document_date, {COPIED},
           CASE WHEN made.status = 'done' THEN d.external_id END,
           'LB-' || upper(substr(md5(d.external_id), 1, 16)), made.status,
           CASE WHEN made.status IN ('rejected', 'blocked') AND made.n % 2 = 0
                THEN issues[1 + made.n % 1000] END,
           CASE WHEN made.status = 'blocked' AND made.n % 2 = 1 THEN d.id END,
           CASE WHEN made.status <> 'done' THEN 'Because.' END,
           1, 1, 0, 0, 1, d.created_at, CASE WHEN made.status = 'done' THEN d.content_hash END,
           '{{"number": "1", "total": "120.00", "url": "https://ledger.example/1"}}'::jsonb,
           d.created_at, d.created_at, d.updated_at
      FROM documents d,
           LATERAL (SELECT substr(d.external_id, 3)::int AS n) AS number,
           LATERAL (SELECT number.n, CASE number.n % 199 WHEN 3 THEN 'rejected'
                    WHEN 5 THEN 'blocked' WHEN 6 THEN 'blocked' WHEN 7 THEN 'pending'
                    WHEN 8 THEN 'retry_wait' WHEN 9 THEN 'held' ELSE 'done' END AS status) AS made,
           (SELECT array_agg(id ORDER BY id) AS issues FROM issues
             WHERE connection_id = :connection AND closed_at IS NULL) AS i
     WHERE d.billing_entity_id = :entity AND substr(d.external_id, 3)::int BETWEEN :first AND :last
"""  # noqa: S608  # names of our own
_RUNS = f"""
    INSERT INTO sync_runs (
        id, connection_id, trigger, status, correlation_id, "full", steps, counts, provider_calls,
        received_bytes, cursors_before, cursors_after, fence, next_step_at, created_at, finished_at)
    SELECT {_ID.format(seed="'r'")}, :connection, 'schedule',
           CASE n % 1000 WHEN 1 THEN 'failed' ELSE 'done' END,
           n::text, false, '[]', '{{"invoice": {{"seen": 1}}}}', 3, 900, '{{}}', '{{}}', 1, {_AT}, {_AT}, {_AT}
      FROM {_NUMBERS}
"""  # noqa: S608  # names of our own
_EVENTS = f"""
    INSERT INTO events (id, organisation_id, billing_entity_id, object_type, event_type,
                        description, object, created_at)
    SELECT {_ID.format(seed="'e'")}, (SELECT organisation_id FROM billing_entities WHERE id = :entity),
           :entity, CASE WHEN n % 1000 = 0 THEN 'sync_run' ELSE 'synced_record' END,
           CASE WHEN n % 1000 = 0 THEN 'finished' WHEN n % 100 = 1 THEN 'failed' ELSE 'done' END,
           'It is in the ledger.', '{{"status": "done"}}', {_AT}
      FROM {_NUMBERS}
"""  # noqa: S608  # names of our own
_ENDPOINT = """
    INSERT INTO webhook_endpoints (id, organisation_id, connection_id, object_type, event_types,
                                   url, sealed, api_version, status, failures, created_by)
    SELECT gen_random_uuid(), organisation_id, :connection, object_type, '[]', 'https://shop.example/hook', '',
           '2024-05-25', 'enabled', 0, 'bench'
      FROM billing_entities, unnest(ARRAY['synced_record', 'sync_run']) AS object_type
     WHERE id = :entity
"""
_DELIVERIES = """
    INSERT INTO webhook_deliveries (id, endpoint_id, event_id, status, attempts, next_attempt_at,
                                    fence, created_at)
    SELECT e.id, w.id, e.id, CASE WHEN get_byte(uuid_send(e.id), 15) = 7 THEN 'failed'
                             ELSE 'delivered' END, 1, e.created_at, 1, e.created_at
      FROM events e JOIN webhook_endpoints w ON w.object_type = e.object_type
                                            AND w.organisation_id = e.organisation_id
     WHERE e.billing_entity_id = :entity
"""


@dataclass(frozen=True)
class Filled:
    """Whose rows are measured."""

    entity_id: UUID
    connection_id: UUID
    other_entity_id: UUID


def settle_for_less(database: sqlalchemy.Engine) -> None:
    """Fill faster: what a power cut would lose is of no interest here."""
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        for setting in ("fsync = off", "synchronous_commit = off", "max_wal_size = '8GB'"):
            session.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
        session.exec_driver_sql("SELECT pg_reload_conf()")


def fill(begin: Begin, database: sqlalchemy.Engine, records: int) -> Filled:
    """Make connections with records of documents, and all that comes with them."""
    made: list[Filled] = []
    first = 1
    for number, share in enumerate(SHARES):
        with begin() as work:
            organisation = work.tenants.organisation("Acme")
            entity = work.tenants.add_entity(organisation, code=f"E{number}", legal_name="Acme")
            assert entity is not None  # noqa: S101  # the database was empty
            connection = work.connections.add(
                billing_entity_id=entity.id,
                provider="memory",
                role=ConnectionRole.LEDGER,
                sealed=b"",
                base_url=None,
                organisation=("books", "Books"),
                settings={},
                posting_from=date(2024, 1, 1),
                schedule="24h",
                next_sync_at=work.connections.now() + timedelta(days=1),
            )
        last = first + int(records * share) - 1
        values: dict[str, Any] = {"entity": entity.id, "connection": connection.id}
        values |= {"first": first, "last": last, "start": START, "every": EVERY}
        values |= {"day": START.date()}
        # Endpoints belong to the organisation: the first entity's are everybody's.
        endpoint = () if made else (_ENDPOINT,)
        for statement in (_DOCUMENTS, _ISSUES, _RECORDS, _EVENTS, *endpoint, _DELIVERIES):
            _run(database, statement, values)
        with begin() as work:
            work.documents.upsert(
                entity.id,
                connection.id,
                [
                    LedgerAccount(id="707", code="707", name="Sales"),
                    TaxRate(id="20", code="20", name="20 %", rate=Decimal(20)),
                ],
            )
        _run(database, _RUNS, values | {"last": first + int(20_000 * share)})
        made.append(Filled(entity.id, connection.id, entity.id))
        first = last + 1
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        session.exec_driver_sql("VACUUM ANALYZE")
    return Filled(made[0].entity_id, made[0].connection_id, made[1].entity_id)


def _run(database: sqlalchemy.Engine, statement: str, values: dict[str, Any]) -> None:
    with database.begin() as session:
        session.execute(sqlalchemy.text(statement), values)
