"""One company's books: every write, by the API or by people, goes through here."""

from decimal import Decimal
from typing import Any

from connectors.apideck.simulated import answers, checks, documents, payments
from connectors.apideck.simulated.amounts import account_link
from connectors.apideck.simulated.store import (
    DOCUMENTS,
    PAYMENTS,
    ZERO,
    Json,
    Life,
    Record,
    Store,
)

_NOT_KEPT = ("row_version", "pass_through", "company_id", "id")
_ENTRY_OPEN = frozenset({None, "approved", "posted"})
_DOCUMENT_SOURCES = ("invoices", "bills", "credit-notes", "payments", "bill-payments")


class Books(Store):
    """Tables and the rules of the ledger."""

    def create(self, resource: str, body: Json) -> list[Record]:
        """Write a new record; several where the ledger splits a payment.

        Raises:
            Refusal: The ledger does not take it.
        """
        if self.profile.several_companies and body.get("company_id") not in {
            None,
            *self.company_ids,
        }:
            raise answers.declined(f"There is no company {body['company_id']}", code="Company")
        if resource in PAYMENTS:
            return payments.create(self, resource, body)
        if resource in DOCUMENTS:
            return [documents.create(self, resource, body)]
        if resource == "journal-entries":
            return [self._create_entry(body)]
        kept = self._plain(resource, body, None)
        return [self.add(resource, kept, Life.OPEN, body.get("company_id"))]

    def update(self, record: Record, changes: Json) -> None:
        """Change members of a record.

        Raises:
            Refusal: The ledger does not take it.
        """
        if record.resource in PAYMENTS:
            payments.update(self, record, changes)
        elif record.resource in DOCUMENTS:
            documents.update(self, record, changes)
        elif record.resource == "journal-entries":
            self._update_entry(record, changes)
        else:
            documents.must_be_alive(record)
            record.body = self._plain(record.resource, {**record.body, **changes}, record)
            self.touch(record)

    def remove(self, record: Record, life: Life) -> None:
        """Void or delete a record.

        Raises:
            Refusal: The ledger does not let it go.
        """
        if record.resource in PAYMENTS:
            payments.remove(self, record, life)
        elif record.resource in DOCUMENTS:
            documents.remove(self, record, life)
        else:
            documents.must_be_alive(record)
            if record.resource == "journal-entries":
                self.must_be_open_on(record.body.get("posted_at"))
            elif self._in_use(record):
                raise answers.declined(f"{record.id} is in use", code="InUse")
            record.life = life
            self.touch(record)

    def enter(self, resource: str, body: Json) -> str:
        """Somebody enters a record; the body must fit the API's description."""
        if wrong := list(checks.problems(body, resource)):
            raise ValueError("; ".join(wrong))
        return self.create(resource, body)[0].id

    def edit(self, resource: str, record_id: str, changes: Json) -> None:
        """Somebody changes a record."""
        self.update(self.record(resource, record_id), changes)

    def void(self, resource: str, record_id: str) -> None:
        """Somebody voids a record."""
        self.remove(self.record(resource, record_id), Life.VOID)

    def delete(self, resource: str, record_id: str) -> None:
        """Somebody deletes a record."""
        self.remove(self.record(resource, record_id), Life.DELETED)

    def copy(self, resource: str, record_id: str) -> str:
        """Somebody duplicates a record as it is; a copied document is not paid."""
        record = self.record(resource, record_id)
        body = self.copied(record)
        if resource == "credit-notes":
            body["allocations"] = []
        return self.add(resource, body, record.life, record.company_id).id

    def apply(self, resource: str, record_id: str) -> None:
        """A payment's allocations count now."""
        payments.apply(self, self.record(resource, record_id))

    def apply_all(self) -> None:
        """All payments count now."""
        for resource in PAYMENTS:
            for record in self.tables[resource].values():
                payments.apply(self, record)

    def tick(self, *, read: bool) -> None:
        """Time has passed, or somebody has read documents or payments."""
        payments.tick(self, read=read)

    def _plain(self, resource: str, body: Json, known: Record | None) -> Json:
        kept = {name: value for name, value in body.items() if name not in _NOT_KEPT}
        kept.setdefault("status", "active")
        if kept["status"] is None:
            kept["status"] = "active"
        match resource:
            case "customers" | "suppliers":
                self._fill_contact(resource, kept, known)
            case "ledger-accounts":
                self._fill_account(kept, known)
            case "tax-rates":
                if not kept.get("name"):
                    raise answers.declined("A tax rate needs a name", code="NameRequired")
            case "invoice-items":
                self._fill_item(kept)
        return kept

    def _fill_contact(self, resource: str, body: Json, known: Record | None) -> None:
        person = " ".join(filter(None, (body.get("first_name"), body.get("last_name"))))
        name = body.get("display_name") or body.get("company_name") or person
        if not name:
            raise answers.declined("A name is required", code="NameRequired")
        body["display_name"] = name
        if not self.profile.unique_names:
            return
        for other in self.tables[resource].values():
            if (
                other is not known
                and other.life is Life.OPEN
                and other.body["display_name"] == name
            ):
                text = f"Another of the {resource} is called {name}"
                raise answers.declined(text, code="DuplicateName")

    def _fill_account(self, body: Json, known: Record | None) -> None:
        code = body.get("code") or body.get("nominal_code")
        if not body.get("name") or not code:
            raise answers.declined("An account needs a code and a name", code="NameRequired")
        body["code"] = body["nominal_code"] = code
        if any(
            other is not known and other.life is Life.OPEN and other.body["code"] == code
            for other in self.tables["ledger-accounts"].values()
        ):
            raise answers.declined(f"Account {code} exists already", code="DuplicateCode")

    def _fill_item(self, body: Json) -> None:
        if not body.get("name") and not body.get("code"):
            raise answers.declined("An item needs a name or a code", code="NameRequired")
        for side in ("income_account", "expense_account", "asset_account"):
            if account := self.named("ledger-accounts", body.get(side), "Account"):
                body[side] = account_link(account)

    def _in_use(self, record: Record) -> bool:
        kind = {"customers": "customer", "suppliers": "supplier"}.get(record.resource)
        if kind is None:
            return False
        return any(
            (row.body.get(kind) or {}).get("id") == record.id and row.stands
            for resource in _DOCUMENT_SOURCES
            for row in self.tables[resource].values()
        )

    def _create_entry(self, body: Json) -> Record:
        status = body.get("status")
        if status in {"voided", "deleted", "rejected", "other"}:
            raise answers.declined(f"An entry cannot begin as {status}", code="InvalidStatus")
        life = Life.OPEN if status in _ENTRY_OPEN else Life.DRAFT
        kept = self._filled_entry(body)
        if not kept.get("number") or self.profile.assigns_numbers:
            self.numbers["journal-entries"] += 1
            kept["number"] = f"JE-{self.numbers['journal-entries']:05d}"
        return self.add("journal-entries", kept, life, body.get("company_id"))

    def _update_entry(self, record: Record, changes: Json) -> None:
        status = changes.get("status")
        if status in {"voided", "deleted"}:
            self.remove(record, Life.VOID if status == "voided" else Life.DELETED)
            return
        documents.must_be_alive(record)
        self.must_be_open_on(record.body.get("posted_at"))
        record.body = self._filled_entry({**record.body, **changes})
        if status in {"approved", "posted"}:
            record.life = Life.OPEN
        self.touch(record)

    def _filled_entry(self, body: Json) -> Json:
        kept = {name: value for name, value in body.items() if name not in (*_NOT_KEPT, "status")}
        if not kept.get("posted_at"):
            raise answers.declined("posted_at is required", code="DateRequired")
        self.must_be_open_on(kept["posted_at"])
        kept["currency"] = kept.get("currency") or self.profile.base_currency
        lines, balance = [], ZERO
        for place, line in enumerate(kept.get("line_items") or (), start=1):
            account = self.named("ledger-accounts", line["ledger_account"], "Account")
            if account is None or line["type"] is None:
                raise answers.declined("A line needs an account and a side", code="Line")
            amount = _entry_amount(line)
            balance += amount if line["type"] == "debit" else -amount
            lines.append(
                {
                    **line,
                    "id": str(place),
                    "line_number": place,
                    "ledger_account": account_link(account),
                    "total_amount": amount if line["type"] == "debit" else -amount,
                }
            )
        if len(lines) < 2 or balance:  # noqa: PLR2004  # an entry has two sides
            raise answers.declined(f"The entry is out of balance by {balance}", code="Unbalanced")
        return {**kept, "line_items": lines}


def _entry_amount(line: Json) -> Decimal:
    """How much a line moves.

    Debits are positive and credits negative in answers; of a credit both signs are taken.
    """
    amount: Any = line.get("total_amount")
    if amount is None:
        amount = line.get("sub_total")
    if amount is None:
        raise answers.declined("A line needs an amount", code="LineAmount")
    return abs(Decimal(amount)) if line["type"] == "credit" else Decimal(amount)
