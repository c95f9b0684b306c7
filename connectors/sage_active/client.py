"""Sage Active's operations: one method for each mutation, and pages of its lists.

A page is asked for with as many rows as Sage allows; when it finds that too complex (`HC0047`),
half as many are asked for, and the size is remembered for that list.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from connectors.base import ConnectorConfig
from connectors.errors import (
    ActionRequired,
    AuthorizationLost,
    Cause,
    ConnectorError,
    OutcomeUnknown,
    ProtocolError,
    Rejected,
    Unavailable,
)
from connectors.graphql import Answer, Document, GraphQL, classify
from connectors.http import Http, timeout_of
from connectors.sage_active import queries
from connectors.sage_active.errors import (
    BUSINESS,
    TooComplex,
    error_of,
    status_of,
    unknown_legislation,
)
from connectors.sage_active.queries import Clause, Listing, Place
from connectors.sage_active.settings import SageActiveCredentials, SageActiveSettings
from connectors.sage_active.wire import (
    AccountingSetup,
    Organization,
    Row,
    SalesSetup,
    Wire,
)

PAGE_SIZE = 500
LEGISLATIONS = frozenset({"FR", "ES", "DE"})
_NOBODY = "00000000-0000-0000-0000-000000000000"

Values = Mapping[str, Any]
_Row = TypeVar("_Row", bound=Row)
_Wire = TypeVar("_Wire", bound=Wire)


@dataclass(frozen=True)
class Rows:
    """One page of a list, as JSON has it."""

    values: Sequence[Values]
    more: bool
    last: Place | None
    """Where the next page begins; None when the last row does not say."""
    moment: datetime | None


@dataclass(frozen=True)
class Readable(Generic[_Row]):
    """A list, and what of it cannot be read."""

    rows: Sequence[_Row]
    bad: Mapping[str, ValidationError]


@dataclass(frozen=True)
class Made:
    """What a mutation answered."""

    values: Values
    request_id: str | None = None

    def id(self, name: str = "id") -> str:
        """The id that Sage gave.

        Raises:
            OutcomeUnknown: It gave none, although it did not refuse.
        """
        found = self.values.get(name)
        if isinstance(found, str) and found:
            return found
        raise OutcomeUnknown("Sage Active did not name what it wrote", code="no_id")

    def text(self, name: str) -> str | None:
        """Another field, as text."""
        found = self.values.get(name)
        return None if found is None or found == "" else str(found)


class Client:
    """One connection's calls to Sage Active."""

    def __init__(self, config: ConnectorConfig) -> None:
        credentials, settings = config.credentials, config.settings
        if not isinstance(credentials, SageActiveCredentials) or not isinstance(
            settings, SageActiveSettings
        ):
            raise TypeError("credentials and settings are not Sage Active's")
        token = config.access_token or credentials.access_token
        self._key = credentials.subscription_key or config.app_key
        key = self._key.get_secret_value() if self._key else ""
        refresh = credentials.refresh_token
        secrets = [
            key,
            credentials.access_token.get_secret_value(),
            refresh.get_secret_value() if refresh else "",
        ]
        http = Http(
            config.http,
            config.base_url.rstrip("/").removesuffix("/graphql"),
            config.scope,
            secrets=secrets,
            classify=classify(error_of, status_of),
            timeout=timeout_of(config.timeout_seconds),
            bearer=token,
            renew=config.renew,
        )
        self._graphql = GraphQL(http)
        self._headers = {"x-api-key": key}
        if credentials.tenant_id:
            self._headers["X-TenantId"] = credentials.tenant_id
        self._language = settings.language
        self._wanted = settings.organization_id or config.organisation_id
        self._organization: Organization | None = None
        self._sizes: dict[str, int] = {}
        self._explained: dict[str, str] = {}

    # Whose books.

    @property
    def organization(self) -> Organization:
        """The organisation that every other call is about; asked for once."""
        if self._organization is None:
            self._organization = self.read_organization()
        return self._organization

    @property
    def legislation(self) -> str:
        """FR, ES or DE."""
        return self.organization.legislation_code or ""

    def read_organization(self) -> Organization:
        """`organizations`: find the one that is wanted among those that the consent reaches.

        Raises:
            AuthorizationLost: It does not reach the one that is wanted.
            ActionRequired: It reaches several, and none is named.
        """
        reached = self._organizations()
        usable = [one for one in reached if one.onboarding_completed and one.id != _NOBODY]
        names = ", ".join(f"{one.social_name} ({one.id})" for one in usable) or "none"
        if self._wanted:
            named = [one for one in usable if one.id == self._wanted.lower()]
            if not named:
                words = {"theirs": names, "ours": self._wanted}
                raise AuthorizationLost(
                    f"the consent does not reach the organisation {self._wanted}, but: {names}",
                    code="organisation",
                    cause=Cause("wrong_organisation", "organisation", words),
                )
        elif len(usable) == 1:
            named = usable
        else:
            message = (
                "the consent reaches several organisations: name one in the setting "
                f"organization_id: {names}"
                if usable
                else "the consent reaches no organisation whose onboarding is completed"
            )
            raise ActionRequired(message, code="which_organisation")
        (found,) = named
        if found.legislation_code not in LEGISLATIONS:
            raise unknown_legislation(found.legislation_code or "none")
        self._organization = found
        return found

    def _organizations(self) -> list[Organization]:
        listing = queries.ORGANIZATIONS
        document = queries.document(listing, [], in_order=False)
        self._require_key()
        answer = self._graphql.run(document, {"first": PAGE_SIZE}, self._headers)
        return [_read(Organization, one) for one in _nodes(answer, listing)[0]]

    def _require_key(self) -> None:
        if self._key is None:
            message = (
                "there is no subscription key: an operator adds it as `api_key` of sage_active to "
                "LEDGERBRIDGE_OAUTH_APPS, or it is given as subscription_key in the credentials"
            )
            cause = Cause("subscription_key_refused", "subscription key", {"message": message})
            raise AuthorizationLost(message, code="subscription_key", cause=cause)

    def _here(self) -> Mapping[str, str]:
        """The headers of all calls about one organisation."""
        self._require_key()
        if self._organization is not None:
            chosen = self._organization.id
        else:
            chosen = self._wanted or self.organization.id
        return {**self._headers, "X-OrganizationId": chosen}

    # Reading.

    def page(
        self, listing: Listing, clauses: Sequence[Clause] = (), *, behind: Place | None = None
    ) -> Rows:
        """One page of a list, oldest first."""
        parts = [*clauses, *([queries.behind(behind)] if behind else [])]
        document = queries.document(listing, parts)
        given: dict[str, Any] = {}
        for part in parts:
            given |= part.values
        while True:
            size = self._sizes.get(listing.operation, PAGE_SIZE)
            try:
                answer = self._graphql.run(document, {"first": size, **given}, self._here())
            except TooComplex:
                if size == 1:
                    raise
                self._sizes[listing.operation] = size // 2
                continue
            values, more = _nodes(answer, listing)
            last = _place(values[-1]) if values else behind
            return Rows(values, more, last, answer.moment)

    def pages(self, listing: Listing, clauses: Sequence[Clause] = ()) -> Iterator[Rows]:
        """All pages of a list."""
        behind: Place | None = None
        while True:
            rows = self.page(listing, clauses, behind=behind)
            yield rows
            if not rows.more:
                return
            behind = advanced(rows, behind)

    def all(
        self, row_class: type[_Row], listing: Listing, clauses: Sequence[Clause] = ()
    ) -> list[_Row]:
        """A whole list, each row once; one that cannot be read fails it."""
        found: dict[str, _Row] = {}
        for rows in self.pages(listing, clauses):
            for values in rows.values:
                row = _read(row_class, values)
                found[row.id] = row
        return list(found.values())

    def readable(
        self, row_class: type[_Row], listing: Listing, clauses: Sequence[Clause] = ()
    ) -> Readable[_Row]:
        """A whole list of reference data; rows that cannot be read are set aside."""
        found: dict[str, _Row] = {}
        bad: dict[str, ValidationError] = {}
        for rows in self.pages(listing, clauses):
            for values in rows.values:
                try:
                    row = row_class.model_validate(values)
                except ValidationError as error:
                    bad[str(values.get("id") or "?")] = error
                else:
                    found[row.id] = row
        return Readable(list(found.values()), bad)

    def first(self, row_class: type[_Row], listing: Listing) -> list[_Row]:
        """The first page of a list; rows that cannot be read are left out."""
        found = []
        for values in self.page(listing).values:
            with contextlib.suppress(ValidationError):
                found.append(row_class.model_validate(values))
        return found

    def by_ids(self, row_class: type[_Row], listing: Listing, ids: Sequence[str]) -> list[_Row]:
        """The rows with these ids, as many in one query as a page holds; none costs no call."""
        found: list[_Row] = []
        wanted = sorted({one for one in ids if one})
        for start in range(0, len(wanted), PAGE_SIZE):
            some = wanted[start : start + PAGE_SIZE]
            found += self.all(row_class, listing, [queries.is_one_of("id", some)])
        return found

    def accounting_setup(self) -> AccountingSetup:
        """`organizationAccountingSetupByOrgId`: default accounts."""
        return self._setup(
            "organizationAccountingSetupByOrgId",
            AccountingSetup,
            "defaultCustomersAccountId defaultSuppliersAccountId defaultInputVATAccountId "
            "defaultOutputVATAccountId defaultSaleProductsAccountId",
        )

    def sales_setup(self) -> SalesSetup:
        """`organizationSalesSetupByOrgId`: the journals to post in."""
        return self._setup(
            "organizationSalesSetupByOrgId",
            SalesSetup,
            "defaultSalesPostingInvoiceJournalTypeId defaultPurchasePostingInvoiceJournalTypeId",
        )

    def _setup(self, field: str, model: type[_Wire], selection: str) -> _Wire:
        document = Document(
            "Setup", f"query Setup($id: ID!) {{ {field}(id: $id) {{ {selection} }} }}"
        )
        answer = self._graphql.run(document, {"id": self.organization.id}, self._here())
        return _read(model, answer.data.get(field) or {})

    def _explanation(self, code: str) -> str | None:
        """`localizedErrorMessage`: a refusal in words that people read; kept for each code."""
        if code not in self._explained:
            document = Document(
                "Explain",
                "query Explain($code: String!, $language: String!) { "
                "localizedErrorMessage(errorCode: $code, language: $language) { message } }",
            )
            variables = {"code": code, "language": self._language}
            try:
                answer = self._graphql.run(document, variables, self._headers)
            except ConnectorError:
                return None  # its own code has to do
            said = answer.data.get("localizedErrorMessage")
            message = said.get("message") if isinstance(said, dict) else None
            self._explained[code] = message if isinstance(message, str) else ""
        return self._explained[code] or None

    # Writing: each of these is sent exactly once.

    def create_customer(self, values: Values) -> Made:
        """`createCustomer`."""
        return self._write("createCustomer", "CustomerCreateGLDtoInput", values, "id code")

    def update_customer(self, values: Values) -> Made:
        """`updateCustomer`: what is not named stays."""
        return self._write("updateCustomer", "CustomerUpdateGLDtoInput", values)

    def create_supplier(self, values: Values) -> Made:
        """`createSupplier`."""
        return self._write("createSupplier", "SupplierCreateGLDtoInput", values, "id code")

    def update_supplier(self, values: Values) -> Made:
        """`updateSupplier`: what is not named stays."""
        return self._write("updateSupplier", "SupplierUpdateGLDtoInput", values)

    def create_product(self, values: Values) -> Made:
        """`createProduct`."""
        return self._write("createProduct", "ProductCreateGLDtoInput", values)

    def update_product(self, values: Values) -> Made:
        """`updateProduct`: what is not named stays."""
        return self._write("updateProduct", "ProductUpdateGLDtoInput", values)

    def create_sales_invoice(self, values: Values) -> Made:
        """`createSalesInvoice`; more than the id must not be asked for."""
        return self._write("createSalesInvoice", "SalesInvoiceCreateGLDtoInput", values)

    def update_sales_invoice(self, values: Values) -> Made:
        """`updateSalesInvoice`: drafts only."""
        return self._write("updateSalesInvoice", "SalesInvoiceUpdateGLDtoInput", values)

    def delete_sales_invoice(self, invoice_id: str) -> Made:
        """`deleteSalesInvoice`: drafts only."""
        values = {"id": invoice_id}
        return self._write("deleteSalesInvoice", "SalesInvoiceDeleteGLDtoInput", values)

    def close_sales_invoice(self, invoice_id: str) -> Made:
        """`closeSalesInvoice`: it gets its number, and nobody can change it any more."""
        values = {"salesInvoiceId": invoice_id}
        kind, wanted = "CloseSalesInvoiceGLDtoInput", "id operationalNumber"
        return self._write("closeSalesInvoice", kind, values, wanted)

    def post_sales_invoice(self, values: Values) -> Made:
        """`postSalesInvoice`: into the ledger."""
        kind, wanted = "PostSalesInvoiceGLDtoInput", "accountingEntryId accountingEntryNumber"
        return self._write("postSalesInvoice", kind, values, wanted)

    def generate_credit_note(self, values: Values) -> Made:
        """`generateCreditNote`: a draft that takes an invoice back."""
        return self._write("generateCreditNote", "GenerateCreditNoteGLDtoInput", values)

    def create_bill(self, values: Values) -> Made:
        """`createPurchaseInvoice`."""
        return self._write("createPurchaseInvoice", "PurchaseInvoiceCreateGLDtoInput", values)

    def delete_bill(self, bill_id: str) -> Made:
        """`deletePurchaseInvoice`: drafts only."""
        values = {"id": bill_id}
        return self._write("deletePurchaseInvoice", "PurchaseInvoiceDeleteGLDtoInput", values)

    def post_bill(self, values: Values) -> Made:
        """`postPurchaseInvoice`: into the ledger."""
        kind, wanted = "PostPurchaseInvoiceGLDtoInput", "accountingEntryId accountingEntryNumber"
        return self._write("postPurchaseInvoice", kind, values, wanted)

    def settle_sales(self, values: Values) -> Made:
        """`salesOpenItemSettlement`: money in."""
        kind = "SalesOpenItemSettlementGLDtoInput"
        wanted = "accountingEntryId accountingEntryNumber"
        return self._write("salesOpenItemSettlement", kind, values, wanted)

    def settle_bills(self, values: Values) -> Made:
        """`purchaseOpenItemSettlement`: money out."""
        kind = "PurchaseOpenItemSettlementGLDtoInput"
        wanted = "accountingEntryId accountingEntryNumber"
        return self._write("purchaseOpenItemSettlement", kind, values, wanted)

    def create_entry(self, values: Values) -> Made:
        """`createAccountingEntryUsingIds`."""
        kind = "AccountingEntryCreateUsingIdsGLDtoInput"
        return self._write("createAccountingEntryUsingIds", kind, values, "id number")

    def delete_entry(self, entry_id: str) -> Made:
        """`deleteAccountingEntry`."""
        values = {"id": entry_id}
        return self._write("deleteAccountingEntry", "AccountingEntryDeleteGLDtoInput", values)

    def _write(self, field: str, kind: str, values: Values, selection: str = "id") -> Made:
        name = f"{field[0].upper()}{field[1:]}"
        text = f"mutation {name}($input: {kind}!) {{ {field}(input: $input) {{ {selection} }} }}"
        headers = self._here()
        try:
            answer = self._graphql.run(Document(name, text), {"input": dict(values)}, headers)
        except Rejected as error:
            self._explain(error)
            raise
        made = answer.data.get(field)
        if not isinstance(made, dict):
            raise OutcomeUnknown("Sage Active did not say what it wrote", code="no_answer")
        return Made(made, answer.request_id)

    def _explain(self, error: Rejected) -> None:
        """Put Sage's own sentence to a code."""
        if error.cause is None and BUSINESS.fullmatch(error.code):
            said = self._explanation(error.code)
            if said:
                error.message = f"{said} ({error.code})"
                error.args = (error.message,)


def advanced(rows: Rows, before: Place | None) -> Place:
    """Where the next page begins.

    Raises:
        ProtocolError: Nowhere new: reading on would never end.
    """
    if rows.last is None or rows.last == before or not rows.values:
        raise ProtocolError("Sage Active's pages do not advance", code="paging")
    return rows.last


def _nodes(answer: Answer, listing: Listing) -> tuple[list[Values], bool]:
    found = answer.data.get(listing.field)
    nodes = found.get("nodes") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(nodes, list):
        raise Unavailable(f"the answer has no {listing.field}", code="unreadable_answer")
    page = found.get("pageInfo")
    more = isinstance(page, dict) and page.get("hasNextPage") is True
    return [one for one in nodes if isinstance(one, dict)], more


def _place(values: Values) -> Place | None:
    created, row_id = values.get("creationDate"), values.get("id")
    if isinstance(created, str) and isinstance(row_id, str):
        return Place(created, row_id)
    return None


def _read(model: type[_Wire], values: Any) -> _Wire:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ProtocolError(
            f"{model.__name__} of Sage Active cannot be read: {where}: {first['msg']}",
            code="unreadable_answer",
        ) from None
