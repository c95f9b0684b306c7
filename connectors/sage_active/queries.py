"""The lists that are read: which fields, and the parts that a filter is put together from.

Filters are written into the document and only plain values are variables: the names of Sage's
filter types are not documented for every list. Every list has a stable order that ends with the
id, and is read on by what was read last instead of by Sage's cursors, which are probably
positions: a row that is deleted while somebody pages would move another one out of sight, and a
complete pull would then take that one for deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from connectors.base import Period
from connectors.graphql import Document


@dataclass(frozen=True)
class Listing:
    """One list, and what is read of its rows."""

    operation: str
    """Our name of the query."""
    field: str
    """Sage's name of the list."""
    selection: str


@dataclass(frozen=True)
class Clause:
    """A part of a filter."""

    text: str
    types: Mapping[str, str] = field(default_factory=dict)
    """The variables in it, with their types."""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """The last row that was read."""

    created: str
    id: str


def document(listing: Listing, clauses: Sequence[Clause], *, in_order: bool = True) -> Document:
    """The query for one page of a list."""
    types = {"first": "Int!"}
    for clause in clauses:
        types |= clause.types
    declared = ", ".join(f"${name}: {kind}" for name, kind in types.items())
    arguments = ["first: $first"]
    texts = [clause.text for clause in clauses]
    if len(texts) == 1:
        arguments.append(f"where: {{ {texts[0]} }}")
    elif texts:
        parts = ", ".join(f"{{ {text} }}" for text in texts)
        arguments.append(f"where: {{ and: [{parts}] }}")
    if in_order:
        arguments.append("order: [{ creationDate: ASC }, { id: ASC }]")
    text = (
        f"query {listing.operation}({declared}) {{ {listing.field}({', '.join(arguments)}) "
        f"{{ pageInfo {{ hasNextPage endCursor }} nodes {{ {listing.selection} }} }} }}"
    )
    return Document(listing.operation, text)


# Parts of filters.


def is_one_of(name: str, values: Sequence[str], kind: str = "UUID") -> Clause:
    """A field has one of these values; `a.b` is a field of a related object."""
    variable = name.replace(".", "_")
    text = f"in: ${variable}"
    for part in reversed(name.split(".")):
        text = f"{part}: {{ {text} }}"
    return Clause(text, {variable: f"[{kind}!]"}, {variable: list(values)})


def is_word(name: str, word: str, operator: str = "eq") -> Clause:
    """An enum has (`eq`) or has not (`neq`) a value."""
    text = f"{operator}: {word}"
    for part in reversed(name.split(".")):
        text = f"{part}: {{ {text} }}"
    return Clause(text)


def says_one_of(name: str, texts: Sequence[str]) -> Clause:
    """A text contains one of these words: our markers."""
    variables = [f"word{place}" for place in range(len(texts))]
    parts = [f"{{ {name}: {{ contains: ${variable} }} }}" for variable in variables]
    return Clause(
        f"or: [{', '.join(parts)}]",
        dict.fromkeys(variables, "String!"),
        dict(zip(variables, texts, strict=True)),
    )


def either(*clauses: Clause) -> Clause:
    """One of them holds."""
    types: dict[str, str] = {}
    values: dict[str, Any] = {}
    for clause in clauses:
        types |= clause.types
        values |= clause.values
    return Clause(f"or: [{', '.join(f'{{ {one.text} }}' for one in clauses)}]", types, values)


def changed_since(moment: datetime) -> Clause:
    """Created or modified: `modificationDate` is null on what nobody has modified."""
    return Clause(
        "or: [{ modificationDate: { gte: $since } }, { creationDate: { gte: $since } }]",
        {"since": "DateTime!"},
        {"since": timestamp(moment)},
    )


def behind(place: Place) -> Clause:
    """What comes after a row, in the order of all lists."""
    return Clause(
        "or: [{ creationDate: { gt: $created } }, "
        "{ creationDate: { eq: $created }, id: { gt: $last } }]",
        {"created": "DateTime!", "last": "UUID!"},
        {"created": place.created, "last": place.id},
    )


def dated(name: str, period: Period) -> list[Clause]:
    """A date lies in a period."""
    bounds: list[tuple[str, str, date | None]] = [
        ("gte", "start", period.start),
        ("lte", "end", period.end),
    ]
    return [
        Clause(
            f"{name}: {{ {operator}: ${variable} }}",
            {variable: "DateTime!"},
            {variable: day.isoformat()},
        )
        for operator, variable, day in bounds
        if day is not None
    ]


def timestamp(moment: datetime) -> str:
    """A moment as Sage writes it: UTC with milliseconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


# The lists.

_STAMPS = "id creationDate modificationDate"
_PARTY = (
    f"{_STAMPS} code socialName tradeName countryAcronym documentId vatNumber status comments "
    "defaultAccountingAccountId "
    "addresses { id firstLine secondLine city zipCode province countryIsoCodeAlpha2 } "
    "contacts { id name isDefault emails { id emailAddress isDefault } phones { id number } } "
    "paymentTermLines { type condition day }"
)
_OPEN_ITEMS = "openItems { id amount paidAmountAccumulated dueDate status paymentMeanId }"
_MATCHING = "accountingEntryPayment { matching matchingLetter matchId modificationDate }"
_ENTRY = (
    f"{_STAMPS} number date documentDate documentNumber description sourceType sourceEntityId "
    "entryType accountingExerciseId accountingPeriodId isClosed closeDate tanNumber "
    "journalType { id code type } currency { code } session { id name stamp deactivated } "
    "accountingEntryLines { id order documentNumber description contraAccount "
    "debitAmount creditAmount subAccount { id code name subAccountType } "
    "accountingEntryThirdParty { thirdPartyId socialName code origin identificationTypeId "
    "documentId vatNumber countryAcronym viesCode } "
    f"{_MATCHING} "
    "accountingEntryDimensionTags { dimensionId dimensionTagId amount } "
    "accountingEntryInvoice { documentDate operationDate externalInvoiceNumber isCashVat amount "
    "creditNoteType creditNoteReason originalEntryInvoiceTaxesBaseSum "
    "originalEntryInvoiceTaxesSurchargeAmountSum originalEntryInvoiceTaxesTaxAmountSum "
    f"originalAccountingEntryInvoiceId {_OPEN_ITEMS} "
    "accountingEntryTaxes { taxId taxTreatmentId taxGroupId taxType taxPercentage taxBase "
    "taxAmount deductible regimeType hasEquivalenceSurcharge equivalenceSurchargePercentage "
    "equivalenceSurchargeQuota } } }"
)

ORGANIZATIONS = Listing(
    "Organizations", "organizations", "id socialName legislationCode onboardingCompleted"
)
ACCOUNTS = Listing(
    "Accounts",
    "accountingAccounts",
    f"{_STAMPS} code name deactivated accountLevel accountType subAccountType taxTreatmentId",
)
TAXES = Listing(
    "Taxes",
    "taxes",
    f"{_STAMPS} name percentage groupId effectiveDate inactive taxType "
    "hasEquivalenceSurcharge equivalenceSurchargePercentage",
)
TAX_TREATMENTS = Listing(
    "TaxTreatments",
    "taxTreatments",
    f"{_STAMPS} taxCode description registerType taxGroupId inactive "
    "inputAccountingAccount { id } outputAccountingAccount { id }",
)
JOURNALS = Listing(
    "Journals",
    "journalTypes",
    f"{_STAMPS} code name type deactivated isCreditNote creditNoteReason",
)
EXERCISES = Listing(
    "Exercises",
    "accountingExercises",
    f"{_STAMPS} exercise description startDate endDate status "
    "periods { startDate endDate isClosed }",
)
PAYMENT_METHODS = Listing(
    "PaymentMethods",
    "paymentMethods",
    f"{_STAMPS} referenceName type disabled journalTypeId subAccountId",
)
CUSTOMERS = Listing("Customers", "customers", _PARTY)
SUPPLIERS = Listing("Suppliers", "suppliers", _PARTY)
PRODUCTS = Listing(
    "Products",
    "products",
    f"{_STAMPS} code name category lineDescription comments taxGroupId salesAccountingAccountId "
    "salesUnitPrice salesVatPercentage obsolete",
)
SALES_INVOICES = Listing(
    "SalesInvoices",
    "salesInvoices",
    f"{_STAMPS} operationalNumber status type documentDate operationDate firstDueDate customerId "
    "socialName externalReference salesOrderNumber comments remarks sourceSalesInvoiceId "
    "totalGross totalDiscount totalNet totalVat totalFeeSurcharge totalWithholding totalLiquid "
    "lines { id order productId productCode productName totalQuantity unitPrice firstDiscount "
    f"taxId vatPercentage totalNet totalVat }} {_OPEN_ITEMS}",
)
BILLS = Listing(
    "Bills",
    "purchaseInvoices",
    f"{_STAMPS} invoiceNumber invoiceDate operationDate firstDueDate status supplierId "
    "totalLiquid pendingAmount hasCashVat sourceType "
    "vatLines { id totalVatBase totalVat tax { id percentage } taxTreatmentId "
    f"purchaseAccountingAccountId }} {_OPEN_ITEMS}",
)
ENTRIES = Listing("Entries", "accountingEntries", _ENTRY)
SALES_OPEN_ITEMS = Listing(
    "ChangedSalesOpenItems",
    "salesInvoiceOpenItems",
    f"{_STAMPS} amount paidAmountAccumulated salesInvoiceId",
)
BILL_OPEN_ITEMS = Listing(
    "ChangedBillOpenItems",
    "purchaseInvoiceOpenItems",
    f"{_STAMPS} amount paidAmountAccumulated purchaseInvoiceId",
)
MATCHINGS = Listing(
    "ChangedMatchings",
    "accountingEntryPayments",
    f"{_STAMPS} accountingEntryLine {{ accountingEntryId }}",
)
MATCHED_LINES = Listing(
    "MatchedLines",
    "accountingEntryLines",
    f"{_STAMPS} debitAmount creditAmount "
    "accountingEntry { id date sourceType sourceEntityId journalType { id code type } } "
    f"{_MATCHING} accountingEntryThirdParty {{ thirdPartyId origin }} "
    f"accountingEntryInvoice {{ {_OPEN_ITEMS} }}",
)
