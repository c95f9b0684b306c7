"""Invoices and bills as the ledger has them, for comparing both sides: reads only our database.

A document of the host product names its contact, accounts and rates in the product's words; here
they are shown as the ledger knows them, as far as that can be told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from models.canonical import BillingDocument, Invoice, Line, ObjectType, TaxUse
from models.repositories import ContactName, LedgerDocument
from models.tables import ConnectionRow
from models.unit_of_work import UnitOfWork
from sync.engine import Engine
from sync.prepare import books_of
from sync.references import Books
from sync.tax_rates import UnmatchedError


@dataclass(frozen=True)
class ShownLine:
    """A line with what it names in the ledger."""

    line: Line
    account_id: UUID | None
    """Our id of the ledger account."""
    rate_id: str | None
    """The ledger's id of the tax rate."""


@dataclass(frozen=True)
class Shown:
    """A document of the ledger."""

    found: LedgerDocument
    document: BillingDocument
    contact: ContactName | None
    lines: Sequence[ShownLine]


def documents(
    engine: Engine,
    billing_entity_id: UUID,
    kind: ObjectType,
    *,
    platform_id: str | None = None,
    limit: int = 1,
    offset: int = 0,
) -> list[Shown]:
    """A page of the invoices or bills that the entity's ledger has, or the one with an id."""
    with engine.begin() as work:
        connection = work.contract.ledger(billing_entity_id)
        if connection is None:
            return []
        found = work.contract.in_ledger(
            billing_entity_id,
            connection.id,
            kind,
            platform_id=platform_id,
            limit=limit,
            offset=offset,
        )
        return _shown(work, engine, connection, billing_entity_id, found) if found else []


def _shown(
    work: UnitOfWork,
    engine: Engine,
    connection: ConnectionRow,
    billing_entity_id: UUID,
    found: Sequence[LedgerDocument],
) -> list[Shown]:
    books = books_of(work, connection, engine.spec_of(connection))
    pairs = [(one, one.record) for one in found if isinstance(one.record, BillingDocument)]
    contacts = {(one.source_id, document.contact_id) for one, document in pairs}
    names = work.contract.contact_names(billing_entity_id, sorted(contacts, key=str))
    named = {
        (one.platform_id, number): _account(books, connection, one, document, line)
        for one, document in pairs
        for number, line in enumerate(document.lines)
    }
    wanted = sorted({account for account in named.values() if account})
    ids = work.contract.ids_of(billing_entity_id, ObjectType.LEDGER_ACCOUNT, wanted)
    return [
        Shown(
            found=one,
            document=document,
            contact=_contact(connection, one, document, names),
            lines=[
                ShownLine(
                    line,
                    ids.get(named[one.platform_id, number] or ""),
                    _rate(books, connection, one, document, line),
                )
                for number, line in enumerate(document.lines)
            ],
        )
        for one, document in pairs
    ]


def _contact(
    connection: ConnectionRow,
    one: LedgerDocument,
    document: BillingDocument,
    names: Mapping[tuple[UUID | None, str], ContactName],
) -> ContactName | None:
    name = names.get((one.source_id, document.contact_id))
    if one.source_id == connection.id:
        return ContactName(name.name if name else "", document.contact_id)
    return name if name is not None and name.platform_id is not None else None


def _account(
    books: Books,
    connection: ConnectionRow,
    one: LedgerDocument,
    document: BillingDocument,
    line: Line,
) -> str | None:
    if one.source_id == connection.id:
        return line.account_id
    purpose = "sales" if isinstance(document, Invoice) else "purchases"
    try:
        return books.account(line.account_id, purpose)
    except UnmatchedError:
        return None


def _rate(
    books: Books,
    connection: ConnectionRow,
    one: LedgerDocument,
    document: BillingDocument,
    line: Line,
) -> str | None:
    if one.source_id == connection.id:
        return line.tax_rate_id
    use = TaxUse.SALES if isinstance(document, Invoice) else TaxUse.PURCHASES
    try:
        return books.rate(line.tax_rate_id, line.tax_rate, use)
    except UnmatchedError:
        return None
