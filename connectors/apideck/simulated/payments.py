"""Writing payments: what they are spent on, when that counts, and how they are undone."""

import datetime as dt
from decimal import Decimal

from connectors.apideck.simulated import answers
from connectors.apideck.simulated.allocating import allocated
from connectors.apideck.simulated.amounts import account_link, party_link
from connectors.apideck.simulated.documents import must_be_alive, touch_document
from connectors.apideck.simulated.store import ALLOCATED, ZERO, Json, Life, Record, Store

_NOT_KEPT = ("status", "row_version", "pass_through", "supplier", "customer", "company_id")


def create(store: Store, resource: str, body: Json) -> list[Record]:
    """A new payment; several where the ledger makes one for each type of allocation.

    Raises:
        Refusal: The ledger does not take it.
    """
    status = body.get("status")
    if status in {"voided", "deleted", "rejected"}:
        raise answers.declined(f"A payment cannot begin as {status}", code="InvalidStatus")
    life = Life.DRAFT if status == "draft" else Life.OPEN
    filled = _filled(store, resource, body, None)
    made = [
        store.add(resource, part, life, body.get("company_id")) for part in _parts(store, filled)
    ]
    for record in made:
        if life is Life.OPEN and record.body["allocations"]:
            _schedule(store, record)
    return made


def _parts(store: Store, body: Json) -> list[Json]:
    """One body per type of allocation where the ledger wants it so."""
    kinds = list(dict.fromkeys(one["type"] for one in body["allocations"]))
    if not store.profile.splits_payments or len(kinds) < 2:  # noqa: PLR2004  # one type: one payment
        return [body]
    parts = []
    for kind in kinds:
        mine = [one for one in body["allocations"] if one["type"] == kind]
        total = sum((one["amount"] for one in mine), ZERO)
        parts.append({**body, "allocations": mine, "total_amount": total})
    return parts


def _schedule(store: Store, record: Record) -> None:
    """Let its allocations count now, or later where that is the ledger's way."""
    if not store.profile.applies_after_reads and not store.profile.applies_after:
        _touch_paid(store, record)
        return
    record.reads_left = store.profile.applies_after_reads or None
    if store.profile.applies_after:
        record.counts_from = store.now() + store.profile.applies_after
    if record.reads_left is None:
        record.reads_left = _NEVER


def tick(store: Store, *, read: bool) -> None:
    """Let payments count whose time has come; a read of theirs brings it nearer."""
    for resource in ("payments", "bill-payments"):
        for record in store.tables[resource].values():
            if record.reads_left is None:
                continue
            if read and record.reads_left != _NEVER:
                record.reads_left -= 1
            due = record.counts_from is not None and record.counts_from <= store.now()
            if due or record.reads_left == 0:
                apply(store, record, record.counts_from if due else None)


def apply(store: Store, record: Record, at: dt.datetime | None = None) -> None:
    """Its allocations count from now on."""
    if record.reads_left is None:
        return
    record.reads_left = record.counts_from = None
    if record.stands:
        store.touch(record, at)
        _touch_paid(store, record, at)


def update(store: Store, record: Record, changes: Json) -> None:
    """A payment with some members changed; allocations are replaced as a whole.

    Raises:
        Refusal: The ledger does not take it.
    """
    status = changes.get("status")
    if status in {"voided", "deleted"}:
        remove(store, record, Life.VOID if status == "voided" else Life.DELETED)
        return
    must_be_alive(record)
    store.must_be_open_on(record.body["transaction_date"])
    before = {(one.resource, one.record_id) for one in store.allocations(record)}
    merged = {**record.body, **changes}
    if "total_amount" in changes and merged["total_amount"] is None:
        merged["total_amount"] = record.body["total_amount"]
    record.body = _filled(store, record.resource, merged, record)
    if status in {"authorised", "paid"}:
        record.life = Life.OPEN
    store.link(record)
    store.touch(record)
    after = {(one.resource, one.record_id) for one in store.allocations(record)}
    for resource, gone in before - after:
        touch_document(store, store.tables[resource][gone])
    _touch_paid(store, record)


def remove(store: Store, record: Record, life: Life) -> None:
    """Void or delete a payment: its documents are open again.

    Raises:
        Refusal: It is void or deleted already, or in a closed period.
    """
    must_be_alive(record)
    store.must_be_open_on(record.body["transaction_date"])
    counted = record.stands and not record.pending
    record.life = life
    record.reads_left = record.counts_from = None
    store.touch(record)
    if counted:
        _touch_paid(store, record)


def _touch_paid(store: Store, record: Record, at: dt.datetime | None = None) -> None:
    seen = set()
    for one in record.body["allocations"]:
        place = (ALLOCATED[one["type"]], one["id"])
        if place not in seen:
            seen.add(place)
            touch_document(store, store.tables[place[0]][place[1]], at)


def _filled(store: Store, resource: str, body: Json, known: Record | None) -> Json:
    store.must_be_open_on(body["transaction_date"])
    if body["transaction_date"] is None:
        raise answers.declined("transaction_date is required", code="DateRequired")
    _must_be_paid_as_ledger_likes(store, resource, body)
    kept = {name: value for name, value in body.items() if name not in _NOT_KEPT}
    kind = "customer" if resource == "payments" else "supplier"
    found = store.named(f"{kind}s", body.get(kind), kind.capitalize())
    if found is None and not body.get("allocations"):
        raise answers.declined(f"A {kind} is required", code="PartyRequired")
    if found is not None:
        kept[kind] = party_link(found)
    account = store.named("ledger-accounts", body.get("account"), "Account")
    if account is None and store.profile.needs_account:
        raise answers.declined("An account is required", code="AccountRequired")
    if account is not None:
        if account.body.get("type") not in {"bank", "credit_card", "current_asset"}:
            text = f"Account {account.body.get('code')} is no bank account"
            raise answers.declined(text, code="AccountType")
        kept["account"] = account_link(account)
    _fill_currency(store, kept, account, found)
    total = _total(kept)
    kept["allocations"] = allocated(store, kept, total, resource, known)
    kept["total_amount"] = total
    spent = sum((one["amount"] for one in kept["allocations"]), ZERO)
    if store.profile.refuses_unapplied and spent < total:
        raise answers.declined("A payment must be allocated in full", code="Unapplied")
    if found is None:
        kept[kind] = _party_of(store, kept["allocations"][0])
    kept.setdefault("type", "accounts_payable" if kind == "supplier" else "accounts_receivable")
    kept.setdefault("reconciled", False)
    if not store.profile.keeps_reference:
        kept["reference"] = None
    return kept


def _must_be_paid_as_ledger_likes(store: Store, resource: str, body: Json) -> None:
    methods = store.profile.bill_payment_methods
    if resource == "bill-payments" and methods and body.get("payment_method") not in methods:
        text = f"payment_method must be {' or '.join(methods)}"
        raise answers.declined(text, code="PaymentMethod")
    kind = body.get("type") or ""
    if resource == "payments" and kind.startswith("accounts_payable"):
        raise answers.declined("Bills are paid with bill-payments", code="PaymentType")


def _fill_currency(store: Store, body: Json, account: Record | None, found: Record | None) -> None:
    """The payment's currency: as sent, or of its first document, or the books' own."""
    base = store.profile.base_currency
    if not body.get("currency"):
        first = next(iter(body.get("allocations") or ()), None)
        where = ALLOCATED.get((first or {}).get("type", ""), "invoices")
        document = store.tables[where].get((first or {}).get("id") or "")
        theirs = found.body.get("currency") if found else None
        body["currency"] = document.body["currency"] if document else theirs or base
    bank = (account.body.get("currency") if account else None) or base
    if len({base, bank, body["currency"]}) > 2:  # noqa: PLR2004  # books, bank and document
        text = f"{body['currency']} cannot be paid from {bank} in books kept in {base}"
        raise answers.declined(text, code="ThreeCurrencies")


def _total(body: Json) -> Decimal:
    total = body.get("total_amount")
    if total is None:
        amounts = [one.get("amount") for one in body.get("allocations") or ()]
        total = sum((amount for amount in amounts if amount is not None), ZERO)
    if total <= 0:
        raise answers.declined("A payment must be more than 0", code="PaymentAmount")
    return Decimal(total)


def _party_of(store: Store, one: Json) -> Json:
    body = store.tables[ALLOCATED[one["type"]]][one["id"]].body
    link: Json = body.get("supplier") or body["customer"]
    return dict(link)


_NEVER = -1
"""No number of reads lets it count, only time."""
