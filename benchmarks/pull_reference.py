"""What a program does that has nothing else to do: invoices into tables, tuned by hand.

No retries, no leases, no conflicts, no log, no poison: raw HTTP, the fastest JSON decoder that is
installed, COPY into a temporary table, one `INSERT … ON CONFLICT`. It is the limit that the engine
is measured against, once with tables as lean as they can be, and once with ours and their indexes.
"""

import hashlib
import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from pydantic_core import from_json

from models.ids import new_id
from models.repositories import marker_of

PAGE_SIZE = 1000
Invoice = dict[str, Any]

LEAN = """
DROP SCHEMA IF EXISTS lean CASCADE;
CREATE SCHEMA lean;
CREATE TABLE lean.invoices (
    id uuid PRIMARY KEY, number text, contact_id uuid, day date, due date, currency text,
    net numeric(19,4), tax numeric(19,4), total numeric(19,4), due_amount numeric(19,4),
    status text, hash bytea NOT NULL);
CREATE TABLE lean.lines (
    invoice_id uuid, place smallint, description text, quantity numeric, price numeric,
    net numeric, tax numeric, account_id uuid, PRIMARY KEY (invoice_id, place));
CREATE TABLE lean.synced (id uuid PRIMARY KEY, version text, synced_at timestamptz);
"""


def pages(url: str) -> Iterator[list[Invoice]]:
    """All invoices, a thousand at a time."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    number, count = 1, 1
    while number <= count:
        path = f"/api.xro/2.0/Invoices?page={number}&pageSize={PAGE_SIZE}"
        connection.request("GET", path, headers={"Authorization": "Bearer canned"})
        body = from_json(connection.getresponse().read())
        count = body["pagination"]["pageCount"]
        yield body["Invoices"]
        number += 1
    connection.close()


def day_of(text: str) -> str:
    """`/Date(1552262400000+0000)/` as PostgreSQL reads it."""
    return str(_days.get(text) or _days.setdefault(text, _day(text)))


_days: dict[str, str] = {}


def _day(text: str) -> str:
    import datetime as dt  # noqa: PLC0415  # seldom: there are few days

    return dt.datetime.fromtimestamp(int(text[6:19]) / 1000, dt.UTC).date().isoformat()


def digest(one: Invoice) -> bytes:
    """Of all that an invoice says."""
    return hashlib.sha256(repr(one).encode()).digest()


def pull(dsn: str, url: str, store: Callable[[psycopg.Cursor[Any], list[Invoice]], None]) -> int:
    """Read everything, a transaction for each page; how many calls."""
    calls = 0
    with psycopg.connect(dsn) as connection:
        for rows in pages(url):
            calls += 1
            with connection.transaction(), connection.cursor() as cursor:
                store(cursor, rows)
    return calls


def into_lean_tables(cursor: psycopg.Cursor[Any], rows: list[Invoice]) -> None:
    """Three tables with nothing but their keys."""
    hashes = {one["InvoiceID"]: digest(one) for one in rows}
    cursor.execute("SELECT id, hash FROM lean.invoices WHERE id = ANY(%s::uuid[])", [list(hashes)])
    known = {str(found): kept for found, kept in cursor}
    changed = [one for one in rows if known.get(one["InvoiceID"]) != hashes[one["InvoiceID"]]]
    if not changed:
        return
    cursor.execute(
        "CREATE TEMP TABLE IF NOT EXISTS i (LIKE lean.invoices) ON COMMIT DELETE ROWS;"
        "CREATE TEMP TABLE IF NOT EXISTS l (LIKE lean.lines) ON COMMIT DELETE ROWS;"
        "CREATE TEMP TABLE IF NOT EXISTS s (id uuid, version text) ON COMMIT DELETE ROWS"
    )
    with cursor.copy("COPY i FROM STDIN") as copy:
        for one in changed:
            copy.write_row(
                (
                    one["InvoiceID"], one["InvoiceNumber"], one["Contact"]["ContactID"],
                    day_of(one["Date"]), day_of(one["DueDate"]), one["CurrencyCode"],
                    one["SubTotal"], one["TotalTax"], one["Total"], one["AmountDue"],
                    one["Status"], hashes[one["InvoiceID"]],
                )
            )  # fmt: skip
    with cursor.copy("COPY l FROM STDIN") as copy:
        for one in changed:
            for place, line in enumerate(one["LineItems"]):
                copy.write_row(
                    (
                        one["InvoiceID"], place, line["Description"], line["Quantity"],
                        line["UnitAmount"], line["LineAmount"], line["TaxAmount"],
                        line["AccountID"],
                    )
                )  # fmt: skip
    with cursor.copy("COPY s FROM STDIN") as copy:
        for one in changed:
            copy.write_row((one["InvoiceID"], one["UpdatedDateUTC"]))
    cursor.execute(
        "INSERT INTO lean.invoices SELECT * FROM i ON CONFLICT (id) DO UPDATE SET "
        "number = excluded.number, contact_id = excluded.contact_id, day = excluded.day, "
        "due = excluded.due, net = excluded.net, tax = excluded.tax, total = excluded.total, "
        "due_amount = excluded.due_amount, status = excluded.status, hash = excluded.hash;"
        "INSERT INTO lean.lines SELECT * FROM l ON CONFLICT (invoice_id, place) DO UPDATE SET "
        "description = excluded.description, quantity = excluded.quantity, "
        "price = excluded.price, net = excluded.net, tax = excluded.tax;"
        "INSERT INTO lean.synced SELECT id, version, now() FROM s ON CONFLICT (id) DO UPDATE SET "
        "version = excluded.version, synced_at = excluded.synced_at"
    )


_TEMPORARY = """
CREATE TEMP TABLE IF NOT EXISTS o (
    id uuid, external_id text, number text, day date, due date, contact text, currency text,
    net numeric, tax numeric, total numeric, balance numeric, status text, body jsonb, hash text,
    record_id uuid, marker text, version text, ledger jsonb) ON COMMIT DELETE ROWS
"""
_DOCUMENTS = """
INSERT INTO documents (id, billing_entity_id, source_id, type, external_id, number, document_date,
    due_date, contact_ref, currency, net_total, tax_total, total, balance, status, body,
    content_hash, version)
SELECT id, %(entity)s, %(connection)s, 'invoice', external_id, number, day, due, contact, currency,
       net, tax, total, balance, status, body, hash, 1 FROM o
ON CONFLICT (billing_entity_id, source_id, type, external_id) DO UPDATE
   SET number = excluded.number, document_date = excluded.document_date,
       due_date = excluded.due_date, net_total = excluded.net_total,
       tax_total = excluded.tax_total, total = excluded.total, balance = excluded.balance,
       status = excluded.status, body = excluded.body, content_hash = excluded.content_hash,
       version = documents.version + 1, updated_at = now()
"""
_RECORDS = """
INSERT INTO synced_records (id, connection_id, type, object_id, object_date, billing_entity_id, own,
    side, platform_object_id, marker, status, fence, attempts, refusals, checks, generation,
    next_attempt_at, pulled_hash, provider_version, ledger, last_pulled_at)
SELECT o.record_id, %(connection)s, 'invoice', d.id, o.day, %(entity)s, false, '', o.external_id,
       o.marker, 'done', 0, 0, 0, 0, 1, now(), o.hash, o.version, o.ledger, now()
  FROM o JOIN documents d ON d.billing_entity_id = %(entity)s AND d.source_id = %(connection)s
   AND d.type = 'invoice' AND d.external_id = o.external_id
ON CONFLICT (connection_id, type, object_id) DO UPDATE
   SET pulled_hash = excluded.pulled_hash, provider_version = excluded.provider_version,
       ledger = excluded.ledger, last_pulled_at = now(), updated_at = now()
"""


def into_our_tables(
    cursor: psycopg.Cursor[Any], rows: list[Invoice], *, entity: UUID, connection: UUID
) -> None:
    """Our tables: the same rows as the engine writes, with all their indexes."""
    hashes = {one["InvoiceID"]: digest(one).hex() for one in rows}
    cursor.execute(
        "SELECT platform_object_id, pulled_hash FROM synced_records "
        "WHERE connection_id = %s AND type = 'invoice' AND platform_object_id = ANY(%s)",
        [connection, list(hashes)],
    )
    known = dict(cursor.fetchall())
    changed = [one for one in rows if known.get(one["InvoiceID"]) != hashes[one["InvoiceID"]]]
    if not changed:
        return
    cursor.execute(_TEMPORARY)
    with cursor.copy("COPY o FROM STDIN") as copy:
        for one in changed:
            record_id, day, due = new_id(), day_of(one["Date"]), day_of(one["DueDate"])
            body = {
                "id": one["InvoiceID"], "type": "invoice", "number": one["InvoiceNumber"],
                "reference": one["Reference"], "issue_date": day, "due_date": due,
                "currency": one["CurrencyCode"], "contact_id": one["Contact"]["ContactID"],
                "net_total": str(one["SubTotal"]), "tax_total": str(one["TotalTax"]),
                "total": str(one["Total"]),
                "lines": [
                    {
                        "id": line["LineItemID"], "description": line["Description"],
                        "unit_price": str(line["UnitAmount"]),
                        "net_amount": str(line["LineAmount"]), "tax_rate_id": line["TaxType"],
                        "tax_amount": str(line["TaxAmount"]), "account_id": line["AccountID"],
                        "item_id": line["Item"]["ItemID"],
                    }
                    for line in one["LineItems"]
                ],
            }  # fmt: skip
            ledger = {
                "number": one["InvoiceNumber"], "document_date": day,
                "currency": one["CurrencyCode"], "net_total": str(one["SubTotal"]),
                "tax_total": str(one["TotalTax"]), "total": str(one["Total"]), "status": "open",
                "balance": str(one["AmountDue"]), "content": hashes[one["InvoiceID"]][:16],
            }  # fmt: skip
            copy.write_row(
                (
                    new_id(), one["InvoiceID"], one["InvoiceNumber"], day, due,
                    one["Contact"]["ContactID"], one["CurrencyCode"], one["SubTotal"],
                    one["TotalTax"], one["Total"], one["AmountDue"], "open", json.dumps(body),
                    hashes[one["InvoiceID"]], record_id, marker_of(record_id, 1),
                    one["UpdatedDateUTC"], json.dumps(ledger),
                )
            )  # fmt: skip
    whose = {"entity": entity, "connection": connection}
    cursor.execute(_DOCUMENTS, whose)
    cursor.execute(_RECORDS, whose)
