"""What entities there are: members that can be written, what queries may filter, what can be done.

From the entity pages of the reference (copies of February 2026, read 2026-11-20 and -21):
"filterable" there is a filter here, everything else is refused in a query. Members that are only
read are ignored in a write; members that are neither are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT, DAY, MOMENT, NUMBER, FLAG, ID, REF = "text", "day", "moment", "number", "flag", "id", "ref"
CREATE, UPDATE, DELETE, VOID = "create", "update", "delete", "void"


@dataclass(frozen=True)
class Entity:
    """One kind of object."""

    name: str
    writable: frozenset[str] = frozenset()
    filters: Mapping[str, str] = field(default_factory=dict)
    verbs: frozenset[str] = frozenset()
    listed: bool = False
    """A name list: inactive entries are left out of queries; nothing of it is deleted."""
    captured: bool = True
    """Change data capture knows it."""
    numbered: str = ""
    """How numbers are unique: `all`, or the member whose value they are unique with."""
    party: str = ""
    """The member that names its customer or vendor."""


def words(text: str) -> frozenset[str]:
    """Names that are written in a row."""
    return frozenset(text.split())


READ_ONLY = words(
    "Id SyncToken MetaData sparse domain status time Balance HomeBalance HomeTotalAmt LinkedTxn "
    "UnappliedAmt RemainingCredit FullyQualifiedName CurrentBalance Level BalanceWithJobs "
    "CurrentBalanceWithSubAccounts Classification SubAccount RecurDataRef TaxExemptionRef "
    "FreeFormAddress HomeAmtPaid InvoiceLink PrintOnCheckName TxnSource IsProject "
    "ClientEntityId DefaultTaxCodeRef V4IDPseudonym CustomField"
)
OBJECTS = words(
    "CustomerMemo BillAddr ShipAddr BillEmail BillEmailCc BillEmailBcc PrimaryEmailAddr "
    "PrimaryPhone AlternatePhone Mobile Fax WebAddr TxnTaxDetail CheckPayment CreditCardPayment"
)
TEXTS = words(
    "Notes EmailStatus PrintStatus ResaleNum PrimaryTaxIdentifier BusinessNumber "
    "PreferredDeliveryMethod TaxIdentifier AcctNum Sku PurchaseDesc AccountSubType Description "
    "TrackingNum"
)
NO_LISTS = words("TermRef ClassRef DepartmentRef SalesTermRef")
"""References to lists that are empty here, whatever they name."""
_BASE = {"Id": ID, "MetaData.CreateTime": MOMENT, "MetaData.LastUpdatedTime": MOMENT}
_TXN = "DocNumber TxnDate PrivateNote CurrencyRef ExchangeRate Line DepartmentRef "
_TAXED = _TXN + "TxnTaxDetail GlobalTaxCalculation ClassRef "
_SALES = _TAXED + (
    "CustomerRef CustomerMemo BillAddr ShipAddr BillEmail BillEmailCc BillEmailBcc EmailStatus "
    "PrintStatus SalesTermRef ApplyTaxAfterDiscount ARAccountRef "
)
_NAME = (
    "DisplayName Title GivenName MiddleName FamilyName Suffix CompanyName PrimaryEmailAddr "
    "PrimaryPhone AlternatePhone Mobile Fax WebAddr BillAddr Active CurrencyRef Notes TermRef "
)
_PEOPLE = {
    "DisplayName": TEXT,
    "GivenName": TEXT,
    "FamilyName": TEXT,
    "CompanyName": TEXT,
    "PrimaryEmailAddr": TEXT,
    "Active": FLAG,
}
_NUMBERED = {"DocNumber": TEXT, "TxnDate": DAY}


def _entity(
    name: str, writable: str, filters: Mapping[str, str], verbs: str, **more: object
) -> Entity:
    return Entity(
        name,
        words(writable),
        {**_BASE, **filters},
        words(verbs),
        **more,  # type: ignore[arg-type]  # members of the dataclass, named below
    )


ENTITIES: Mapping[str, Entity] = {
    one.name: one
    for one in (
        _entity(
            "Invoice",
            _SALES + "DueDate ShipDate TrackingNum AllowOnlineCreditCardPayment "
            "AllowOnlineACHPayment",
            {**_NUMBERED, "Balance": NUMBER, "CustomerRef": REF, "DueDate": DAY},
            "create update delete void",
            numbered="all",
            party="CustomerRef",
        ),
        _entity(
            "CreditMemo",
            _SALES,
            {**_NUMBERED, "Balance": NUMBER, "CustomerRef": REF},
            "create update delete",
            numbered="all",
            party="CustomerRef",
        ),
        _entity(
            "Bill",
            _TAXED + "VendorRef APAccountRef DueDate SalesTermRef",
            {**_NUMBERED, "Balance": NUMBER, "VendorRef": REF, "DueDate": DAY, "TotalAmt": NUMBER},
            "create update delete",
            numbered="VendorRef",
            party="VendorRef",
        ),
        _entity(
            "VendorCredit",
            _TAXED + "VendorRef APAccountRef",
            _NUMBERED,
            "create update delete",
            numbered="VendorRef",
            party="VendorRef",
        ),
        _entity(
            "Payment",
            _TXN.replace("DocNumber", "PaymentRefNum") + "CustomerRef TotalAmt PaymentMethodRef "
            "DepositToAccountRef ARAccountRef ProcessPayment",
            {"CustomerRef": REF, "PaymentRefNum": TEXT, "TxnDate": DAY, "TotalAmt": NUMBER},
            "create update delete void",
            party="CustomerRef",
        ),
        _entity(
            "BillPayment",
            _TXN + "VendorRef TotalAmt PayType CheckPayment CreditCardPayment APAccountRef "
            "ProcessBillPayment",
            {**_NUMBERED, "VendorRef": REF, "TotalAmt": NUMBER},
            "create update delete void",
            numbered="VendorRef",
            party="VendorRef",
        ),
        _entity(
            "JournalEntry",
            _TAXED + "Adjustment",
            _NUMBERED,
            "create update delete",
            numbered="all",
        ),
        _entity(
            "Customer",
            _NAME + "ShipAddr ParentRef Job BillWithParent Taxable ResaleNum PaymentMethodRef "
            "PrimaryTaxIdentifier BusinessNumber PreferredDeliveryMethod ARAccountRef",
            {**_PEOPLE, "Balance": NUMBER},
            "create update",
            listed=True,
        ),
        _entity(
            "Vendor",
            _NAME
            + "TaxIdentifier AcctNum Vendor1099 BusinessNumber APAccountRef VendorPaymentBankDetail",
            {**_PEOPLE, "Balance": NUMBER},
            "create update",
            listed=True,
        ),
        _entity("Employee", _NAME, _PEOPLE, "", listed=True),
        _entity(
            "Item",
            "Name Type Sku Description UnitPrice PurchaseCost PurchaseDesc Taxable Active "
            "IncomeAccountRef ExpenseAccountRef SalesTaxCodeRef PurchaseTaxCodeRef "
            "SalesTaxIncluded PurchaseTaxIncluded TrackQtyOnHand PrefVendorRef ClassRef",
            {"Name": TEXT, "Type": TEXT, "Active": FLAG, "Taxable": FLAG},
            "create update",
            listed=True,
        ),
        _entity(
            "Account",
            "Name AcctNum AccountType AccountSubType Description Active ParentRef CurrencyRef "
            "TaxCodeRef",
            {
                "Name": TEXT,
                "AccountType": TEXT,
                "AccountSubType": TEXT,
                "Classification": TEXT,
                "Active": FLAG,
            },
            "create update",
            listed=True,
        ),
        _entity(
            "PaymentMethod", "Name Active Type", {"Name": TEXT, "Active": FLAG}, "", listed=True
        ),
        _entity("TaxCode", "", {"Name": TEXT, "Active": FLAG}, "", listed=True, captured=False),
        _entity("TaxRate", "", {"Name": TEXT, "Active": FLAG}, "", listed=True, captured=False),
        _entity("CompanyInfo", "", {}, "", captured=False),
        _entity("Preferences", "", {}, "", captured=False),
    )
}
BY_PATH: Mapping[str, Entity] = {name.lower(): one for name, one in ENTITIES.items()}
TRANSACTIONS = ("Invoice", "CreditMemo", "Bill", "VendorCredit", "Payment", "BillPayment")
POSTING = (*TRANSACTIONS, "JournalEntry")
SALES, PURCHASES = ("Invoice", "CreditMemo"), ("Bill", "VendorCredit")
NAMES = ("Customer", "Vendor", "Employee")
