"""One organisation's reference data, read once for each connector and only what is asked for."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cached_property

from connectors.errors import Cause, MappingMissing, PermissionDenied
from connectors.sage_active import errors, queries
from connectors.sage_active.client import Client, Readable
from connectors.sage_active.settings import SageActiveSettings
from connectors.sage_active.values import marker_in
from connectors.sage_active.wire import (
    Account,
    AccountingSetup,
    Exercise,
    JournalType,
    PaymentMethod,
    Product,
    SalesSetup,
    Tax,
    TaxTreatment,
    ThirdParty,
)
from models.canonical.money import plain

SALES, PURCHASES, GENERAL = "SALES_INVOICE", "PURCHASE_INVOICE", "GENERAL"
_OPEN = "OPEN"


class Books:
    """What is looked up again and again."""

    def __init__(self, client: Client, settings: SageActiveSettings) -> None:
        self._client = client
        self.settings = settings
        self._accounts: dict[str, Account] = {}
        self._customers: dict[str, ThirdParty] = {}
        self._suppliers: dict[str, ThirdParty] = {}
        self._products: dict[str, Product] = {}
        self._begun: set[str] = set()
        """Lists of third parties of which the first page was read."""

    @property
    def legislation(self) -> str:
        """FR, ES or DE."""
        return self._client.legislation

    @cached_property
    def all_taxes(self) -> Readable[Tax]:
        """All legal rates, those of the past included, and those that cannot be read."""
        return self._client.readable(Tax, queries.TAXES)

    @property
    def taxes(self) -> Sequence[Tax]:
        """All legal rates that can be read."""
        return self.all_taxes.rows

    @cached_property
    def treatments(self) -> list[TaxTreatment]:
        """All tax codes."""
        return list(self._client.readable(TaxTreatment, queries.TAX_TREATMENTS).rows)

    @cached_property
    def journals(self) -> list[JournalType]:
        """All journals, by code."""
        found = self._client.readable(JournalType, queries.JOURNALS).rows
        return sorted(found, key=lambda one: one.code)

    @cached_property
    def exercises(self) -> list[Exercise]:
        """All fiscal years; none where our user may not read them: then Sage has to refuse."""
        try:
            return self._client.all(Exercise, queries.EXERCISES)
        except PermissionDenied:
            return []

    @cached_property
    def payment_methods(self) -> list[PaymentMethod]:
        """All bank and cash accounts for settlements."""
        return list(self._client.readable(PaymentMethod, queries.PAYMENT_METHODS).rows)

    @cached_property
    def accounting_setup(self) -> AccountingSetup:
        """Default accounts."""
        return self._client.accounting_setup()

    @cached_property
    def sales_setup(self) -> SalesSetup:
        """Journals to post in."""
        return self._client.sales_setup()

    # Dates.

    def require_open(self, *days: date) -> None:
        """Make sure that dates lie in an open fiscal year and period.

        Raises:
            Rejected: One does not; its cause names the period or the year.
        """
        for day in days if self.exercises else ():
            self._require_open(day)

    def _require_open(self, day: date) -> None:
        holding = [
            one
            for one in self.exercises
            if one.start_date and one.end_date and one.start_date <= day <= one.end_date
        ]
        if not holding:
            raise errors.no_exercise(day.isoformat(), closed=None)
        if not any(one.status == _OPEN for one in holding):
            year = holding[0]
            named = year.exercise or year.description or year.start_date
            raise errors.no_exercise(day.isoformat(), closed=str(named))
        for year in holding:
            for period in year.periods:
                if (
                    period.is_closed
                    and period.start_date
                    and period.end_date
                    and period.start_date <= day <= period.end_date
                ):
                    raise errors.closed_period(f"{period.start_date} to {period.end_date}")

    # Accounts.

    def require_active(self, account_ids: Iterable[str]) -> None:
        """Make sure that accounts exist and may be used: one query for those not seen yet.

        Raises:
            MappingMissing: One does not, or is archived.
        """
        wanted = {one for one in account_ids if one}
        unknown = sorted(wanted - self._accounts.keys())
        for row in self._client.by_ids(Account, queries.ACCOUNTS, unknown):
            self._accounts[row.id] = row
        for account_id in sorted(wanted):
            account = self._accounts.get(account_id)
            if account is None:
                raise MappingMissing(
                    f"Sage Active has no account {account_id}",
                    code="no_account",
                    cause=Cause("account_unmapped", account_id, {"account": account_id}),
                )
            if account.deactivated:
                raise errors.archived_account(account.code or account_id)

    # Journals.

    def journal(
        self,
        kind: str,
        *,
        code: str | None = None,
        credit_note: bool = False,
        reason: str | None = None,
        default_id: str | None = None,
    ) -> JournalType:
        """The journal of a type to write in.

        Raises:
            MappingMissing: There is none that is in use.
        """
        usable = [one for one in self.journals if not one.deactivated]
        if code is not None:
            named = [one for one in usable if code in {one.code, one.id}]
            if named:
                return named[0]
            raise _no_journal(f"with the code {code}", code)
        fitting = [one for one in usable if one.type == kind]
        credit = [one for one in fitting if one.is_credit_note]
        if credit_note and credit:
            with_reason = [one for one in credit if reason and one.credit_note_reason == reason]
            return (with_reason or credit)[0]
        plain_ones = [one for one in fitting if not one.is_credit_note]
        chosen = [one for one in plain_ones if one.id == default_id] or plain_ones
        if not chosen:
            raise _no_journal(f"of type {kind}", kind)
        return chosen[0]

    # Taxes and products.

    def tax(self, tax_id: str | None) -> Tax | None:
        """A rate by its id."""
        return next((one for one in self.taxes if one.id == tax_id), None)

    def tax_account(self, tax_id: str | None, *, bought: bool) -> str | None:
        """The account that the tax of a rate goes to: its tax code's, else the default one."""
        tax = self.tax(tax_id)
        registers = {"BOTH", "RECEIVED" if bought else "ISSUED"}
        for one in self.treatments:
            if tax is None or one.tax_group_id != tax.group_id or one.inactive:
                continue
            accounts = one.input_accounting_account if bought else one.output_accounting_account
            if one.register_type in registers and accounts and accounts[0].id:
                return accounts[0].id
        setup = self.accounting_setup
        if bought:
            return setup.default_input_vat_account_id
        return setup.default_output_vat_account_id

    def products_by_id(self, ids: Sequence[str]) -> dict[str, Product]:
        """Products that lines name: one query for those not seen yet."""
        unknown = [one for one in ids if one not in self._products]
        for row in self._client.by_ids(Product, queries.PRODUCTS, unknown):
            self._products[row.id] = row
        return {one: self._products[one] for one in ids if one in self._products}

    @cached_property
    def sold_products(self) -> list[Product]:
        """All products that lines may be written with, by code."""
        found = self._client.readable(Product, queries.PRODUCTS).rows
        # The one product of category CONCEPT is for advance payments.
        usable = [one for one in found if not one.obsolete and one.category != "CONCEPT"]
        return sorted(usable, key=lambda one: one.code)

    def product_for(
        self, *, item_id: str | None, tax_id: str | None, account_id: str | None
    ) -> Product:
        """The product with which a line is taxed and booked as it says.

        In this order: the line's own, the one that the settings name for the rate, the one whose
        tax group has the rate and which is sold on the line's account.

        Raises:
            MappingMissing: There is none.
        """
        tax = self.tax(tax_id)
        rate = plain(tax.percentage) if tax else "0"
        if item_id is not None:
            own = self.products_by_id([item_id]).get(item_id)
            if own is not None and (tax is None or own.tax_group_id == tax.group_id):
                return own
        code = self.settings.products.get(rate)
        if code is not None:
            named = [one for one in self.sold_products if one.code == code]
            if len(named) == 1 and (tax is None or named[0].tax_group_id == tax.group_id):
                return named[0]
            raise errors.no_product(rate, self._code_of(account_id))
        default = None
        fitting = [
            one for one in self.sold_products if tax is None or one.tax_group_id == tax.group_id
        ]
        if any(one.sales_accounting_account_id is None for one in fitting):
            default = self.accounting_setup.default_sale_products_account_id
        for one in fitting:
            if account_id in {one.sales_accounting_account_id or default, None}:
                return one
        raise errors.no_product(rate, self._code_of(account_id))

    def _code_of(self, account_id: str | None) -> str:
        if account_id and account_id not in self._accounts:
            for row in self._client.by_ids(Account, queries.ACCOUNTS, [account_id]):
                self._accounts[row.id] = row
        known = self._accounts.get(account_id or "")
        return known.code if known else account_id or "?"

    # Third parties.

    def customer(self, customer_id: str) -> ThirdParty | None:
        """A customer by id."""
        return self._party(customer_id, self._customers, queries.CUSTOMERS)

    def supplier(self, supplier_id: str) -> ThirdParty | None:
        """A supplier by id."""
        return self._party(supplier_id, self._suppliers, queries.SUPPLIERS)

    def _party(
        self, party_id: str, known: dict[str, ThirdParty], listing: queries.Listing
    ) -> ThirdParty | None:
        if party_id not in known and listing.operation not in self._begun:
            # One page holds all of most organisations': cheaper than one query for each.
            self._begun.add(listing.operation)
            for row in self._client.first(ThirdParty, listing):
                known[row.id] = row
        if party_id not in known:
            for row in self._client.by_ids(ThirdParty, listing, [party_id]):
                known[row.id] = row
        return known.get(party_id)

    def supplier_for(self, contact_id: str) -> ThirdParty:
        """The supplier that a contact is, also where its id is that of the customer.

        A contact that is both is two records in Sage Active; they share our mark or their tax
        numbers.

        Raises:
            MappingMissing: It is no supplier there.
        """
        return self._other_for(contact_id, "supplier")

    def customer_for(self, contact_id: str) -> ThirdParty:
        """The customer that a contact is, also where its id is that of the supplier.

        Raises:
            MappingMissing: It is no customer there.
        """
        return self._other_for(contact_id, "customer")

    def _other_for(self, contact_id: str, role: str) -> ThirdParty:
        wanted, other = (
            (self.customer, self.supplier) if role == "customer" else (self.supplier, self.customer)
        )
        itself = wanted(contact_id)
        if itself is not None:
            return itself
        twin = other(contact_id)
        if twin is not None:
            listing = queries.CUSTOMERS if role == "customer" else queries.SUPPLIERS
            known = self._customers if role == "customer" else self._suppliers
            clauses = _same_party(twin)
            found = (
                self._client.all(ThirdParty, listing, [queries.either(*clauses)]) if clauses else []
            )
            if len(found) == 1:
                known[contact_id] = found[0]
                return found[0]
        name = (twin.social_name if twin else None) or contact_id
        raise MappingMissing(
            f"{name} is no {role} in Sage Active: make it one there, or hand it in with that role",
            code="no_party",
            cause=Cause("contact_without_role", f"{role} {name}", {"contact": name, "role": role}),
        )


def _same_party(twin: ThirdParty) -> list[queries.Clause]:
    """How the same company is found among the other third parties."""
    clauses = []
    if (marker := marker_in(twin.comments)) is not None:
        clauses.append(queries.says_one_of("comments", [marker]))
    if twin.vat_number:
        clauses.append(queries.is_one_of("vatNumber", [twin.vat_number], "String"))
    if twin.document_id:
        clauses.append(queries.is_one_of("documentId", [twin.document_id], "String"))
    return clauses


def _no_journal(which: str, subject: str) -> MappingMissing:
    message = f"Sage Active has no journal {which} that is in use"
    return MappingMissing(
        message, code="no_journal", cause=Cause("journal_missing", subject, {"which": which})
    )
