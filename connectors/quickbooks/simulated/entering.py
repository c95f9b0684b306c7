"""What people enter into a company: names, documents, payments, credits that they apply."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.quickbooks.simulated import writing
from connectors.quickbooks.simulated.codes import add_code
from connectors.quickbooks.simulated.entities import ENTITIES
from connectors.quickbooks.simulated.inspection import Inspection
from connectors.quickbooks.simulated.values import ZERO

Row = dict[str, Any]
Amount = Decimal | str | int
Lines = Iterable[tuple[Amount, str | None]]


@dataclass(frozen=True)
class Known:
    """Ids (and codes: `AcctNum`) of what is in all books."""

    sales: str
    """Account of type Income."""
    sales_code: str
    purchases: str
    """Account of type Expense."""
    purchases_code: str
    bank: str
    """Account of type Bank."""
    bank_code: str
    card: str
    """Account of type Credit Card."""
    receivable: str
    payable: str
    undeposited: str
    tax_standard: str
    """TaxCode: 20 % in the UK, `TAX` in the US."""
    tax_reduced: str
    """TaxCode: 5 % in the UK, `TAX` in the US."""
    tax_none: str
    """TaxCode: 0 % in the UK, `NON` in the US."""
    customer: str
    vendor: str
    foreign_customer: str
    """In EUR; the US company, which has one currency, has none: empty."""
    foreign_vendor: str
    item: str
    """A service that is booked to `sales` and, bought, to `purchases`."""


class Entering(Inspection):
    """One company, and what is entered into its books."""

    known: Known

    def add(self, entity: str, **body: Any) -> str:
        """Somebody enters anything that the API would take too. Returns the id."""
        with self.lock:
            return writing.create(self.books, ENTITIES[entity], body).id

    def add_customer(self, name: str, **fields: Any) -> str:
        """Somebody enters a customer. Returns the id."""
        return self.add("Customer", **{"DisplayName": name, **fields})

    def add_vendor(self, name: str, **fields: Any) -> str:
        """Somebody enters a vendor. Returns the id."""
        return self.add("Vendor", **{"DisplayName": name, **fields})

    def add_employee(self, name: str) -> str:
        """Somebody enters an employee, whose name no customer or vendor can have."""
        return self.add("Employee", DisplayName=name)

    def add_item(self, name: str, **fields: Any) -> str:
        """Somebody enters a service that can be sold and bought. Returns the id."""
        accounts = {
            "IncomeAccountRef": {"value": self.known.sales},
            "ExpenseAccountRef": {"value": self.known.purchases},
        }
        return self.add("Item", **{"Name": name, "Type": "Service", **accounts, **fields})

    def add_account(self, name: str, kind: str, **fields: Any) -> str:
        """Somebody enters an account of an `AccountType`. Returns the id."""
        return self.add("Account", **{"Name": name, "AccountType": kind, **fields})

    def add_tax_code(
        self, name: str, percent: Amount, *, purchase_percent: Amount | None = None
    ) -> str:
        """Somebody sets up a tax; by default it comes to the same for purchases."""
        bought = percent if purchase_percent is None else purchase_percent
        with self.lock:
            sold = {"SalesTaxRateList": [Decimal(str(percent))]}
            return add_code(
                self.books, name, {**sold, "PurchaseTaxRateList": [Decimal(str(bought))]}
            )

    def add_invoice(
        self,
        lines: Lines = (("100.00", None),),
        *,
        customer_id: str | None = None,
        number: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody enters an invoice of (net amount, tax code) lines. Returns the id."""
        return self._sold("Invoice", lines, customer_id, number, fields)

    def add_credit_memo(
        self,
        lines: Lines = (("40.00", None),),
        *,
        customer_id: str | None = None,
        number: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody enters a credit memo. Returns the id."""
        return self._sold("CreditMemo", lines, customer_id, number, fields)

    def add_bill(
        self,
        lines: Lines = (("80.00", None),),
        *,
        vendor_id: str | None = None,
        number: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody enters a bill. Returns the id."""
        return self._bought("Bill", lines, vendor_id, number, fields)

    def add_vendor_credit(
        self,
        lines: Lines = (("30.00", None),),
        *,
        vendor_id: str | None = None,
        number: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody enters a vendor's credit. Returns the id."""
        return self._bought("VendorCredit", lines, vendor_id, number, fields)

    def add_journal(
        self, lines: Iterable[tuple[str, Amount]] = (), *, number: str | None = None, **fields: Any
    ) -> str:
        """Somebody enters (account id, debit or -credit) lines. Returns the id."""
        pairs = list(lines) or [(self.known.purchases, "55.00"), (self.known.bank, "-55.00")]
        found = []
        for account, amount in pairs:
            signed = Decimal(str(amount))
            detail = {
                "PostingType": "Debit" if signed >= 0 else "Credit",
                "AccountRef": {"value": account},
            }
            found.append(
                {
                    "Amount": abs(signed),
                    "DetailType": "JournalEntryLineDetail",
                    "JournalEntryLineDetail": detail,
                }
            )
        return self.add("JournalEntry", **{"Line": found, "DocNumber": number, **fields})

    def _sold(
        self, entity: str, lines: Lines, customer: str | None, number: str | None, fields: Row
    ) -> str:
        body = {
            "CustomerRef": {"value": customer or self.known.customer},
            "Line": self.lines_of(lines, sales=True),
            "DocNumber": number,
        }
        return self.add(entity, **{**body, **fields})

    def _bought(
        self, entity: str, lines: Lines, vendor: str | None, number: str | None, fields: Row
    ) -> str:
        body = {
            "VendorRef": {"value": vendor or self.known.vendor},
            "Line": self.lines_of(lines, sales=False),
            "DocNumber": number,
        }
        return self.add(entity, **{**body, **fields})

    def lines_of(self, lines: Lines, *, sales: bool) -> list[Row]:
        """(net amount, tax code) pairs as lines of the API."""
        kind = "SalesItemLineDetail" if sales else "AccountBasedExpenseLineDetail"
        booked = (
            {"ItemRef": {"value": self.known.item}}
            if sales
            else {"AccountRef": {"value": self.known.purchases}}
        )
        return [
            {
                "Amount": Decimal(str(net)),
                "DetailType": kind,
                kind: {**booked, "TaxCodeRef": {"value": code or self.known.tax_standard}},
            }
            for net, code in lines
        ]

    def pay(
        self,
        entity: str,
        row_id: str,
        amount: Amount | None = None,
        *,
        on: dt.date | None = None,
        reference: str | None = None,
        account: str | None = None,
        **fields: Any,
    ) -> str:
        """Somebody pays an invoice or a bill, by default all that is open. Returns the payment."""
        paid = {row_id: amount}
        return self.pay_many(entity, paid, on=on, reference=reference, account=account, **fields)

    def pay_many(
        self,
        entity: str,
        amounts: Mapping[str, Amount | None],
        *,
        unapplied: Amount = 0,
        on: dt.date | None = None,
        reference: str | None = None,
        account: str | None = None,
        **fields: Any,
    ) -> str:
        """The same for several of one customer or vendor; None: all that is open of it."""
        with self.lock:
            paid = {
                row_id: self.balance(entity, row_id) if one is None else Decimal(str(one))
                for row_id, one in amounts.items()
            }
            party = ENTITIES[entity].party
            owner = self.books.row(entity, next(iter(paid))).body[party]["value"]
            total = sum(paid.values(), ZERO) + Decimal(str(unapplied))
            links = [_link(entity, row_id, one) for row_id, one in paid.items()]
            body = self._payment(party, owner, (total, links), reference=reference, account=account)
            body["TxnDate"] = on.isoformat() if on else None
            kind = "Payment" if entity == "Invoice" else "BillPayment"
            return self.add(kind, **{**body, **fields})

    def _payment(
        self,
        party: str,
        owner: str,
        paid: tuple[Decimal, list[Row]],
        *,
        reference: str | None = None,
        account: str | None = None,
    ) -> Row:
        """The body of a payment of a total with its lines."""
        total, links = paid
        body: Row = {party: {"value": owner}, "TotalAmt": total, "Line": links}
        if party == "CustomerRef":
            body["PaymentRefNum"] = reference
            body["DepositToAccountRef"] = {"value": account or self.known.bank}
        else:
            body |= {"DocNumber": reference, "PayType": "Check"}
            body["CheckPayment"] = {"BankAccountRef": {"value": account or self.known.bank}}
        return body

    def receive(
        self, amount: Amount, *, customer_id: str | None = None, reference: str | None = None
    ) -> str:
        """Somebody enters a customer's payment that pays nothing yet. Returns the id."""
        owner, total = customer_id or self.known.customer, Decimal(str(amount))
        body = self._payment("CustomerRef", owner, (total, []), reference=reference)
        return self.add("Payment", **body)

    def apply_credit(self, credit_id: str, row_id: str, amount: Amount | None = None) -> str:
        """Somebody applies a credit memo to an invoice: a payment of 0, whose id is returned."""
        return self._apply("CreditMemo", credit_id, "Invoice", row_id, amount)

    def apply_vendor_credit(self, credit_id: str, row_id: str, amount: Amount | None = None) -> str:
        """The same of a vendor's credit and a bill: a bill payment of 0."""
        return self._apply("VendorCredit", credit_id, "Bill", row_id, amount)

    def _apply(
        self, credit: str, credit_id: str, entity: str, row_id: str, amount: Amount | None
    ) -> str:
        with self.lock:
            least = min(self.balance(credit, credit_id), self.balance(entity, row_id))
            part = least if amount is None else Decimal(str(amount))
            party = ENTITIES[entity].party
            owner = self.books.row(entity, row_id).body[party]["value"]
            links = [_link(entity, row_id, part), _link(credit, credit_id, part)]
            body = self._payment(party, owner, (ZERO, links))
            return self.add("Payment" if entity == "Invoice" else "BillPayment", **body)


def _link(entity: str, row_id: str, amount: Decimal) -> Row:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": row_id, "TxnType": entity}]}
