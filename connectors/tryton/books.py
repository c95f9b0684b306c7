"""What must be known about the books to write into them, read once per connector and kept.

A connector lives for one push, so what a bookkeeper changes in the meantime is seen by the next
one; periods are read again whenever Tryton refuses something.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property

from connectors.errors import Cause, PermissionDenied, Rejected
from connectors.tryton.client import Client
from connectors.tryton.settings import TrytonSettings
from connectors.tryton.wire import (
    Account,
    Company,
    Currency,
    FiscalPeriod,
    Journal,
    Party,
    Sequences,
    Tax,
    Values,
)

# `product.price_digits`, unless the server's configuration says otherwise.
_PRICE_DIGITS = 4


@dataclass
class Books:
    """One company's reference data."""

    client: Client
    settings: TrytonSettings

    def __post_init__(self) -> None:
        self._periods: list[FiscalPeriod] | None = None
        self._accounts: dict[int, Account] = {}

    @cached_property
    def company(self) -> Company:
        """The company and its currency."""
        return self.read_company()

    def read_company(self) -> Company:
        """The company as it is now.

        Raises:
            PermissionDenied: Our user may not see it.
        """
        domain = [["id", "=", self.client.company]]
        companies = self.client.all(Company, "company.company", domain)
        if not companies:
            raise PermissionDenied("our user may not read its own company", code="no_company")
        return companies[0]

    @property
    def _ours(self) -> list[object]:
        return ["company", "=", self.client.company]

    @cached_property
    def currencies(self) -> dict[str, Currency]:
        """By code, those that are in use."""
        domain = [["active", "=", True]]
        found = self.client.all(Currency, "currency.currency", domain)
        return {currency.code: currency for currency in found}

    def currency(self, code: str) -> Currency:
        """A currency that a document is in.

        Raises:
            Rejected: Tryton does not know it, or it is archived there.
        """
        try:
            return self.currencies[code]
        except KeyError:
            raise Rejected(
                f"Tryton has no currency {code}: create it there, with its rates",
                code="unknown_currency",
            ) from None

    def rounded(self, amount: Decimal, currency: str) -> Decimal:
        """Round as Tryton does (module currency: half to even)."""
        step = self.currency(currency).rounding
        return (amount / step).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * step

    @cached_property
    def price_digits(self) -> int:
        """How many decimals a unit price keeps: a setting of the server."""
        field = self.client.read("model.account.invoice.line.fields_get", ["unit_price"])
        match field:
            case {"unit_price": {"digits": [_, int() as digits]}}:
                return digits
        return _PRICE_DIGITS

    @cached_property
    def taxes(self) -> dict[int, Tax]:
        """All taxes of the company, components and archived ones too."""
        return {tax.id: tax for tax in self.client.all(Tax, "account.tax", [self._ours])}

    @cached_property
    def journals(self) -> list[Journal]:
        """In the order in which Tryton itself takes the first that fits."""
        order = (("matching_sequence", "ASC"), ("id", "ASC"))
        return self.client.all(Journal, "account.journal", [["active", "=", True]], order=order)

    def journal(self, kind: str) -> int:
        """The first journal of a type.

        Raises:
            Rejected: There is none.
        """
        for journal in self.journals:
            if journal.type == kind:
                return journal.id
        raise Rejected(f"Tryton has no journal of type {kind}", code="no_journal")

    def journal_named(self, name: str) -> int:
        """The journal with a code, or with an id.

        Raises:
            Rejected: There is none.
        """
        for journal in self.journals:
            if name in {journal.code, str(journal.id)}:
                return journal.id
        raise Rejected(f"Tryton has no journal {name!r}", code="no_journal")

    @property
    def payment_journal(self) -> int:
        """Where payments are booked."""
        named = self.settings.payment_journal
        if named is None:
            return self.journal("cash")
        journal = self.journal_named(named)
        if not any(one.id == journal and one.type == "cash" for one in self.journals):
            # What is booked elsewhere would come back as a journal entry.
            raise Rejected(f"Tryton's journal {named!r} is not of type cash", code="no_journal")
        return journal

    @property
    def entry_journal(self) -> int:
        """Where journal entries are booked that name no journal."""
        if self.settings.entry_journal:
            return self.journal_named(self.settings.entry_journal)
        # Miscellaneous comes after Stock in a new Tryton, both of type general.
        general = [journal.id for journal in self.journals if journal.type == "general"]
        return general[-1] if general else self.journal("general")

    @cached_property
    def defaults(self) -> Values:
        """The company's accounts for parties that have none of their own."""
        fields = ["default_account_receivable", "default_account_payable"]
        found = self.client.read("model.account.configuration.read", [1], fields)
        match found:
            case [dict() as values]:
                return values
        return {}

    def third_party_account(self, party: Party, *, receivable: bool) -> int:
        """What a party owes, or is owed, is booked on this account.

        Raises:
            Rejected: Neither the party nor the company has one.
        """
        own = party.account_receivable if receivable else party.account_payable
        name = "default_account_receivable" if receivable else "default_account_payable"
        account: int | None = own or self.defaults.get(name)
        if account is None:
            kind = "receivable" if receivable else "payable"
            raise Rejected(
                f"neither {party.name} nor the company has an account {kind} in Tryton",
                code="no_account",
            )
        return account

    def accounts(self, ids: Iterable[int]) -> dict[int, Account]:
        """Accounts by id; those that are not known yet are read in one call."""
        wanted = sorted(set(ids) - self._accounts.keys())
        if wanted:
            found = self.client.all(Account, "account.account", [["id", "in", wanted]])
            self._accounts |= {account.id: account for account in found}
        return self._accounts

    @property
    def periods(self) -> list[FiscalPeriod]:
        """All standard periods of the company."""
        if self._periods is None:
            domain = [self._ours, ["type", "=", "standard"]]
            self._periods = self.client.all(FiscalPeriod, "account.period", domain)
        return self._periods

    def forget_periods(self) -> None:
        """Read them again when they are next asked for: somebody may have closed one."""
        self._periods = None

    def period(self, day: dt.date) -> FiscalPeriod:
        """The period that a day is booked in.

        Raises:
            Rejected: There is none, or it is closed. Tryton would say so in the user's language.
        """
        for period in self.periods:
            if period.start_date <= day <= period.end_date:
                if period.is_open:
                    return period
                return _closed(period.name, day, f"the period {period.name} is closed in Tryton")
        return _closed(f"{day:%Y-%m}", day, f"Tryton has no fiscal period for {day}")

    @cached_property
    def sequences(self) -> list[Sequences]:
        """What numbers customer invoices."""
        return self.client.all(
            Sequences,
            "account.fiscalyear.invoice_sequence",
            [self._ours],
            order=(("sequence", "ASC"),),
        )

    def sequence(self, period: FiscalPeriod, *, credit: bool) -> int | None:
        """The sequence that will number a customer's invoice (or credit note) of a period."""
        for found in self.sequences:
            if found.fiscalyear == period.fiscalyear and found.period in {None, period.id}:
                return found.out_credit_note_sequence if credit else found.out_invoice_sequence
        return None


def _closed(name: str, day: dt.date, message: str) -> FiscalPeriod:
    raise Rejected(
        message,
        code="period_closed",
        cause=Cause("period_closed", f"{day:%Y-%m}", {"period": name, "date": day.isoformat()}),
    )
