"""The members of every kind of record, who sees them, and which are left out unless selected.

Members are those of the platform's OpenAPI document ("4.0.2162", May 2025) and of its object
descriptions (July 2026), read 2026-11-20. Vendors see the purchase side, clients the sale side;
`externalIds` has a slot for each role, which only that role sees. That operations does not see
`upload` of charges, and the names inside `statistics`, are ours.
"""

from collections.abc import Mapping
from typing import Any

TEXT = "text"
NUMBER = "number"
TIME = "time"
FLAG = "flag"

Schema = Mapping[str, Any]
"""Members by name: a kind of value, a schema of their own, or a list with either."""

CLIENT, VENDOR, OPERATIONS = "client", "vendor", "operations"
ROLES = (CLIENT, VENDOR, OPERATIONS)

_REF: Schema = {"id": TEXT, "name": TEXT}
_STAMP: Schema = {"at": TIME, "by": _REF}
_STATES = (
    "created updated draft validating validated error review enquiring reconciling generating "
    "generated accepted queued resetting completed deleted pending issued cancelled paid overdue "
    "rating active disabled"
)
_AUDIT: Schema = dict.fromkeys(_STATES.split(), _STAMP)
_EXTERNAL: Schema = {"client": TEXT, "vendor": TEXT, "operations": TEXT}
_COMMON: Schema = {"id": TEXT, "revision": NUMBER, "audit": _AUDIT}
_PARTIES: Schema = {
    "client": _REF,
    "buyer": _REF,
    "vendor": _REF,
    "seller": _REF,
    "product": _REF,
    "agreement": _REF,
    "licensee": _REF,
}
_FAILURE: Schema = {
    "id": TEXT,
    "code": TEXT,
    "message": TEXT,
    "errorCode": TEXT,
    "errorMessage": TEXT,
}
_TOTALS: Schema = dict.fromkeys(("total", "split", "ready", "error"), NUMBER)
_PROCESSING: Schema = {**_TOTALS, "skipped": NUMBER, "ignored": NUMBER}
_CURRENCIES: Schema = {"purchase": TEXT, "sale": TEXT, "rate": NUMBER}
_MARGINS: Schema = {"markup": NUMBER, "margin": NUMBER}
_PERIOD: Schema = {"start": TIME, "end": TIME}
_SEARCH: Schema = {"type": TEXT, "criteria": TEXT, "value": TEXT}
_ADDRESS: Schema = dict.fromkeys(("name", "addressLine1", "postCode", "city", "country"), TEXT)

_INVOICE_LINE: Schema = {
    "id": TEXT,
    "lineNo": NUMBER,
    "itemNo": TEXT,
    "description": TEXT,
    "description2": TEXT,
    "quantity": NUMBER,
    "unitPrice": NUMBER,
    "unitOfMeasure": TEXT,
    "discountAmount": NUMBER,
    "lineAmount": NUMBER,
    "amount": NUMBER,
    "amountIncludingVat": NUMBER,
    "vatBaseAmount": NUMBER,
    "vatPercent": NUMBER,
    "vatCalculationType": TEXT,
    "contractNo": TEXT,
    "period": _PERIOD,
    "externalDocumentNo": TEXT,
    "yourReference": TEXT,
}
_NESTED = [
    "unitPrice",
    "discountAmount",
    "lineAmount",
    "amount",
    "amountIncludingVat",
    "vatBaseAmount",
    "vatPercent",
    "vatCalculationType",
]
_CREDIT_LINE: Schema = {
    **{name: kind for name, kind in _INVOICE_LINE.items() if name not in _NESTED},
    "price": {name: _INVOICE_LINE[name] for name in _NESTED},
}
_ERP_DATA: Schema = {
    "erpId": TEXT,
    "documentNo": TEXT,
    "documentDate": TIME,
    "postingDate": TIME,
    "dueDate": TIME,
    "balanceDue": NUMBER,
    "invoiceTotal": NUMBER,
    "yourReference": TEXT,
    "externalDocumentNo": TEXT,
    "addresses": dict.fromkeys(("billTo", "licenseTo", "sellTo", "shipTo"), _ADDRESS),
    "referenceNumber": dict.fromkeys(("eInvoiceNo", "orderNo", "ppqNo", "quoteNo"), TEXT),
    "payment": {"methodCode": TEXT, "termsCode": TEXT},
    "revision": NUMBER,
}
_DOCUMENT: Schema = {
    **_COMMON,
    **_PARTIES,
    "documentNo": TEXT,
    "countryCode": TEXT,
    "status": TEXT,
    "billingType": TEXT,
    "statement": _REF,
    "attributes": {"dueDate": TIME, "postingDate": TIME, "documentDate": TIME, "orderNo": TEXT},
    "price": {
        "currency": TEXT,
        "totalSP": NUMBER,
        "totalST": NUMBER,
        "totalGT": NUMBER,
        "totalPP": NUMBER,
        **_MARGINS,
    },
}
_CHARGE: Schema = {
    **_COMMON,
    **_PARTIES,
    "externalIds": {"vendor": TEXT, "invoice": TEXT, "reference": TEXT},
    "search": dict.fromkeys(("source", "subscription", "order", "item"), _SEARCH),
    "period": _PERIOD,
    "quantity": NUMBER,
    "price": {
        "currency": _CURRENCIES,
        "unitPP": NUMBER,
        "PPx1": NUMBER,
        "unitSP": NUMBER,
        "SPx1": NUMBER,
        **_MARGINS,
    },
    "segment": TEXT,
    "description": {"value1": TEXT, "value2": TEXT},
    "attributes": {"agreementVendorId": TEXT, "segment": TEXT},
    **dict.fromkeys(("journal", "ledger", "customLedger", "statement", "parent"), _REF),
    "split": {"percentage": NUMBER},
    "subscription": _REF,
    "item": _REF,
    "authorization": _REF,
    "erpData": {"line": NUMBER},
    "billingType": TEXT,
    "statementType": TEXT,
    "upload": {"status": TEXT, "errors": [_FAILURE]},
    "processing": {"status": TEXT, "errors": [_FAILURE]},
}
_ATTACHMENT: Schema = {
    **_COMMON,
    "type": TEXT,
    "name": TEXT,
    "description": TEXT,
    "filename": TEXT,
    "contentType": TEXT,
    "size": NUMBER,
    "isDeleted": FLAG,
    "isExternal": FLAG,
}
_STATEMENT: Schema = {
    **_COMMON,
    **_PARTIES,
    "ledger": _REF,
    "customLedger": _REF,
    "type": TEXT,
    "billingType": TEXT,
    "status": TEXT,
    "externalIds": {**_EXTERNAL, "erpId": TEXT},
    "price": {
        "currency": _CURRENCIES,
        **dict.fromkeys(("totalSP", "totalBSP", "totalPP", "totalST", "totalGT"), NUMBER),
        **_MARGINS,
    },
    "processing": _PROCESSING,
    "statusNotes": {"message": TEXT, "parameters": TEXT},
    "error": _FAILURE,
    "invoice": _REF,
    "creditMemo": _REF,
    "parent": _REF,
    "statistics": {"charges": NUMBER},
}
_JOURNAL_PRICE: Schema = {
    "currency": TEXT,
    **dict.fromkeys(("totalPP", "totalSP", "totalBSP"), NUMBER),
    **_MARGINS,
}
SCHEMAS: Mapping[str, Schema] = {
    "invoices": {
        **_DOCUMENT,
        "externalIds": _EXTERNAL,
        "type": TEXT,
        "erpData": _ERP_DATA,
        "lines": [_INVOICE_LINE],
    },
    "credit-memos": {
        **_DOCUMENT,
        "erpData": {
            **_ERP_DATA,
            **dict.fromkeys(
                ("appliesToDocNo", "currencyCode", "vatRegistrationNo", "rowVersion"), TEXT
            ),
        },
        "lines": [_CREDIT_LINE],
    },
    "journals": {
        **_COMMON,
        **dict.fromkeys(("name", "description", "notes", "status"), TEXT),
        **dict.fromkeys(("vendor", "product", "owner", "assignee"), _REF),
        "authorization": {**_REF, "currency": TEXT},
        "externalIds": _EXTERNAL,
        "dueDate": TIME,
        "price": _JOURNAL_PRICE,
        "upload": _TOTALS,
        "processing": _PROCESSING,
        "error": _FAILURE,
    },
    "ledgers": {
        **_COMMON,
        **dict.fromkeys(("name", "status"), TEXT),
        **dict.fromkeys(("journal", "vendor", "product", "owner", "assignee", "seller"), _REF),
        "authorization": _REF,
        "externalIds": _EXTERNAL,
        "price": {**_JOURNAL_PRICE, "currency": _CURRENCIES},
        "processing": _PROCESSING,
        "error": _FAILURE,
    },
    "custom-ledgers": {
        **_COMMON,
        **dict.fromkeys(("name", "status", "notes"), TEXT),
        **dict.fromkeys(("seller", "vendor", "assignee"), _REF),
        "externalIds": _EXTERNAL,
        "billingStartDate": TIME,
        "billingEndDate": TIME,
        "price": {"currency": _CURRENCIES},
        "processing": _PROCESSING,
        "error": _FAILURE,
    },
    "statements": _STATEMENT,
    "manual-overrides": {
        **_COMMON,
        "client": _REF,
        "vendor": _REF,
        **dict.fromkeys(("status", "externalId", "notes"), TEXT),
    },
    "charges": _CHARGE,
    "attachments": _ATTACHMENT,
    "invoices/lines": _INVOICE_LINE,
    "credit-memos/lines": _CREDIT_LINE,
    "sellers": {**_REF, "currency": TEXT},
}

_PURCHASE = ("price.totalPP", "price.markup", "price.margin")
_OTHERS_IDS = {
    role: tuple(f"externalIds.{other}" for other in ROLES if other != role) for role in ROLES
}
_CHARGE_MARGINS = ("price.markup", "price.margin")
_HIDDEN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "invoices": {CLIENT: _PURCHASE},
    "credit-memos": {CLIENT: _PURCHASE},
    "statements": {
        CLIENT: (*_PURCHASE, "price.currency.purchase", "price.currency.rate", "processing"),
    },
    "journals": {
        VENDOR: (
            "processing",
            "assignee",
            *(f"price.{name}" for name in ("totalSP", "totalBSP", "markup", "margin")),
        )
    },
    "charges": {
        CLIENT: (
            *(f"price.{name}" for name in ("unitPP", "PPx1")),
            *_CHARGE_MARGINS,
            "price.currency.purchase",
            "price.currency.rate",
            "upload",
            "processing",
            "externalIds.vendor",
        ),
        VENDOR: (
            *(f"price.{name}" for name in ("unitSP", "SPx1")),
            *_CHARGE_MARGINS,
            "price.currency.sale",
            "price.currency.rate",
            "processing",
        ),
        OPERATIONS: ("upload",),
    },
}
_WITH_SLOTS = frozenset({"invoices", "journals", "ledgers", "custom-ledgers", "statements"})
_AUDIT_OMITTED = frozenset({"journals", "charges", "journals/attachments", "ledgers/attachments"})


def schema_of(kind: str) -> Schema:
    """The members of a kind: `invoices`, `journals/charges`, `invoices/lines` ..."""
    return SCHEMAS[kind] if kind in SCHEMAS else SCHEMAS[kind.rpartition("/")[2]]


def hidden(kind: str, role: str) -> tuple[str, ...]:
    """Dotted paths of what a role does not see in a kind of record."""
    found = _HIDDEN.get(kind.rpartition("/")[2] if kind.endswith("/charges") else kind, {})
    slots = _OTHERS_IDS[role] if kind in _WITH_SLOTS else ()
    return (*found.get(role, ()), *slots)


def omitted(kind: str, *, audit: bool, lines: bool) -> tuple[str, ...]:
    """Members that are left out unless somebody selects them."""
    named = []
    if audit and (kind in _AUDIT_OMITTED or kind.endswith("/charges")):
        named.append("audit")
    if lines and kind in {"invoices", "credit-memos"}:
        named.append("lines")
    return tuple(named)
