"""Two other programs that push invoices: one tuned by hand, and one as people write it first.

Neither keeps anything that makes a push safe: no claim, no attempt that is written down before the
call, no look-up after an unclear answer.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import psycopg
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from benchmarks.canned_xero import CONTACT, TENANT, TOKEN
from models.tables import DocumentRow, SyncedRecordRow

BATCH_SIZE, IN_FLIGHT = 50, 5
_HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "xero-tenant-id": TENANT,
    "Content-Type": "application/json",
}
_DUE = (
    "SELECT r.id, d.body FROM synced_records r JOIN documents d ON d.id = r.object_id "
    "WHERE r.type = 'invoice' AND r.status = 'pending'"
)
_DONE = (
    "UPDATE synced_records r SET status = 'done', platform_object_id = v.name, updated_at = now() "
    "FROM unnest(%s::uuid[], %s::text[]) AS v(id, name) WHERE r.id = v.id"
)


def wire_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """A document of ours as Xero takes it."""
    return {
        "Type": "ACCREC",
        "Contact": {"ContactID": CONTACT},
        "Date": body["issue_date"],
        "DueDate": body["issue_date"],
        "InvoiceNumber": body["number"],
        "CurrencyCode": body["currency"],
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "LineItems": [
            {
                "Description": line["description"],
                "Quantity": 1,
                "UnitAmount": float(line["unit_price"]),
                "LineAmount": float(line["net_amount"]),
                "TaxType": "OUTPUT2",
                "AccountCode": "200",
            }
            for line in body["lines"]
        ],
    }


def tuned(dsn: str, url: str) -> int:
    """Batches of 50, five at a time, one client, one statement for each batch; how many calls."""
    address = f"{url}/api.xro/2.0/Invoices?summarizeErrors=false"
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        httpx.Client(timeout=60) as client,
        ThreadPoolExecutor(IN_FLIGHT) as pool,
    ):
        due = connection.execute(_DUE).fetchall()
        batches = [due[start : start + BATCH_SIZE] for start in range(0, len(due), BATCH_SIZE)]

        def send(batch: Sequence[tuple[UUID, dict[str, Any]]]) -> list[str]:
            body = json.dumps({"Invoices": [wire_of(one) for _, one in batch]})
            answer = client.put(address, content=body, headers=_HEADERS)
            return [one["InvoiceID"] for one in answer.raise_for_status().json()["Invoices"]]

        for batch, names in zip(batches, pool.map(send, batches), strict=True):
            connection.execute(_DONE, [[one for one, _ in batch], names])
    return len(batches)


def naive(dsn: str, url: str, most: int) -> int:
    """One task for each record, as many programs have it, in a loop instead of in a queue.

    A task gets an id, opens a session, reads its row, sends it, and writes the answer down.
    Messages and what Celery does around a task are not counted.
    """
    database = create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    with Session(database) as session:
        due = select(SyncedRecordRow.id).where(
            SyncedRecordRow.type == "invoice", SyncedRecordRow.status == "pending"
        )
        ids = list(session.scalars(due.limit(most)))
    for record_id in ids:
        _task(database, url, record_id)
    database.dispose()
    return len(ids)


def _task(database: Any, url: str, record_id: UUID) -> None:
    with Session(database) as session:
        record = session.get_one(SyncedRecordRow, record_id)
        document = session.get_one(DocumentRow, record.object_id)
        answer = httpx.put(
            f"{url}/api.xro/2.0/Invoices",
            json={"Invoices": [wire_of(document.body)]},
            headers=_HEADERS,
            timeout=60,
        )
        record.platform_object_id = answer.raise_for_status().json()["Invoices"][0]["InvoiceID"]
        record.status = type(record.status)("done")
        session.commit()
